//! A blob that is never held whole: hashed and examined while its pieces pass.
//!
//! Its chunks have to be taken in order, by one worker at a time, whichever is free: a worker that waited
//! for the next chunk of a slow push would be lost for all others. So the work under way lies beside the
//! queue of chunks; who takes it works until the queue is empty and puts it back.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use exeat_gitwire::{
    ObjectId,
    pack::{self, Kind, ObjectHasher, Pack, Piece, Spool},
};

use crate::{
    batch::{Pending, Shared},
    examine::{Examined, Examiner},
    extract::{Alone, LONGEST, Why},
    finding::Part,
    gather::Gathered,
    pack::Error,
    pool::{Pool, Worker},
    stages::{self, Stages},
    stream::StreamedText,
    verdicts::Verdict,
};

/// Bytes handed to a worker at once.
const CHUNK: usize = 512 << 10;

/// The side that the pieces come from.
pub struct LargeBlob {
    blob: Arc<Blob>,
    chunk: Vec<u8>,
}

struct Blob {
    index: u32,
    size: u64,
    shared: Arc<Shared>,
    queue: Mutex<Queue>,
}

struct Queue {
    chunks: VecDeque<Chunk>,
    /// `None` while somebody is at work.
    work: Option<Box<Work>>,
    /// There is no more work to do, or it failed.
    closed: bool,
}

struct Chunk {
    bytes: Vec<u8>,
    is_last: bool,
    pending: Pending,
}

/// How far the blob has been read.
struct Work {
    hasher: ObjectHasher,
    /// Made by the first worker.
    text: Option<StreamedText>,
}

impl LargeBlob {
    /// The blob whose first piece is `piece`.
    pub fn begin(shared: &Arc<Shared>, piece: &Piece<'_>) -> Self {
        let work = Work {
            hasher: ObjectHasher::new(shared.hash, Kind::Blob, piece.size),
            text: None,
        };
        Self {
            blob: Arc::new(Blob {
                index: piece.index,
                size: piece.size,
                shared: Arc::clone(shared),
                queue: Mutex::new(Queue {
                    chunks: VecDeque::new(),
                    work: Some(Box::new(work)),
                    closed: false,
                }),
            }),
            chunk: Vec::new(),
        }
    }

    /// Takes the next piece; waits while too much of the push is in the queue.
    pub fn feed(&mut self, pool: &Pool, piece: &Piece<'_>) {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve_exact(CHUNK.max(piece.bytes.len()));
        }
        self.chunk.extend_from_slice(piece.bytes);
        if self.chunk.len() + piece.bytes.len() <= CHUNK && !piece.is_last() {
            return;
        }
        let bytes = std::mem::take(&mut self.chunk);
        let pending = self.blob.shared.enqueue(bytes.len());
        let mut queue = self.blob.queue();
        if queue.closed {
            drop(queue);
            return pending.done();
        }
        queue.chunks.push_back(Chunk {
            bytes,
            is_last: piece.is_last(),
            pending,
        });
        // Who is at work will see it.
        if let Some(work) = queue.work.take() {
            drop(queue);
            let turn = Turn {
                blob: Arc::clone(&self.blob),
                work: Some(work),
                ended: false,
            };
            pool.submit(Box::new(move |worker| turn.run(worker)));
        }
    }
}

impl Blob {
    /// Held for moments only, by code that keeps its data whole.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the hits of the whole text.
    fn finish(&self, id: ObjectId, examined: Examined) {
        let mut gathered = Gathered::default();
        gathered.take_large(self.index, id, self.size, examined);
        gathered.merge_into(|| self.shared.state(), &self.shared);
    }
}

/// One worker's turn at the blob. Where it ends because the work is done or lost, by a panic too, the
/// chunks that wait are given back.
struct Turn {
    blob: Arc<Blob>,
    work: Option<Box<Work>>,
    /// The work was put back for the next one.
    ended: bool,
}

impl Turn {
    fn run(mut self, worker: &mut Worker) {
        let shared = Arc::clone(&self.blob.shared);
        let examiner = worker.examiner(&shared.rules, &shared.key);
        examiner.time_by(shared.clock);
        examiner.ask_of_licences(shared.licences.as_ref());
        while let Some((chunk, work)) = self.next() {
            let taken = shared
                .go_on()
                .and_then(|()| self.take(work, examiner, &chunk));
            if let Err(error) = taken {
                shared.state().failure.get_or_insert(error);
            }
            shared.state().stages += examiner.take_spent();
            chunk.pending.done();
        }
    }

    /// The next chunk, or the end of the turn.
    fn next(&mut self) -> Option<(Chunk, Box<Work>)> {
        let work = self.work.take()?;
        let mut queue = self.blob.queue();
        match queue.chunks.pop_front() {
            Some(chunk) => Some((chunk, work)),
            None => {
                queue.work = Some(work);
                self.ended = true;
                None
            }
        }
    }

    fn take(
        &mut self,
        mut work: Box<Work>,
        examiner: &mut Examiner,
        chunk: &Chunk,
    ) -> Result<(), Error> {
        let text = work.text.get_or_insert_with(|| StreamedText::new(examiner));
        let clock = self.blob.shared.clock;
        let mut stages = Stages::default();
        stages.effort.hashed = chunk.bytes.len() as u64;
        stages::timed(clock, &mut stages.hash, || {
            work.hasher.update(&chunk.bytes);
        });
        self.blob.shared.state().stages += stages;
        text.feed(examiner, &chunk.bytes);
        if !chunk.is_last {
            self.work = Some(work);
            return Ok(());
        }
        let id = work.hasher.finish()?;
        let text = work.text.unwrap_or_else(|| StreamedText::new(examiner));
        self.blob.finish(id, text.finish(examiner));
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let waiting = {
            let mut queue = self.blob.queue();
            queue.closed = true;
            std::mem::take(&mut queue.chunks)
        };
        drop(waiting);
    }
}

/// Looks into the blobs that passed in pieces, which takes all of each at once: one after the other, and of all pushes one at a time.
///
/// # Errors
/// When the spool cannot be read again, or the inspection is stopped.
pub fn look_into<S: Spool>(
    pack: &mut Pack<S>,
    large: Vec<(u32, ObjectId, u64)>,
    shared: &Shared,
    examiner: &mut Examiner,
) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    for (index, id, size) in large {
        shared.go_on()?;
        let alone = Alone::wait();
        let mut examined = Examined::default();
        let text = match pack.read_large(index, LONGEST) {
            Ok(text) => text,
            // It takes too much work to be built again.
            Err(pack::Error::Rework { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let verdict = match text {
            Some(text) => {
                let look = || {
                    examiner.look_into(&text, Some(alone), &mut examined);
                    (Verdict::all_of(Part::File, examined), Vec::new())
                };
                shared.once(id, Kind::Blob, &text, look)?.0
            }
            None => {
                examined.unread.push((Vec::new(), Why::TooLong));
                Verdict::all_of(Part::File, examined)
            }
        };
        gathered.take_layers(index, id, size, verdict);
    }
    Ok(gathered)
}

#[cfg(test)]
mod tests {
    use exeat_gitwire::{HashKind, pack::object_id};

    use super::*;
    use crate::batch::tests::shared;

    fn feed(pool: &Pool, shared: &Arc<Shared>, content: &[u8], size: usize) {
        let mut large = None;
        for (number, bytes) in content.chunks(10_000).enumerate() {
            let piece = Piece {
                index: 0,
                size: size as u64,
                offset: number as u64 * 10_000,
                bytes,
            };
            large
                .get_or_insert_with(|| LargeBlob::begin(shared, &piece))
                .feed(pool, &piece);
        }
    }

    #[test]
    fn chunks_are_taken_in_order_by_whoever_is_free() {
        let pool = Pool::start(4).unwrap();
        let content: Vec<u8> = (0..20 << 20).map(|at: u32| (at % 251) as u8).collect();
        let shared = shared();
        feed(&pool, &shared, &content, content.len());
        let state = shared.settle();
        assert!(state.failure.is_none());
        assert_eq!(state.coverage.bytes, content.len() as u64);
        let id = object_id(HashKind::Sha1, Kind::Blob, &content).unwrap();
        assert_eq!(state.ids.get(0), Some(id));
    }

    #[test]
    fn a_stopped_blob_gives_back_its_share() {
        let pool = Pool::start(1).unwrap();
        let shared = shared();
        shared
            .cancelled
            .store(true, std::sync::atomic::Ordering::Relaxed);
        feed(&pool, &shared, &vec![0; 20 << 20], 20 << 20);
        let state = shared.settle();
        assert!(matches!(state.failure, Some(Error::Cancelled)));
        assert_eq!(state.coverage.blobs, 0);
    }

    #[test]
    fn a_panic_gives_back_what_waits() {
        let shared = shared();
        let piece = Piece {
            index: 0,
            size: 100,
            offset: 0,
            bytes: b"x",
        };
        let large = LargeBlob::begin(&shared, &piece);
        let mut queue = large.blob.queue();
        for _ in 0..3 {
            queue.chunks.push_back(Chunk {
                bytes: b"x".to_vec(),
                is_last: false,
                pending: shared.enqueue(1),
            });
        }
        let mut turn = Turn {
            blob: Arc::clone(&large.blob),
            work: queue.work.take(),
            ended: false,
        };
        drop(queue);
        Worker::default().run(Box::new(move |_| {
            let _lost = turn.next();
            panic!("a panic made by a test");
        }));
        let state = shared.settle();
        assert!(matches!(state.failure, Some(Error::WorkerFailed)));
        drop(state);
        assert!(large.blob.queue().closed);
    }
}
