//! What was looked at: the counts that stand on every verdict.

use std::ops::AddAssign;

use exeat_gitwire::pack::Kind;
use serde::{Deserialize, Serialize};

use crate::layers::Decoded;

/// How much of each kind was inspected. A verdict without these counts says little.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub commits: u64,
    pub trees: u64,
    pub blobs: u64,
    pub tags: u64,
    /// Bytes of all objects, resolved (inflated, deltas applied).
    pub bytes: u64,
    pub refs: u64,
    pub options: u64,
    /// Pieces of content that could not be read whole.
    pub not_scannable: u64,
    /// Delta bases that the pack left out and that were fetched; they are not among the objects above.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bases: u64,
    /// Parts of them that were encoded or packed, and were decoded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub layers: u64,
    /// Bytes of those parts, decoded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decoded: u64,
    /// Those of them that are members of archives.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub members: u64,
    /// Pixels of images, samples of sound and film, outlines of fonts: not read, and no text can stand there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub media: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Coverage {
    /// Counts one object of `length` bytes.
    pub fn count(&mut self, kind: Kind, length: u64) {
        match kind {
            Kind::Commit => self.commits += 1,
            Kind::Tree => self.trees += 1,
            Kind::Blob => self.blobs += 1,
            Kind::Tag => self.tags += 1,
        }
        self.bytes += length;
    }

    /// Counts what was decoded of one text.
    pub fn count_decoded(&mut self, decoded: &Decoded) {
        self.layers += decoded.layers;
        self.decoded += decoded.bytes;
        self.members += decoded.members;
        self.media += decoded.media;
    }

    /// All objects, of whatever kind.
    pub fn objects(&self) -> u64 {
        self.commits + self.trees + self.blobs + self.tags
    }
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.trees += other.trees;
        self.blobs += other.blobs;
        self.tags += other.tags;
        self.bytes += other.bytes;
        self.refs += other.refs;
        self.options += other.options;
        self.not_scannable += other.not_scannable;
        self.bases += other.bases;
        self.layers += other.layers;
        self.decoded += other.decoded;
        self.members += other.members;
        self.media += other.media;
    }
}
