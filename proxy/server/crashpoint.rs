//! Named points of a push at which tests make this process die, panic, wait, or fail to write.
//!
//! `EXEAT_CRASHPOINT=name[:nth]=kill|panic|delay|wait|enospc` strikes when the point is reached for the `nth` time (the first,
//! unless said otherwise; `nth+` strikes every time from then on). Several are separated by commas. `wait` makes the file
//! `name.reached` in the folder that `EXEAT_CRASHPOINT_FOLDER` names, and goes on once `name.go` is there. Only development builds
//! know the variables: where debug assertions are off, both functions are empty and their names are not in the binary.

use std::io;

/// Every point, in the order in which a push that is forwarded passes them.
macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[doc = $doc])+ $point,)+
        }

        // What nobody can name in a release build has no names there.
        #[cfg(debug_assertions)]
        impl Point {
            pub const ALL: &[Self] = &[$(Self::$point,)+];

            /// What the variable calls it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// The configuration and the upstream let the push in; nothing of it was read.
    Admitted = "admitted",
    /// Commands, capabilities and options were read.
    HeadRead = "head-read",
    /// The inspector thread has a spool.
    SpoolOpened = "spool-opened",
    /// A write to the spool is about to be made; many times a push.
    SpoolWrite = "spool-write",
    /// The first bytes of the pack are in the spool.
    FirstChunkSpooled = "first-chunk-spooled",
    /// A worker of the pool takes a batch of objects; many times a push.
    Batch = "batch",
    /// The last byte of the pack is in the spool.
    LastByteSpooled = "last-byte-spooled",
    /// The inspection has ended.
    Inspected = "inspected",
    /// The policy has spoken, nobody knows yet.
    Judged = "judged",
    /// A record is about to be written.
    AuditAppend = "audit-append",
    /// The records are in the transaction, which is about to be committed.
    AuditCommit = "audit-commit",
    /// The decision is durable.
    DecisionWritten = "decision-written",
    /// The pack of a push that is held is in its file, which has not its name yet.
    QuarantineWritten = "quarantine-written",
    /// The console has done what was asked under a key; its answer is not kept yet.
    ConsoleDone = "console-done",
    /// The pack of a push that is held has its name; nobody waits for it yet.
    PackKept = "pack-kept",
    /// The upstream is about to be asked.
    BeforeConnect = "before-connect",
    /// The head of the push was handed over to the upstream's connection.
    HeadSent = "head-sent",
    /// Half of the pack was.
    HalfSent = "half-sent",
    /// All of it was.
    AllSent = "all-sent",
    /// The head of the upstream's answer is here.
    ReportBegun = "report-begun",
    /// The upstream's report was read and passed on.
    ReportRead = "report-read",
    /// The outcome is durable.
    OutcomeWritten = "outcome-written",
    /// The answer is complete.
    AnswerSent = "answer-sent",
}

/// Passes a point in a thread that may wait.
///
/// # Errors
/// With "no space left on device" where a test asks for it; callers that write nothing ignore it.
pub fn pass(point: Point) -> io::Result<()> {
    #[cfg(debug_assertions)]
    if let Some(mut pause) = armed::strike(point)? {
        while let Some(time) = pause.next() {
            std::thread::sleep(time);
        }
    }
    let _ = point;
    Ok(())
}

/// Passes a point in a task.
///
/// # Errors
/// As `pass`.
pub async fn pass_in_task(point: Point) -> io::Result<()> {
    #[cfg(debug_assertions)]
    if let Some(mut pause) = armed::strike(point)? {
        while let Some(time) = pause.next() {
            tokio::time::sleep(time).await;
        }
    }
    let _ = point;
    Ok(())
}

/// Whether the variable, if there is one, can be followed.
///
/// # Errors
/// With what in it is no point or no deed.
pub fn check() -> Result<(), String> {
    #[cfg(debug_assertions)]
    armed::traps().as_ref().map_err(Clone::clone)?;
    Ok(())
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        io,
        path::PathBuf,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use super::Point;

    const VARIABLE: &str = "EXEAT_CRASHPOINT";
    /// How long a delayed point takes: longer than the answer's patience, shorter than any limit's default.
    const DELAY: Duration = Duration::from_secs(5);
    const FOLDER: &str = "EXEAT_CRASHPOINT_FOLDER";
    /// How often it is looked whether the wait is over.
    const LOOK: Duration = Duration::from_millis(10);

    #[derive(Debug)]
    pub(super) struct Trap {
        point: Point,
        nth: u64,
        again: bool,
        deed: Deed,
        passed: AtomicU64,
    }

    #[derive(Clone, Copy, Debug)]
    enum Deed {
        Kill,
        Panic,
        Delay,
        Wait,
        NoSpace,
    }

    /// What a caller has to sleep, piece by piece.
    #[derive(Debug)]
    pub(super) enum Pause {
        Once(Option<Duration>),
        /// Until this file is there.
        Until(PathBuf),
    }

    impl Pause {
        fn at(point: Point) -> io::Result<Self> {
            let folder = std::env::var_os(FOLDER).ok_or(io::ErrorKind::NotFound)?;
            let file = |end: &str| PathBuf::from(&folder).join(format!("{}.{end}", point.name()));
            std::fs::write(file("reached"), "")?;
            Ok(Self::Until(file("go")))
        }

        /// The next piece; none when it is over.
        pub(super) fn next(&mut self) -> Option<Duration> {
            match self {
                Self::Once(time) => time.take(),
                Self::Until(file) => (!file.exists()).then_some(LOOK),
            }
        }
    }

    pub(super) fn traps() -> &'static Result<Vec<Trap>, String> {
        static TRAPS: LazyLock<Result<Vec<Trap>, String>> = LazyLock::new(|| {
            let text = std::env::var(VARIABLE).unwrap_or_default();
            text.split(',')
                .filter(|text| !text.is_empty())
                .map(|text| {
                    Trap::read(text).ok_or_else(|| format!("{VARIABLE}: {text} is not understood"))
                })
                .collect()
        });
        &TRAPS
    }

    /// Does what is asked for at this point; a delay is left to the caller.
    pub(super) fn strike(point: Point) -> io::Result<Option<Pause>> {
        for trap in traps().iter().flatten().filter(|trap| trap.point == point) {
            if !trap.springs() {
                continue;
            }
            match trap.deed {
                Deed::Kill => kill(),
                Deed::Panic => panic!("a panic made at the crash point {}", point.name()),
                Deed::Delay => return Ok(Some(Pause::Once(Some(DELAY)))),
                Deed::Wait => return Pause::at(point).map(Some),
                Deed::NoSpace => return Err(io::ErrorKind::StorageFull.into()),
            }
        }
        Ok(None)
    }

    /// What a power failure leaves of a process: nothing runs any more, not even destructors.
    fn kill() {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }

    impl Trap {
        fn read(text: &str) -> Option<Self> {
            let (place, deed) = text.split_once('=')?;
            let (name, nth) = place.split_once(':').unwrap_or((place, "1"));
            let again = nth.ends_with('+');
            Some(Self {
                point: Point::ALL
                    .iter()
                    .copied()
                    .find(|point| point.name() == name)?,
                nth: nth.trim_end_matches('+').parse().ok()?,
                again,
                deed: match deed {
                    "kill" => Deed::Kill,
                    "panic" => Deed::Panic,
                    "delay" => Deed::Delay,
                    "wait" => Deed::Wait,
                    "enospc" => Deed::NoSpace,
                    _ => return None,
                },
                passed: AtomicU64::new(0),
            })
        }

        fn springs(&self) -> bool {
            let times = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
            times == self.nth || (self.again && times > self.nth)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_trap_springs_when_its_time_has_come() {
            let times = |text: &str| -> Vec<bool> {
                let trap = Trap::read(text).unwrap();
                (0..4).map(|_| trap.springs()).collect()
            };
            assert_eq!(times("judged=kill"), [true, false, false, false]);
            assert_eq!(times("judged:3=kill"), [false, false, true, false]);
            assert_eq!(times("judged:2+=enospc"), [false, true, true, true]);
        }

        #[test]
        fn what_is_no_point_or_deed_is_refused() {
            for text in ["", "judged", "jugded=kill", "judged=die", "judged:x=kill"] {
                assert!(Trap::read(text).is_none(), "{text}");
            }
        }
    }
}
