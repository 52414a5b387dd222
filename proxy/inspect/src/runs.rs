//! Sets of numbers too many to be held: sorted runs in scratch files, merged when they become many.

use std::io;

use exeat_gitwire::pack::Scratch;

/// Runs that are kept side by side; more are merged into one.
const MOST_RUNS: usize = 8;
/// Bytes of a run that are read or written at once.
const PIECE: usize = 64 << 10;
/// Bytes of a number.
const WIDTH: usize = size_of::<u64>();

/// Numbers in scratch files; each may be in several runs, but in one run once.
#[derive(Default)]
pub struct Runs(Vec<Run>);

struct Run {
    file: Scratch,
    /// Bytes in the file.
    length: u64,
}

impl Runs {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds numbers, which must ascend. `file` is an empty scratch file. Returns how many numbers there are,
    /// if the runs were merged, so that each counts once.
    pub fn add(&mut self, sorted: &[u64], file: Scratch) -> io::Result<Option<u64>> {
        let mut run = Writer::new(file);
        for &number in sorted {
            run.push(number)?;
        }
        self.0.push(run.finish()?);
        if self.0.len() < MOST_RUNS {
            return Ok(None);
        }
        self.merge().map(Some)
    }

    /// Hands over every number, run after run, ascending in each, until `each` has enough of the run.
    pub fn each(&self, each: &mut dyn FnMut(Next) -> bool) -> io::Result<()> {
        for run in &self.0 {
            let mut reader = Reader::new(run);
            let mut wanted = each(Next::Run);
            while wanted && let Some(number) = reader.next()? {
                wanted = each(Next::Number(number));
            }
        }
        Ok(())
    }

    fn merge(&mut self) -> io::Result<u64> {
        let runs = std::mem::take(&mut self.0);
        let Some(first) = runs.first() else {
            return Ok(0);
        };
        let mut merged = Writer::new(first.file.scratch()?);
        let mut readers: Vec<Reader<'_>> = runs.iter().map(Reader::new).collect();
        let mut heads = Vec::with_capacity(readers.len());
        for reader in &mut readers {
            heads.push(reader.next()?);
        }
        while let Some(least) = heads.iter().flatten().min().copied() {
            merged.push(least)?;
            for (head, reader) in heads.iter_mut().zip(&mut readers) {
                if *head == Some(least) {
                    *head = reader.next()?;
                }
            }
        }
        drop(readers);
        let merged = merged.finish()?;
        let count = merged.length / WIDTH as u64;
        self.0.push(merged);
        Ok(count)
    }
}

/// What [`Runs::each`] hands over.
pub enum Next {
    /// A run begins.
    Run,
    /// Its next number.
    Number(u64),
}

struct Writer {
    run: Run,
    buffer: Vec<u8>,
}

impl Writer {
    fn new(file: Scratch) -> Self {
        Self {
            run: Run { file, length: 0 },
            buffer: Vec::with_capacity(PIECE),
        }
    }

    fn push(&mut self, number: u64) -> io::Result<()> {
        self.buffer.extend_from_slice(&number.to_le_bytes());
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.run.file.append(&self.buffer)?;
        self.run.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Run> {
        self.flush()?;
        Ok(self.run)
    }
}

struct Reader<'r> {
    run: &'r Run,
    /// How much of the run is in `buffer` or behind it.
    read: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl<'r> Reader<'r> {
    fn new(run: &'r Run) -> Self {
        Self {
            run,
            read: 0,
            buffer: Vec::new(),
            at: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<u64>> {
        if self.at == self.buffer.len() {
            let piece = (self.run.length - self.read).min(PIECE as u64);
            self.buffer.resize(piece as usize, 0);
            self.run.file.read_at(&mut self.buffer, self.read)?;
            self.read += piece;
            self.at = 0;
        }
        let number = self.buffer.get(self.at..self.at + WIDTH);
        self.at += number.map_or(0, <[u8]>::len);
        Ok(number
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn numbers(runs: &Runs) -> (usize, Vec<u64>) {
        let (mut count, mut all) = (0, Vec::new());
        let mut each = |next| {
            match next {
                Next::Run => count += 1,
                Next::Number(number) => all.push(number),
            }
            true
        };
        runs.each(&mut each).unwrap();
        all.sort_unstable();
        (count, all)
    }

    #[test]
    fn many_runs_become_one_without_doubles() {
        let mut runs = Runs::default();
        let mut expected = BTreeSet::new();
        for run in 0..MOST_RUNS as u64 {
            let sorted: Vec<u64> = (0..20_000).map(|number| number * (run % 3 + 1)).collect();
            expected.extend(&sorted);
            let merged = runs.add(&sorted, Box::new(Vec::new())).unwrap();
            let is_last = run + 1 == MOST_RUNS as u64;
            assert_eq!(merged, is_last.then_some(expected.len() as u64));
        }
        let expected: Vec<u64> = expected.into_iter().collect();
        assert_eq!(numbers(&runs), (1, expected));
        runs.add(&[5], Box::new(Vec::new())).unwrap();
        assert_eq!(numbers(&runs).0, 2);
    }

    #[test]
    fn nobody_has_to_read_on() {
        let mut runs = Runs::default();
        for _ in 0..2 {
            runs.add(&[1, 2, 3], Box::new(Vec::new())).unwrap();
        }
        let mut seen = Vec::new();
        let mut each = |next| match next {
            Next::Run => true,
            Next::Number(number) => {
                seen.push(number);
                number < 2
            }
        };
        runs.each(&mut each).unwrap();
        assert_eq!(seen, [1, 2, 1, 2]);
    }
}
