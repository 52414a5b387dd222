//! Reads a pack chunk by chunk, in one pass, and hands its objects on in arrival order.

use std::mem;
use std::sync::Arc;

use gix_hash::{Hasher, Kind as HashKind, ObjectId};

use super::bases::Bases;
use super::deferred::Deferred;
use super::header::{self, EntryHeader, Form, LONGEST_ENTRY_HEADER, PACK_HEADER};
use super::inflate::Inflater;
use super::large::{Content, Pieces, Spilled, Stored};
use super::limits::RATIO_FROM;
use super::put_off::PutOff;
use super::resolve::{Resolver, recycled};
use super::table::{Entry, LARGEST_PACK};
use super::{Built, Clock, Error, Fault, Kind, Limits, Object, Pack, Sink, Spool};

/// A pack under way. Feed it every byte behind the push's commands, then [`finish`](Self::finish).
///
/// Memory: see the [module](super).
pub struct Reader<S: Spool> {
    resolver: Resolver<S>,
    deferred: Deferred,
    put_off: PutOff,
    state: State,
    /// Hash of everything before the trailer.
    hasher: Hasher,
    inflater: Inflater,
    under_way: UnderWay,
    /// The start of a header, or of the trailer, cut off by the end of a chunk.
    pending: Vec<u8>,
    /// Bytes of the pack in the spool.
    spooled: u64,
    /// Bytes that the zlib streams of the complete entries gave.
    inflated: u64,
    /// Objects the header declares.
    declared: u32,
    checksum: ObjectId,
    delta: Vec<u8>,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    PackHeader,
    EntryHeader,
    Content,
    Trailer,
    Done,
    Refused,
}

/// What becomes of the entry whose stream is being inflated.
enum UnderWay {
    /// It is held whole.
    Held,
    /// A large blob, of which so many bytes were handed on.
    Blob { offset: u64 },
    /// A large delta, in a scratch file.
    Delta(Spilled),
}

/// One chunk; `bytes[..at]` is parsed, `bytes[..spooled]` also spooled.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    spooled: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, most: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..most).unwrap_or(rest);
        self.at += taken.len();
        taken
    }
}

impl<S: Spool> Reader<S> {
    /// A reader of one pack of a repository that names its objects by `hash`; its bytes go to `spool`.
    pub fn new(hash: HashKind, limits: Limits, spool: S) -> Self {
        Self {
            resolver: Resolver::new(hash, limits, spool),
            deferred: Deferred::new(),
            put_off: PutOff::default(),
            state: State::PackHeader,
            hasher: gix_hash::hasher(hash),
            inflater: Inflater::new(),
            under_way: UnderWay::Held,
            pending: Vec::with_capacity(LONGEST_ENTRY_HEADER),
            spooled: 0,
            inflated: 0,
            declared: 0,
            checksum: hash.null(),
            delta: Vec::new(),
        }
    }

    /// Measures from now on by this clock.
    #[must_use]
    pub fn timed_by(mut self, clock: Clock) -> Self {
        self.resolver.clock = clock;
        self
    }

    /// Takes the next bytes, cut anywhere. Objects they complete go to `sink` before this returns.
    ///
    /// After an error the pack is refused: there is nothing more to feed.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), Error> {
        let result = self.advance(chunk, sink);
        if result.is_err() {
            self.state = State::Refused;
        }
        result
    }

    /// Says that no more bytes come. Resolves what had to wait for the end and returns the whole pack.
    ///
    /// # Errors
    /// When the pack is cut short or lacks the base of a delta.
    pub fn finish(self, sink: &mut dyn Sink) -> Result<Pack<S>, Error> {
        self.finish_thin(sink, None)
    }

    /// Like [`finish`](Self::finish), of a pack that may be thin: delta bases that are not in it are asked
    /// of `bases`. They are not handed to `sink`, and the pack stays as it came.
    ///
    /// # Errors
    /// As `finish`, and when a base cannot be had or there are more than [`MOST_BASES`](super::MOST_BASES).
    pub fn finish_thin(
        mut self,
        sink: &mut dyn Sink,
        bases: Option<&mut dyn Bases<S>>,
    ) -> Result<Pack<S>, Error> {
        match self.state {
            State::Done => {}
            State::Refused => return Err(Error::Refused),
            _ => return Err(self.truncated()),
        }
        self.resolve_put_off(sink)?;
        self.deferred.resolve(&mut self.resolver, sink, bases)?;
        Ok(Pack::new(self.resolver, self.checksum, self.spooled))
    }

    fn truncated(&self) -> Error {
        let under_way = u32::from(self.state == State::Content);
        let complete = self.resolver.table.len().saturating_sub(under_way);
        Error::Truncated {
            complete,
            declared: self.declared,
        }
    }

    fn advance(&mut self, chunk: &[u8], sink: &mut dyn Sink) -> Result<(), Error> {
        let limit = self.resolver.limits.pack_bytes.min(LARGEST_PACK);
        if self.spooled.saturating_add(chunk.len() as u64) > limit {
            return Err(Error::PackBytes { limit });
        }
        let mut input = Input {
            bytes: chunk,
            at: 0,
            spooled: 0,
        };
        while !input.rest().is_empty() {
            match self.state {
                State::PackHeader => self.pack_header(&mut input)?,
                State::EntryHeader => self.entry_header(&mut input)?,
                State::Content => self.content(&mut input, sink)?,
                State::Trailer => self.trailer(&mut input)?,
                State::Done => return Err(Error::TrailingBytes),
                State::Refused => return Err(Error::Refused),
            }
        }
        self.spool(&mut input)
    }

    fn pack_header(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let missing = PACK_HEADER - self.pending.len();
        self.pending.extend_from_slice(input.take(missing));
        let Ok(header) = <[u8; PACK_HEADER]>::try_from(self.pending.as_slice()) else {
            return Ok(());
        };
        self.pending.clear();
        self.declared = header::object_count(&header)?;
        let limit = self.resolver.limits.objects;
        if self.declared > limit {
            return Err(Error::Objects {
                declared: self.declared,
                limit,
            });
        }
        self.next_entry(input)
    }

    /// Decides what comes behind the pack's header or behind a complete entry.
    fn next_entry(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.resolver.end = self.position(input);
        if self.resolver.table.len() < self.declared {
            self.state = State::EntryHeader;
            return Ok(());
        }
        self.spool(input)?;
        self.state = State::Trailer;
        Ok(())
    }

    fn entry_header(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let hash = self.resolver.hash;
        let index = self.resolver.table.len();
        let decode =
            |bytes: &[u8]| EntryHeader::decode(bytes, hash).map_err(|fault| fault.at(index));
        if self.pending.is_empty() {
            match decode(input.rest())? {
                Some((header, consumed)) => {
                    input.take(consumed);
                    return self.begin(index, header, self.position(input) - consumed as u64);
                }
                None => self.pending.extend_from_slice(input.take(usize::MAX)),
            }
            return Ok(());
        }
        while let [byte] = input.take(1) {
            self.pending.push(*byte);
            if let Some((header, consumed)) = decode(&self.pending)? {
                self.pending.clear();
                return self.begin(index, header, self.position(input) - consumed as u64);
            }
        }
        Ok(())
    }

    /// Enters a new entry into the table, before the first byte of its content.
    fn begin(&mut self, index: u32, header: EntryHeader, offset: u64) -> Result<(), Error> {
        let size = header.size;
        self.under_way = UnderWay::Held;
        let buffer = match header.form {
            Form::Whole(kind) => {
                self.begin_whole(index, kind, size)?;
                self.resolver.table.push(Entry::whole(offset, size, kind));
                Vec::new()
            }
            Form::OfsDelta { distance } => {
                let base = self
                    .find_base(offset, distance)
                    .map_err(|fault| fault.at(index))?;
                self.begin_delta(index, Entry::delta_on_entry(offset, size, base), size)?
            }
            Form::RefDelta { base } => {
                let tag = self.deferred.tag(&base);
                self.begin_delta(index, Entry::delta_on_id(offset, size, tag), size)?
            }
        };
        self.inflater.begin(size, buffer);
        self.state = State::Content;
        Ok(())
    }

    fn begin_whole(&mut self, index: u32, kind: Kind, size: u64) -> Result<(), Error> {
        self.resolver.charge(index, size)?;
        self.resolver
            .check_kind(kind, size)
            .map_err(|fault| fault.at(index))?;
        if self.resolver.is_large(kind, size) {
            self.under_way = UnderWay::Blob { offset: 0 };
            return Ok(());
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.resolver.cache.make_room(size);
        Ok(())
    }

    fn find_base(&self, offset: u64, distance: u64) -> Result<u32, Fault> {
        let base = offset.checked_sub(distance).ok_or(Fault::BaseBeforePack)?;
        if base < PACK_HEADER as u64 {
            return Err(Fault::BaseBeforePack);
        }
        self.resolver.table.find(base).ok_or(Fault::BaseNotAnEntry)
    }

    /// Enters a delta of `size` bytes into the table.
    fn begin_delta(&mut self, index: u32, entry: Entry, size: u64) -> Result<Vec<u8>, Error> {
        self.resolver
            .check_size(size)
            .map_err(|fault| fault.at(index))?;
        self.resolver.table.push(entry);
        if size > self.resolver.limits.whole_bytes {
            self.under_way = UnderWay::Delta(self.resolver.scratch(size)?);
            return Ok(Vec::new());
        }
        Ok(mem::take(&mut self.delta))
    }

    fn content(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
        let index = self.resolver.table.len() - 1;
        let entry = *self.resolver.entry(index)?;
        let rest = input.rest();
        let fed = match &mut self.under_way {
            UnderWay::Held => {
                let began = (self.resolver.clock)();
                let fed = self.inflater.feed(rest).map_err(|fault| fault.at(index))?;
                self.resolver.spent.inflate += (self.resolver.clock)().saturating_sub(began);
                fed
            }
            UnderWay::Blob { offset } => {
                let mut pieces = Pieces::new(sink, index, entry.stored(), *offset);
                let mut out = |bytes: &[u8]| pieces.take(bytes);
                let fed = self.inflater.feed_through(index, rest, &mut out)?;
                *offset = pieces.offset();
                fed
            }
            UnderWay::Delta(spilled) => {
                let mut out = |bytes: &[u8]| spilled.append(bytes);
                self.inflater.feed_through(index, rest, &mut out)?
            }
        };
        input.take(fed.consumed);
        self.check_ratio(input)?;
        if !fed.done {
            return Ok(());
        }
        self.inflated += self.inflater.produced();
        self.resolver.spent.inflated += self.inflater.produced();
        let held = self.inflater.take();
        match mem::replace(&mut self.under_way, UnderWay::Held) {
            UnderWay::Blob { .. } => {}
            UnderWay::Delta(spilled) => {
                self.delta(index, &entry, &Stored::Spilled(spilled), sink)?;
            }
            UnderWay::Held => self.held(index, &entry, held, sink)?,
        }
        self.next_entry(input)?;
        let to_come = self.declared.saturating_sub(self.resolver.table.len());
        if self.put_off.is_enough(to_come) {
            self.spool(input)?;
            self.resolve_put_off(sink)?;
        }
        Ok(())
    }

    /// Resolves the deltas that were put off, as far as they need not wait for the end.
    fn resolve_put_off(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let put_off = mem::take(&mut self.put_off);
        let resolver = &mut self.resolver;
        self.deferred.resolve_put_off(put_off, resolver, sink)
    }

    fn check_ratio(&self, input: &Input<'_>) -> Result<(), Error> {
        let inflated = self.inflated + self.inflater.produced();
        let limit = self.resolver.limits.inflation_ratio;
        let most = self.position(input).saturating_mul(u64::from(limit));
        if inflated > most.max(RATIO_FROM) {
            return Err(Error::InflationRatio { limit });
        }
        Ok(())
    }

    /// Goes on with a stream that was held whole.
    fn held(
        &mut self,
        index: u32,
        entry: &Entry,
        held: Vec<u8>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if let Some(kind) = entry.kind() {
            return self.hand_over(index, kind, Arc::new(held), None, sink);
        }
        let delta = Stored::Whole(held);
        self.delta(index, entry, &delta, sink)?;
        if let Stored::Whole(held) = delta {
            self.delta = recycled(held);
        }
        Ok(())
    }

    /// Resolves a delta that is complete, or puts it off.
    fn delta(
        &mut self,
        index: u32,
        entry: &Entry,
        stored: &Stored,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let size = stored.sizes(index)?.result;
        self.resolver.charge(index, size)?;
        self.resolver.set_resolved_size(index, size);
        let Some(base) = entry.base() else {
            return Ok(());
        };
        let Some((kind, depth)) = self.resolver.depth_on(index, base)? else {
            // Else it hangs from a base that is named by its id.
            if self.put_off.has(base) {
                self.put_off.add(index, base, stored);
            }
            return Ok(());
        };
        let Some(base_content) = self.resolver.cached(base) else {
            self.put_off.add(index, base, stored);
            return Ok(());
        };
        let mut pieces = Pieces::new(sink, index, size, 0);
        let mut out = |bytes: &[u8]| pieces.take(bytes);
        let content = self
            .resolver
            .resolve(index, kind, &base_content, stored, Some(&mut out))?;
        self.resolver.set_resolved(index, base, kind, depth);
        let built = self.resolver.built(kind, base, stored);
        match content {
            Content::Whole(data) => self.hand_over(index, kind, data, built, sink),
            Content::Spilled(_) => Ok(()),
        }
    }

    fn hand_over(
        &mut self,
        index: u32,
        kind: Kind,
        data: Arc<Vec<u8>>,
        built: Option<Built>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.resolver.cache.insert(index, &data);
        sink.object(Object {
            index,
            kind,
            data,
            id: None,
            built,
        })?;
        Ok(())
    }

    fn trailer(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let missing = self.resolver.hash.len_in_bytes() - self.pending.len();
        let bytes = input.take(missing);
        self.pending.extend_from_slice(bytes);
        self.append(bytes)?;
        input.spooled = input.at;
        if bytes.len() < missing {
            return Ok(());
        }
        self.checksum = self
            .hasher
            .clone()
            .try_finalize()
            .map_err(|_| Error::Collision)?;
        if self.checksum.as_slice() != self.pending.as_slice() {
            return Err(Error::Checksum);
        }
        self.state = State::Done;
        Ok(())
    }

    /// Where in the pack the next unparsed byte stands.
    fn position(&self, input: &Input<'_>) -> u64 {
        self.spooled + (input.at - input.spooled) as u64
    }

    /// Spools and hashes what is parsed but not spooled yet; never called within the trailer with any.
    fn spool(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let bytes = input.bytes.get(input.spooled..input.at).unwrap_or_default();
        self.hasher.update(bytes);
        input.spooled = input.at;
        self.append(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if !bytes.is_empty() {
            self.resolver.spool.append(bytes)?;
            self.spooled += bytes.len() as u64;
        }
        Ok(())
    }
}
