//! What a pack may cost before it is refused.

/// The ceilings of one pack. Errors name the key below `limits` in the
/// configuration, which is the field's name, but `base_cache_bytes` for the cache.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the pack itself, header and trailer included.
    pub pack_bytes: u64,
    /// Objects in the pack.
    pub objects: u32,
    /// Bytes of one object, resolved; also of one delta before it is applied. Never more than 4 GiB less one.
    pub object_bytes: u64,
    /// Bytes of one tree, commit or tag. They are held in memory whole.
    pub tree_bytes: u64,
    /// Larger blobs, and larger deltas, are never held in memory whole: they pass in pieces, and go to scratch
    /// files where they are needed again. Not configurable.
    pub whole_bytes: u64,
    /// Bytes on disk, beside the pack, of large objects that are delta bases.
    pub scratch_bytes: u64,
    /// Bytes that the zlib streams of a pack may inflate to, per byte of the pack; judged once they are more
    /// than [`RATIO_FROM`]. Deltas are not applied for it: what honest packs resolve to has no such bound (4,000
    /// versions of a file of 100 KB make 321 bytes of each), so that `resolved_bytes` bounds it alone. Inflated
    /// alone, histories give 2 to 4, dumps of text 10 to 50, and zlib itself at most 1,032.
    pub inflation_ratio: u32,
    /// Bytes of all objects together, resolved.
    pub resolved_bytes: u64,
    /// Deltas between an object and the base it is finally built from. git writes 50 by default, 4095 at most.
    pub delta_depth: u16,
    /// Bytes of recently resolved objects that are kept as delta bases. As much again is used for
    /// objects larger than an eighth of it, but at least the two last ones are kept.
    pub cache_bytes: usize,
    /// Bytes that may be produced a second time, for bases that fell out of the cache. While entries arrive
    /// this much, or as much as the resolved bytes if that is more; entries beyond it wait for the end of
    /// the pack. There, and for reading single objects later, sixteen times as much, or four times the
    /// resolved bytes.
    pub rework_bytes: u64,
}

/// Inflated bytes from which on their ratio to the pack's is judged.
pub const RATIO_FROM: u64 = 64 << 20;

impl Default for Limits {
    /// 2 GiB of pack, two million objects of up to 512 MiB, 16 GiB resolved, and a cache of 8 MiB.
    fn default() -> Self {
        Self {
            pack_bytes: 2 << 30,
            objects: 2_000_000,
            object_bytes: 512 << 20,
            tree_bytes: 16 << 20,
            whole_bytes: 8 << 20,
            scratch_bytes: 2 << 30,
            inflation_ratio: 200,
            resolved_bytes: 16 << 30,
            delta_depth: 4095,
            cache_bytes: 8 << 20,
            rework_bytes: 256 << 20,
        }
    }
}

impl Limits {
    /// Bytes of rework allowed while entries arrive, when `resolved` bytes were resolved so far.
    pub(super) fn rework_in_order(&self, resolved: u64) -> u64 {
        self.rework_bytes.max(resolved)
    }

    /// Bytes of rework allowed for deferred entries, and again for random access.
    pub(super) fn rework_deferred(&self, resolved: u64) -> u64 {
        let floor = self.rework_bytes.saturating_mul(16);
        floor.max(resolved.saturating_mul(4))
    }
}
