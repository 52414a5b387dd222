//! Words of all batches, held or on disk.

use std::io;

use exeat_gitwire::pack::Scratch;

/// Words from which on they are put together; a batch may bring as many once more.
pub(super) const CHUNK: usize = 64 << 10;
/// Chunks that are held: 1 MiB, or 2.
const HELD: usize = 2;

/// Words of all batches.
#[derive(Default)]
pub(super) struct Log {
    held: Vec<Vec<u64>>,
    /// The chunks on disk: where they begin, and their words.
    pub(super) spilled: Vec<(u64, usize)>,
    file: Option<Scratch>,
    open: Vec<u64>,
    /// Where in `open` batches begin, and of the other chunks in their order.
    starts: Vec<u32>,
    earlier: Vec<Vec<u32>>,
}

impl Log {
    pub(super) fn add(&mut self, words: &[u64], room: Option<&Scratch>) -> io::Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        self.starts.push(self.open.len() as u32);
        self.open.extend_from_slice(words);
        if self.open.len() < CHUNK {
            return Ok(());
        }
        self.earlier.push(std::mem::take(&mut self.starts));
        if self.held.len() < HELD {
            self.held.push(std::mem::take(&mut self.open));
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(room.ok_or(io::ErrorKind::StorageFull)?.scratch()?),
        };
        let bytes: Vec<u8> = self
            .open
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        file.append(&bytes)?;
        let (start, words) = self.spilled.last().copied().unwrap_or_default();
        let start = start + (words * size_of::<u64>()) as u64;
        self.spilled.push((start, self.open.len()));
        self.open.clear();
        Ok(())
    }

    /// Hands over the words of each batch, from the last to the first, as long as `each` wants more.
    pub(super) fn each_back(&self, each: &mut dyn FnMut(&[u64]) -> bool) -> io::Result<()> {
        if !batches_back(&self.open, &self.starts, each) {
            return Ok(());
        }
        let mut starts = self.earlier.iter().rev();
        let mut starts = || starts.next().map_or(&[][..], Vec::as_slice);
        let (mut bytes, mut words) = (Vec::new(), Vec::new());
        for &(start, count) in self.spilled.iter().rev() {
            let Some(file) = &self.file else { break };
            bytes.resize(count * size_of::<u64>(), 0);
            file.read_at(&mut bytes, start)?;
            words.clear();
            let (whole, _) = bytes.as_chunks();
            words.extend(whole.iter().map(|word| u64::from_le_bytes(*word)));
            if !batches_back(&words, starts(), each) {
                return Ok(());
            }
        }
        for held in self.held.iter().rev() {
            if !batches_back(held, starts(), each) {
                break;
            }
        }
        Ok(())
    }
}

fn batches_back(words: &[u64], starts: &[u32], each: &mut dyn FnMut(&[u64]) -> bool) -> bool {
    let mut end = words.len();
    starts.iter().rev().all(|&start| {
        let start = start as usize;
        let batch = words.get(start..end).unwrap_or_default();
        end = start;
        each(batch)
    })
}
