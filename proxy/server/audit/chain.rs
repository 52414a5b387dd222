//! Appends records, one after the other, durably.
//!
//! One task owns the end of the chain. Callers hand it entries and wait; what has queued up meanwhile is written in one
//! transaction, so that a hundred pushes wait for one synchronisation of the disk and not for a hundred. A caller that goes
//! away while it waits (a client that hangs up) cannot leave the chain half-written, since it is not the caller who writes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::record::{Decision, Deed, Digests, Kind, Outcome, Seq, Start};
use super::seal::{Entry, Moment, Salt, canonical};
use super::tree::{self, Frontier};
use super::{Error, Head};
use crate::store::{self, Change, NewRow, Store};

/// Records per transaction.
const BATCH: usize = 128;

/// Callers that may wait before further ones wait to wait.
const QUEUE: usize = 1024;

/// Leaf hashes read at once while the frontier is rebuilt.
const PAGE: u32 = 10_000;

/// The audit chain, open for appending. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    /// None once closed.
    commands: Mutex<Option<mpsc::Sender<Command>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    head: watch::Receiver<Head>,
    /// Pushes found under way when the chain was opened: an earlier process left them so.
    orphans: Mutex<Vec<String>>,
}

struct Command {
    entry: Entry,
    change: Change,
    reply: oneshot::Sender<Result<Seq, Error>>,
}

impl Audit {
    /// Reads where the chain ends and starts its writer. Call within a tokio runtime.
    pub async fn open(store: Store) -> Result<Self, Error> {
        let end = End::read(&store).await?;
        let orphans = end.under_way.clone();
        let mut run = [0; 8];
        getrandom::fill(&mut run).map_err(Error::Random)?;
        let (heads, head) = watch::channel(end.head());
        let (commands, queue) = mpsc::channel(QUEUE);
        let writer = Writer {
            store,
            under_way: end.under_way.into_iter().collect(),
            frontier: end.frontier,
            trusted: true,
            run: hex::encode(run),
            opened: Instant::now(),
            heads,
        };
        Ok(Self(Arc::new(Handle {
            commands: Mutex::new(Some(commands)),
            writer: Mutex::new(Some(tokio::spawn(writer.write_all(queue)))),
            head,
            orphans: Mutex::new(orphans),
        })))
    }

    /// Records a start of the server.
    pub async fn start(&self, start: &Start) -> Result<Seq, Error> {
        self.append(Entry::start(start)).await
    }

    /// Records that another configuration comes into force. Durable when this returns; only then may it.
    pub async fn reload(&self, digests: &Digests) -> Result<Seq, Error> {
        self.append(Entry::reload(digests)).await
    }

    /// Records a verdict. Durable when this returns; only then may anything be forwarded.
    pub async fn decide(&self, decision: &Decision) -> Result<Seq, Error> {
        self.append(Entry::decision(decision)).await
    }

    /// Records a deed and does it: both in one transaction, durable when this returns.
    ///
    /// # Errors
    /// `Error::Stale` where the tables are no longer as `change` expects them; nothing is done then, and nothing recorded.
    pub async fn act(&self, deed: &Deed, change: Change) -> Result<Seq, Error> {
        self.append_with(Entry::deed(deed), change).await
    }

    /// Records what became of a push.
    pub async fn outcome(&self, push: &str, outcome: &Outcome) -> Result<Seq, Error> {
        self.append(Entry::outcome(push, outcome)).await
    }

    /// Records the outcome of every push that an earlier process was to forward and said no more about as unknown. Returns
    /// their ids. Pushes decided since this chain was opened are left alone.
    pub async fn recover(&self) -> Result<Vec<String>, Error> {
        let orphans = std::mem::take(&mut *locked(&self.0.orphans));
        for (index, push) in orphans.iter().enumerate() {
            if let Err(error) = self.append(Entry::unknown_outcome(push)).await {
                locked(&self.0.orphans).extend_from_slice(&orphans[index..]);
                return Err(error);
            }
        }
        Ok(orphans)
    }

    /// Where the chain ends now.
    pub fn head(&self) -> Head {
        *self.0.head.borrow()
    }

    /// Writes what is queued and stops the writer; appending fails from here on.
    pub async fn close(&self) {
        drop(locked(&self.0.commands).take());
        let writer = locked(&self.0.writer).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the audit writer ended badly");
        }
    }

    pub(super) async fn append(&self, entry: Entry) -> Result<Seq, Error> {
        self.append_with(entry, Change::none()).await
    }

    async fn append_with(&self, entry: Entry, change: Change) -> Result<Seq, Error> {
        let commands = locked(&self.0.commands).clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let command = Command {
            entry,
            change,
            reply,
        };
        commands.send(command).await.map_err(|_| Error::Closed)?;
        drop(commands);
        answer.await.map_err(|_| Error::Closed)?
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the chain ends, as the store has it.
struct End {
    frontier: Frontier,
    under_way: Vec<String>,
}

impl End {
    async fn read(store: &Store) -> Result<Self, Error> {
        let read = |error| Error::Read(Arc::new(error));
        let mut snapshot = store.records().snapshot().await.map_err(read)?;
        let mut frontier = Frontier::default();
        loop {
            let page = snapshot
                .hashes_after(frontier.size(), PAGE)
                .await
                .map_err(read)?;
            if page.is_empty() {
                break;
            }
            for (seq, hash) in page {
                push(&mut frontier, seq, &hash)?;
            }
        }
        let head = snapshot.head().await.map_err(read)?;
        let under_way = snapshot.under_way().await.map_err(read)?;
        let (size, root) = head.unwrap_or_else(|| (0, hex::encode(Frontier::default().root())));
        let damaged = |what| {
            let seq = size.max(frontier.size());
            Err(Error::Damaged { seq, what })
        };
        if size != frontier.size() {
            return damaged("the last tree head is not that of the last record");
        }
        if root != hex::encode(frontier.root()) {
            return damaged("the tree head does not match the records");
        }
        Ok(Self {
            frontier,
            under_way,
        })
    }

    fn head(&self) -> Head {
        Head {
            size: self.frontier.size(),
            root: self.frontier.root(),
        }
    }
}

fn push(frontier: &mut Frontier, seq: Seq, hash: &str) -> Result<(), Error> {
    let expected = frontier.size() + 1;
    let damaged = |what| Error::Damaged {
        seq: expected,
        what,
    };
    if seq != expected {
        return Err(damaged("the record is missing"));
    }
    let mut bytes = tree::Hash::default();
    hex::decode_to_slice(hash, &mut bytes).map_err(|_| damaged("its hash is not a hash"))?;
    frontier.push(bytes);
    Ok(())
}

/// The task that owns the end of the chain.
struct Writer {
    store: Store,
    frontier: Frontier,
    /// Pushes with a decision to forward and without an outcome.
    under_way: HashSet<String>,
    /// False after a failed transaction: it may have been committed all the same, so the end is read again.
    trusted: bool,
    run: String,
    opened: Instant,
    heads: watch::Sender<Head>,
}

impl Writer {
    async fn write_all(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            // A change may turn out to be stale, and then takes with it whatever is written together with it.
            let mut together = Vec::new();
            for command in batch.drain(..) {
                if command.change.is_none() {
                    together.push(command);
                    continue;
                }
                self.write(std::mem::take(&mut together)).await;
                self.write(vec![command]).await;
            }
            self.write(together).await;
        }
    }

    async fn write(&mut self, batch: Vec<Command>) {
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.trust().await {
            return refuse_all(batch.into_iter().map(|command| command.reply), &error);
        }
        let mut after = After {
            frontier: self.frontier.clone(),
            under_way: self.under_way.clone(),
        };
        let mut rows = Vec::new();
        let mut replies = Vec::new();
        for Command {
            entry,
            change,
            reply,
        } in batch
        {
            match self.row(entry, change, &mut after) {
                Ok(row) => {
                    replies.push((row.seq, reply));
                    rows.push(row);
                }
                Err(error) => answer(reply, Err(error)),
            }
        }
        if rows.is_empty() {
            return;
        }
        if let Err(error) = self.store.append(&rows).await {
            if matches!(error, store::Error::Stale) {
                for (_, reply) in replies {
                    answer(reply, Err(Error::Stale));
                }
                return;
            }
            self.trusted = false;
            let error = Error::Write(Arc::new(error));
            return refuse_all(replies.into_iter().map(|(_, reply)| reply), &error);
        }
        self.frontier = after.frontier;
        self.under_way = after.under_way;
        self.say_head();
        for (seq, reply) in replies {
            answer(reply, Ok(seq));
        }
    }

    /// Reads the end of the chain again where it is not known.
    async fn trust(&mut self) -> Result<(), Error> {
        if self.trusted {
            return Ok(());
        }
        let end = End::read(&self.store).await?;
        self.frontier = end.frontier;
        self.under_way = end.under_way.into_iter().collect();
        self.trusted = true;
        self.say_head();
        Ok(())
    }

    fn say_head(&self) {
        self.heads.send_replace(Head {
            size: self.frontier.size(),
            root: self.frontier.root(),
        });
    }

    /// The row of one record, taken into account in `after`; a refused entry leaves `after` as it was.
    fn row(&self, entry: Entry, change: Change, after: &mut After) -> Result<NewRow, Error> {
        let under_way = entry.under_way();
        let push = entry.push.clone();
        check(&entry, after)?;
        let mut salt = Salt::default();
        getrandom::fill(&mut salt).map_err(Error::Random)?;
        let moment = Moment {
            wall: OffsetDateTime::now_utc(),
            run: &self.run,
            monotonic_ns: u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX),
        };
        let seq = after.frontier.size() + 1;
        let (leaf, payload) = entry.seal(seq, moment, &salt);
        let has_payload = leaf.commitments != Default::default();
        let text = canonical(&leaf);
        let hash = tree::leaf_hash(text.as_bytes());
        after.frontier.push(hash);
        after.note(push.as_deref(), under_way);
        Ok(NewRow {
            seq,
            push,
            leaf: text,
            hash: hex::encode(hash),
            payload: has_payload.then(|| (hex::encode(salt), canonical(&payload))),
            root: hex::encode(after.frontier.root()),
            under_way,
            erases: leaf.erased,
            change,
        })
    }
}

/// What the writer's state will be once a batch is on disk.
struct After {
    frontier: Frontier,
    under_way: HashSet<String>,
}

impl After {
    fn note(&mut self, push: Option<&str>, under_way: Option<bool>) {
        match (push, under_way) {
            (Some(push), Some(true)) => drop(self.under_way.insert(push.to_owned())),
            (Some(push), Some(false)) => drop(self.under_way.remove(push)),
            (None, _) | (Some(_), None) => {}
        }
    }
}

fn check(entry: &Entry, after: &After) -> Result<(), Error> {
    if let (Kind::Decision, Some(push)) = (entry.kind, &entry.push)
        && after.under_way.contains(push)
    {
        return Err(Error::Decided(push.clone()));
    }
    let exists = |seq: &Seq| (1..=after.frontier.size()).contains(seq);
    match entry.erased.iter().find(|seq| !exists(seq)) {
        Some(seq) => Err(Error::NoSuchRecord(*seq)),
        None => Ok(()),
    }
}

fn refuse_all(replies: impl Iterator<Item = oneshot::Sender<Result<Seq, Error>>>, error: &Error) {
    tracing::error!(%error, "audit records are lost to their callers");
    for reply in replies {
        answer(reply, Err(error.clone()));
    }
}

/// A caller that has gone away does not need its answer.
fn answer(reply: oneshot::Sender<Result<Seq, Error>>, result: Result<Seq, Error>) {
    drop(reply.send(result));
}

#[cfg(test)]
mod tests;
