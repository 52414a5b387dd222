//! A message as blocks.

use crate::{Block, Collision, Digest};

/// Bytes of the length at the end of the last block, in bits.
const LENGTH: usize = 8;
const BLOCK: usize = size_of::<Block>();

/// A message in two parts, such as what git puts before an object, and the object.
#[derive(Clone, Copy)]
pub struct Message<'m> {
    pub head: &'m [u8],
    pub body: &'m [u8],
}

impl<'m> Message<'m> {
    fn len(&self) -> u64 {
        self.head.len() as u64 + self.body.len() as u64
    }

    /// Blocks, with what is added at the end.
    pub(crate) fn count(&self) -> u64 {
        (self.len() + 1 + LENGTH as u64).div_ceil(BLOCK as u64)
    }

    /// Whether it can be told in [`Blocks`].
    pub(crate) fn has_short_head(&self) -> bool {
        self.head.len() <= BLOCK
    }

    /// Its sum, computed alone.
    pub(crate) fn alone(&self) -> Result<Digest, Collision> {
        let mut hasher = sha1dc::Hasher::new();
        hasher.update(self.head);
        hasher.update(self.body);
        let digest = hasher.finalize().map_err(|_| Collision)?;
        Ok(digest.to_bytes())
    }
}

/// The blocks of a message: those in the middle lie in it, those at its ends are put together here.
pub struct Blocks<'m> {
    /// The head and what comes behind it, where that is a block or more.
    first: Option<Block>,
    middle: &'m [Block],
    last: [Block; 2],
    lasts: usize,
}

impl<'m> Blocks<'m> {
    /// Those of a message whose head is at most a block.
    pub fn of(message: &Message<'m>) -> Self {
        let head = message.head;
        let mut first = [0; BLOCK];
        let (begin, room) = first.split_at_mut(head.len());
        begin.copy_from_slice(head);
        let (first, rest) = match message.body.split_at_checked(room.len()) {
            Some((begin, rest)) => {
                room.copy_from_slice(begin);
                (Some(first), rest)
            }
            None => (None, message.body),
        };
        let (middle, rest) = rest.as_chunks::<BLOCK>();
        let mut last = [0; 2 * BLOCK];
        let mut end = 0;
        let unread = if first.is_some() { &[] } else { head };
        for part in [unread, rest] {
            last[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        last[end] = 0x80;
        let lasts = (end + 1 + LENGTH).div_ceil(BLOCK);
        let length = (message.len() * 8).to_be_bytes();
        last[lasts * BLOCK - LENGTH..lasts * BLOCK].copy_from_slice(&length);
        let (blocks, _) = last.as_chunks();
        Self {
            first,
            middle,
            last: [blocks[0], blocks[1]],
            lasts,
        }
    }

    /// In runs, in their order.
    pub fn runs(&self) -> [&[Block]; 3] {
        [self.first.as_slice(), self.middle, &self.last[..self.lasts]]
    }
}
