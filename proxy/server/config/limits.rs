//! `[limits]`: every ceiling of the pipeline.

use std::time::Duration;

use exeat_gitwire::pack;

use super::section::Section;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const DAY: u64 = 24 * 60 * 60;

/// One line per limit: documentation, name, type, default, largest value that is taken.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr, at most $most:expr;)+) => {
        /// Every ceiling of the pipeline. Sizes are bytes, times are whole seconds in the file. All are at least 1.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $kind,)+
        }

        impl Limits {
            fn read_each(section: &mut Section<'_>) -> Self {
                Self {
                    $($name: Limit::from_number(
                        section.number(stringify!($name), 1..=$most).unwrap_or($default),
                    ),)+
                }
            }

            /// Names and values as the file has them, in the order of the struct.
            pub(super) fn numbers(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.number()),)+]
            }

            #[cfg(test)]
            pub(super) const DEFAULTS: &[(&str, u64)] = &[$((stringify!($name), $default),)+];
        }
    };
}

limits! {
    /// Bytes of a push request before its pack: commands, capabilities, options. Default 16 MiB: 10,000 commands with
    /// names of 1,024 bytes and more. Held in memory.
    head_bytes: usize = 16 * MIB, at most 256 * MIB;
    /// Ref updates in one push. Default 10,000: a mirror push of a large repository.
    commands: usize = 10_000, at most 1_000_000;
    /// Bytes of a ref's name. Default 1,024: longer names fail on common file systems anyway.
    ref_name_bytes: usize = KIB, at most 60 * KIB;
    /// Push options in one push. Default 100: forges know a dozen.
    push_options: usize = 100, at most 10_000;
    /// Bytes of one push option. Default 64 KiB: what one line of the protocol can hold.
    push_option_bytes: usize = 64 * KIB, at most 64 * KIB;
    /// Bytes of a pack as it is sent. Default 2 GiB: the largest push that the big forges take.
    pack_bytes: u64 = 2 * GIB, at most TIB;
    /// Bytes of one object, inflated. Default 512 MiB: forges stop at 100 MB. Files above 8 MiB are read in pieces.
    object_bytes: u64 = 512 * MIB, at most 4 * GIB - 1;
    /// Bytes of one tree, commit or tag, inflated. Default 16 MiB: a folder of 400,000 files. It is held in memory whole.
    tree_bytes: u64 = 16 * MIB, at most GIB;
    /// Objects in a pack. Default 2,000,000: a first push of a large repository. About 64 bytes of memory each.
    objects: u32 = 2_000_000, at most 100_000_000;
    /// Bytes that a pack may inflate to for each of its own, judged above 64 MiB. Default 200: histories give 4, dumps
    /// of text 50, zeros 1,032. What deltas build is bounded by `resolved_bytes`.
    inflation_ratio: u32 = 200, at most 2_000;
    /// Bytes of all objects of a pack together, inflated and deltas applied. Default 16 GiB: stops packs that are small
    /// on the wire and endless inside.
    resolved_bytes: u64 = 16 * GIB, at most 16 * TIB;
    /// Deltas in a row until a whole object. Default 4,095: git never writes more.
    delta_depth: u16 = 4_095, at most 65_535;
    /// Bytes of resolved bases that one push keeps in memory. Default 8 MiB: larger finds hardly more bases at hand.
    base_cache_bytes: usize = 8 * MIB, at most 2 * GIB;
    /// Bytes on disk that one push may take beside its pack, for files above 8 MiB that are delta bases. Default 2 GiB:
    /// four of the largest. They count in `spool_bytes`.
    scratch_bytes: u64 = 2 * GIB, at most TIB;
    /// Bytes of memory for verdicts on objects of earlier pushes, so that history that is pushed again is hashed and not
    /// inspected again. Default 64 MiB: some 200,000 objects and more. 1 keeps none.
    verdict_bytes: usize = 64 * MIB, at most 64 * GIB;
    /// Findings that one push reports; the rest is counted. Default 1,000: nobody reads more.
    findings: usize = 1_000, at most 1_000_000;
    /// Bytes of spooled packs on disk, all pushes together. Default 20 GiB: ten of the largest at once.
    spool_bytes: u64 = 20 * GIB, at most 1_024 * TIB;
    /// Pushes in work at once; further ones are asked to come again. Default 64: each may hold 64 MiB. At most 400:
    /// each takes one of the 512 threads that files need, too.
    pushes: usize = 64, at most 400;
    /// Pushes in work at once with one credential, or from one address without any. Default 48: three quarters of
    /// `pushes`, so that nobody takes every place.
    pushes_per_user: usize = 48, at most 400;
    /// Client connections at once; a further one takes the place of the one that has been idle longest, or is refused
    /// where all are busy. Default 16,384: ten thousand developers' idle ones; fewer where the system allows fewer files.
    connections: usize = 16_384, at most 1_000_000;
    /// Seconds for a request's head to arrive. Default 30: longer is a client that holds a connection on purpose.
    header_seconds: Duration = 30, at most 3_600;
    /// Seconds that a connection may stay open between two requests. Default 60: git asks the next thing within seconds.
    idle_seconds: Duration = 60, at most 3_600;
    /// Seconds without a byte of a request's body. Default 60: git may count objects for a while before it sends.
    body_idle_seconds: Duration = 60, at most 3_600;
    /// Bytes of a request's body that must come in each second of waiting for it, measured over `body_idle_seconds`.
    /// Default 500: what the slowest modem sends; less is a client that holds a place on purpose.
    body_bytes_per_second: u64 = 500, at most MIB;
    /// Seconds that a client may take nothing of an answer that waits for it. Default 120: longer than a slow line needs
    /// for what the system has buffered.
    answer_idle_seconds: Duration = 120, at most 3_600;
    /// Seconds of inspection after the last byte of a push. Default 300: past that the push is refused, not let through.
    inspect_seconds: Duration = 300, at most DAY;
    /// Seconds of a whole push, from its first byte to the verdict. Default 600: 2 GiB at 30 Mbit/s.
    push_seconds: Duration = 600, at most DAY;
    /// Seconds to connect to an upstream, TLS included. Default 10: a forge that needs longer is down.
    upstream_connect_seconds: Duration = 10, at most 600;
    /// Seconds without a sign of an upstream: not a byte of an answer, nothing read of a push. Default 60: forges send
    /// keep-alives while they work. To take a push it may in silence have a second more for each MiB of it: some say nothing
    /// while they unpack, and some proxies before them hold back what they say.
    upstream_idle_seconds: Duration = 60, at most 3_600;
    /// Seconds of an upstream's whole answer to a push, keep-alives included. Default 1,800: slow hooks of a large forge.
    upstream_answer_seconds: Duration = 1_800, at most DAY;
    /// Bytes of an upstream's whole answer to a push. Default 16 MiB: reports of 10,000 refs and much to say.
    upstream_answer_bytes: u64 = 16 * MIB, at most GIB;
    /// Seconds in which an upstream whose answer was lost is asked whether it took the push, three times at most.
    /// Default 6.
    upstream_reconcile_seconds: Duration = 6, at most 600;
    /// Bytes of an upstream's ref advertisement. Default 64 MiB: about a million refs.
    advertisement_bytes: u64 = 64 * MIB, at most 4 * GIB;
    /// Bytes of a fetch request's body. Default 64 MiB: about a million wants and haves.
    fetch_request_bytes: u64 = 64 * MIB, at most 4 * GIB;
    /// Bytes of a push that are read before the upstream has accepted its credential. Default 64 KiB: git's own probe is
    /// 4 bytes, small pushes fit; more would let strangers fill the spool.
    unauthenticated_body_bytes: u64 = 64 * KIB, at most MIB;
    /// Seconds that an approval of a held push holds. Default 259,200, three days: over a weekend.
    approval_seconds: Duration = 3 * DAY, at most 366 * DAY;
    /// Seconds that a push with `exeat.wait` stays open for a decision. Default 3,600: it is held all the same after it.
    wait_seconds: Duration = 3_600, at most DAY;
    /// Pushes of one person, account or credential that wait for a decision or their use. Default 32: more is a robot.
    held_per_user: u64 = 32, at most 100_000;
    /// Pushes that stay open for a decision at once. Default 64: each keeps a connection, and nothing else.
    waiting: usize = 64, at most 10_000;
    /// Seconds that pushes in work get to end when the server is asked to stop. Default 30: what service managers allow.
    drain_seconds: Duration = 30, at most 3_600;
}

impl Limits {
    /// The part that bounds one pack. What is not configurable has the pack reader's own default.
    pub fn pack(&self) -> pack::Limits {
        pack::Limits {
            pack_bytes: self.pack_bytes,
            objects: self.objects,
            object_bytes: self.object_bytes,
            resolved_bytes: self.resolved_bytes,
            delta_depth: self.delta_depth,
            tree_bytes: self.tree_bytes,
            inflation_ratio: self.inflation_ratio,
            scratch_bytes: self.scratch_bytes,
            cache_bytes: self.base_cache_bytes,
            ..pack::Limits::default()
        }
    }

    pub(super) fn read(mut section: Section<'_>) -> Self {
        let limits = Self::read_each(&mut section);
        let mut at_least = |larger: &str, most: u64, smaller: &str, least: u64| {
            if most < least {
                section.refuse(
                    larger,
                    format!("expected at least limits.{smaller} ({least}), found {most}"),
                );
            }
        };
        let (object, pack) = (limits.object_bytes, limits.pack_bytes);
        at_least(
            "resolved_bytes",
            limits.resolved_bytes,
            "object_bytes",
            object,
        );
        at_least("spool_bytes", limits.spool_bytes, "pack_bytes", pack);
        at_least(
            "push_seconds",
            limits.push_seconds.as_secs(),
            "inspect_seconds",
            limits.inspect_seconds.as_secs(),
        );
        section.finish();
        limits
    }
}

/// A limit's type. Ceilings keep every value within it, on 32-bit machines too.
trait Limit {
    fn from_number(number: u64) -> Self;
    fn number(&self) -> u64;
}

macro_rules! whole {
    ($($kind:ty),+) => {$(
        impl Limit for $kind {
            fn from_number(number: u64) -> Self {
                Self::try_from(number).unwrap_or(Self::MAX)
            }

            fn number(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        }
    )+};
}

whole!(u16, u32, u64, usize);

impl Limit for Duration {
    fn from_number(number: u64) -> Self {
        Self::from_secs(number)
    }

    fn number(&self) -> u64 {
        self.as_secs()
    }
}
