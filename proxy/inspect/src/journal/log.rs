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

    /// Hands over the words of each batch, as long as `each` wants more.
    pub(super) fn each(&self, each: &mut dyn FnMut(&[u64]) -> bool) -> io::Result<()> {
        let mut starts = self.earlier.iter();
        let mut starts = || starts.next().map_or(&[][..], Vec::as_slice);
        for held in &self.held {
            if !batches(held, starts(), each) {
                return Ok(());
            }
        }
        let (mut bytes, mut words) = (Vec::new(), Vec::new());
        for &(start, count) in &self.spilled {
            let Some(file) = &self.file else { break };
            bytes.resize(count * size_of::<u64>(), 0);
            file.read_at(&mut bytes, start)?;
            words.clear();
            let (whole, _) = bytes.as_chunks();
            words.extend(whole.iter().map(|word| u64::from_le_bytes(*word)));
            if !batches(&words, starts(), each) {
                return Ok(());
            }
        }
        batches(&self.open, &self.starts, each);
        Ok(())
    }
}

fn batches(words: &[u64], starts: &[u32], each: &mut dyn FnMut(&[u64]) -> bool) -> bool {
    let ends = starts.iter().skip(1).map(|&end| end as usize);
    let mut ends = ends.chain([words.len()]);
    starts.iter().all(|&start| {
        let end = ends.next().unwrap_or_default();
        each(words.get(start as usize..end).unwrap_or_default())
    })
}
