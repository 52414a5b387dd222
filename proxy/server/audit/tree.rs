//! The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashes, roots and inclusion proofs.
//!
//! Pure. Inputs of leaf and node hashes begin with different bytes, so that no leaf can be taken for a node.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    hasher.finalize().into()
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// What a growing tree needs to remember: the roots of its complete subtrees, largest first, one per bit of its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one bit of the size is a complete subtree as large as what we hold: the two make a larger one.
        for _ in 0..self.size.trailing_ones() {
            match self.peaks.pop() {
                Some(left) => hash = node_hash(&left, &hash),
                None => break,
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree; for an empty one the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root over leaf hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

/// The proof that the leaf at `index`, counted from 0, is in the tree over `leaves`: the neighbours on its way to the root,
/// nearest first. None where there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let mut proof = Vec::new();
    let (mut index, mut leaves) = (index, leaves);
    if index >= leaves.len() {
        return None;
    }
    // From the root down; RFC 6962 splits at the largest power of two below the size.
    while leaves.len() > 1 {
        let split = 1_usize << (leaves.len() - 1).ilog2();
        let (left, right) = leaves.split_at(split);
        if index < split {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            index -= split;
            leaves = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` shows that `leaf` stands at `index`, counted from 0, of the tree with `size` leaves and this root
/// (RFC 9162, section 2.1.3.2, which gives the procedure for the same trees).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for neighbour in proof {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(neighbour, &hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, neighbour);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves and roots of the Certificate Transparency reference tests (`merkletree/merkle_tree_test.cc`).
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn known() -> Vec<Hash> {
        LEAVES
            .iter()
            .map(|leaf| leaf_hash(&hex::decode(leaf).unwrap()))
            .collect()
    }

    /// RFC 6962's definition, word for word.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&defined(&leaves[..split]), &defined(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_are_the_published_ones() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(Frontier::default().root()), empty);
        let mut frontier = Frontier::default();
        for (leaf, expected) in known().into_iter().zip(ROOTS) {
            frontier.push(leaf);
            assert_eq!(
                hex::encode(frontier.root()),
                expected,
                "size {}",
                frontier.size()
            );
        }
    }

    #[test]
    fn an_inclusion_proof_is_the_published_one() {
        let proof = inclusion_proof(&known(), 5).unwrap();
        let proof: Vec<String> = proof.iter().map(hex::encode).collect();
        assert_eq!(
            proof,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_and_nothing_else_is() {
        let leaves: Vec<Hash> = (0..70_u8).map(|number| leaf_hash(&[number])).collect();
        for size in 0..leaves.len() {
            let tree = &leaves[..size];
            let root = root(tree);
            assert_eq!(root, defined(tree), "size {size}");
            assert_eq!(inclusion_proof(tree, size), None);
            for index in 0..size {
                let proof = inclusion_proof(tree, index).unwrap();
                let check =
                    |leaf: &Hash, index: usize, size: usize, proof: &[Hash], root: &Hash| {
                        verify_inclusion(leaf, index as u64, size as u64, proof, root)
                    };
                assert!(
                    check(&tree[index], index, size, &proof, &root),
                    "{index} of {size}"
                );
                assert!(!check(&leaves[size], index, size, &proof, &root));
                assert!(!check(
                    &tree[index],
                    index,
                    size,
                    &proof,
                    &leaf_hash(b"other")
                ));
                assert!(!check(&tree[index], size, size, &proof, &root));
                let mut longer = proof.clone();
                longer.push(root);
                assert!(!check(&tree[index], index, size, &longer, &root));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!check(&tree[index], index, size, shorter, &root));
                }
                if size > 1 {
                    assert!(!check(
                        &tree[index],
                        (index + 1) % size,
                        size,
                        &proof,
                        &root
                    ));
                }
            }
        }
    }
}
