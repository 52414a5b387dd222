//! A pack resolved and hashed, and nothing else: the floor of what an inspection takes that finds all verdicts known.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};
use exeat_gitwire::pack::{self, Kind, Object, ObjectHasher, Piece, Reader, Sink, SinkClosed};
use exeat_gitwire::{HashKind, ObjectId};

use crate::history::PackFile;
use crate::stages::FileSpool;

/// Bytes that are handed to a thread at once, and how many such parts wait for each thread.
const BATCH: usize = 512 << 10;
const WAITING: usize = 4;

/// How long it takes with so many threads that hash.
pub(crate) fn take(file: &PackFile, threads: usize) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let (sender, receiver) = bounded(threads * WAITING);
    let ids = Arc::new(Ids::default());
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (receiver, ids) = (receiver.clone(), Arc::clone(&ids));
            thread::spawn(move || hash(&receiver, &ids))
        })
        .collect();
    let mut sink = Hashing {
        open: Vec::new(),
        bytes: 0,
        sender,
        ids,
        large: None,
    };
    let mut reader = Reader::new(HashKind::Sha1, pack::Limits::default(), FileSpool::new()?);
    let mut input = File::open(&file.path)?;
    let mut chunk = vec![0; 256 << 10];
    loop {
        match input.read(&mut chunk)? {
            0 => break,
            length => reader.feed(chunk.get(..length).context("a chunk")?, &mut sink)?,
        }
    }
    reader.finish(&mut sink)?;
    sink.settle()?;
    drop(sink);
    for worker in workers {
        worker.join().ok().context("a thread that hashes")?;
    }
    Ok(start.elapsed())
}

fn hash(batches: &Receiver<Vec<Object>>, ids: &Ids) {
    while let Ok(batch) = batches.recv() {
        let contents = batch
            .iter()
            .map(|object| (object.kind, object.data.as_slice()));
        let hashed = pack::object_ids(HashKind::Sha1, contents);
        let numbers = batch.iter().map(|object| object.index);
        ids.done(numbers.zip(hashed.into_iter().filter_map(Result::ok)));
    }
}

/// The ids so far, and how many batches are not done.
#[derive(Default)]
struct Ids {
    state: Mutex<(HashMap<u32, ObjectId>, usize)>,
    settled: Condvar,
}

impl Ids {
    fn state(&self) -> MutexGuard<'_, (HashMap<u32, ObjectId>, usize)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, ids: impl Iterator<Item = (u32, ObjectId)>) {
        let mut state = self.state();
        state.0.extend(ids);
        state.1 -= 1;
        self.settled.notify_all();
    }
}

struct Hashing {
    open: Vec<Object>,
    bytes: usize,
    sender: Sender<Vec<Object>>,
    ids: Arc<Ids>,
    large: Option<ObjectHasher>,
}

impl Hashing {
    fn hand_over(&mut self) -> Result<(), SinkClosed> {
        self.bytes = 0;
        self.ids.state().1 += 1;
        let batch = std::mem::take(&mut self.open);
        self.sender.send(batch).map_err(|_| SinkClosed)
    }
}

impl Sink for Hashing {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        self.bytes += object.data.len();
        self.open.push(object);
        if self.bytes < BATCH {
            return Ok(());
        }
        self.hand_over()
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed> {
        let begin = || ObjectHasher::new(HashKind::Sha1, Kind::Blob, piece.size);
        self.large.get_or_insert_with(begin).update(piece.bytes);
        if !piece.is_last() {
            return Ok(());
        }
        let large = self.large.take().ok_or(SinkClosed)?;
        let id = large.finish().map_err(|_| SinkClosed)?;
        self.ids.state().0.insert(piece.index, id);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        self.hand_over()?;
        let mut state = self.ids.state();
        while state.1 > 0 {
            let waited = self.ids.settled.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        self.ids.state().0.get(&index).copied()
    }
}
