//! Why a pack is refused: every reason by name, in words a developer can read.

use std::io;

use gix_hash::ObjectId;

use super::{Kind, SinkClosed, delta};

/// A pack that cannot be taken. Nothing of it is clean once one of these was returned.
///
/// Objects are numbered from one in the texts, from zero in the fields.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first four bytes are not `PACK`.
    #[error("the data sent is not a git pack")]
    NotAPack,
    /// Version 3 has no writer, and what nobody writes nobody needs to read.
    #[error("version {version} of the pack format is not supported, only version 2 is")]
    Version {
        /// The version the header names.
        version: u32,
    },
    /// The stream ended before the trailer did.
    #[error("the pack ends early: {complete} of its {declared} objects arrived")]
    Truncated {
        /// Objects that arrived whole.
        complete: u32,
        /// Objects the header promised; zero while the header itself is incomplete.
        declared: u32,
    },
    /// Bytes behind the trailer: git ignores them, and a forge would receive them unseen.
    #[error("bytes follow the end of the pack")]
    TrailingBytes,
    /// The trailer is not the hash of everything before it.
    #[error("the checksum at the end of the pack does not match its content")]
    Checksum,
    /// One object cannot be read.
    #[error("object {} of the pack: {fault}", .index.saturating_add(1))]
    Entry {
        /// Position in the pack, from zero.
        index: u32,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A delta whose base is neither in the pack nor was supplied.
    #[error(
        "the pack needs object {id} as a delta base but does not contain it ({count} object(s) cannot be resolved)"
    )]
    MissingBase {
        /// One base that is missing.
        id: ObjectId,
        /// How many objects of the pack depend on missing bases.
        count: u32,
    },
    /// A delta whose base is not in the pack and could not be fetched.
    #[error(
        "the pack needs object {id} as a delta base, and {why}; push again with 'git push --no-thin'"
    )]
    BaseUnavailable {
        /// The base.
        id: ObjectId,
        /// Why it could not be had.
        why: String,
    },
    /// More bases are missing than are fetched for one pack.
    #[error(
        "the pack needs object {id} as a delta base and more than {limit} such objects in all; \
         push again with 'git push --no-thin'"
    )]
    TooManyBases {
        /// One base that is missing.
        id: ObjectId,
        /// The limit.
        limit: usize,
    },
    /// The hash function met content made to collide with other content.
    #[error("the content of an object was made to collide with another one under SHA-1")]
    Collision,
    /// `limits.pack_bytes` reached.
    #[error("the pack is larger than limits.pack_bytes allows ({limit} bytes)")]
    PackBytes {
        /// The limit, in bytes.
        limit: u64,
    },
    /// `limits.objects` reached, by the count in the header.
    #[error("the pack declares {declared} objects, limits.objects allows {limit}")]
    Objects {
        /// The count in the header.
        declared: u32,
        /// The limit.
        limit: u32,
    },
    /// `limits.inflation_ratio` reached.
    #[error(
        "the pack inflates to more than {limit} bytes for each of its own, which limits.inflation_ratio allows \
         at most above 64 MiB"
    )]
    InflationRatio {
        /// The limit, in inflated bytes per byte.
        limit: u32,
    },
    /// `limits.resolved_bytes` reached.
    #[error(
        "the objects of the pack add up to more than limits.resolved_bytes allows ({limit} bytes)"
    )]
    ResolvedBytes {
        /// The limit, in bytes.
        limit: u64,
    },
    /// `limits.scratch_bytes` reached.
    #[error(
        "rebuilding the large files of the pack takes more room on disk than limits.scratch_bytes allows ({limit} bytes)"
    )]
    ScratchBytes {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The order of the deltas makes the same bases be rebuilt over and over.
    #[error(
        "the deltas of the pack are ordered so that rebuilding their bases takes more than {limit} bytes of work \
         (limits.base_cache_bytes); repack with 'git repack -adf' and push again"
    )]
    Rework {
        /// The bound that would have been passed, in bytes produced.
        limit: u64,
    },
    /// Asked for the whole content of a blob that is too large to be held.
    #[error("object {} of the pack is too large to be held in memory", .index.saturating_add(1))]
    NotWhole {
        /// Position asked for, from zero.
        index: u32,
    },
    /// Asked for an object the pack does not have.
    #[error("the pack has no object number {}", .index.saturating_add(1))]
    NoSuchObject {
        /// Position asked for, from zero.
        index: u32,
    },
    /// The reader was used after it had refused the pack.
    #[error("the pack was refused already")]
    Refused,
    /// The spool could not be written or read.
    #[error("the spool of the pack failed: {0}")]
    Spool(#[from] io::Error),
    /// The receiver of the objects went away.
    #[error(transparent)]
    SinkClosed(#[from] SinkClosed),
}

/// What is wrong with one entry of a pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Types 0 and 5 are reserved.
    #[error("its type is {0}, which git does not use")]
    Type(u8),
    /// The size in the header does not fit 64 bits.
    #[error("its size does not fit 64 bits")]
    SizeOverflow,
    /// The distance to the base does not fit 64 bits.
    #[error("the distance to its delta base does not fit 64 bits")]
    DistanceOverflow,
    /// The base would lie before the first entry.
    #[error("its delta base lies before the start of the pack's objects")]
    BaseBeforePack,
    /// The base offset is no entry's first byte.
    #[error("its delta base offset does not point to the start of an earlier object")]
    BaseNotAnEntry,
    /// `limits.object_bytes` passed by the declared size, of the object or of its delta.
    #[error("it declares {size} bytes, limits.object_bytes allows {limit}")]
    ObjectBytes {
        /// The declared size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// `limits.tree_bytes` passed by the declared size of a tree, commit or tag.
    #[error("it is a {kind} and declares {size} bytes, limits.tree_bytes allows {limit}")]
    TreeBytes {
        /// What it is.
        kind: Kind,
        /// The declared size, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// `limits.delta_depth` passed.
    #[error("its delta chain is longer than limits.delta_depth allows ({limit})")]
    DeltaDepth {
        /// The limit, in deltas.
        limit: u16,
    },
    /// Not a zlib stream, or its check value is wrong.
    #[error("its zlib stream is corrupt")]
    Zlib,
    /// The stream holds more than the header says.
    #[error("its zlib stream holds more than the {declared} bytes its header declares")]
    ZlibTooLong {
        /// The declared size, in bytes.
        declared: u64,
    },
    /// The stream holds less than the header says.
    #[error("its zlib stream holds {found} bytes, its header declares {declared}")]
    ZlibTooShort {
        /// The declared size, in bytes.
        declared: u64,
        /// What came out, in bytes.
        found: u64,
    },
    /// Compressed bytes beyond what its size can need: padding by empty blocks.
    #[error("its zlib stream is longer than its size can need ({limit} bytes)")]
    ZlibPadding {
        /// The bound, in compressed bytes.
        limit: u64,
    },
    /// The delta itself is wrong.
    #[error(transparent)]
    Delta(#[from] delta::Error),
}

impl Fault {
    /// This fault as the fault of entry `index`.
    pub(super) fn at(self, index: u32) -> Error {
        Error::Entry { index, fault: self }
    }
}
