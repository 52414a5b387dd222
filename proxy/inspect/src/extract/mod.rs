//! What stands inside a text in another form: encoded, compressed, packed together; told layer by layer.
//!
//! Nothing here knows packs or git, and of rules only how it is told what one text copied from another: bytes go in, and each layer of
//! bytes that is found in them comes out, with the way to it. A layer is either *mapped* (decoded text, each byte of which came from
//! certain bytes of the text around it: base64 in a line, escapes) or *contained* (a file in an archive: a text of its own). What is
//! found in a layer is looked into again.
//!
//! Everything is bounded: how deep, how many, how much, how long. What lies beyond a bound is told as unread, and so never passes
//! as clean. A decoder that is handed nonsense ends; what it gave until then is told.

mod archive;
mod compressed;
mod document;
mod embedded;
mod encoded;
mod map;
mod media;
mod opaque;
mod sniff;

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read},
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::report::Kind;

pub use document::manifest::{JSON as MANIFEST_JSON, OTHER as MANIFEST, pointer as json_pointer};
pub use encoded::{Known, Other};
pub use map::Map;

/// How far one text is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Layers in each other at most.
    pub depth: usize,
    /// Layers of one text at most.
    pub layers: u32,
    /// Bytes of all layers of one text at most.
    pub bytes: u64,
    /// Bytes of a layer that is held; a longer one is read once, from its start to its end, and not looked into.
    pub held: usize,
    /// Bytes of the layers in each other that are held at once at most.
    pub live: usize,
    /// Bytes of a layer that is held at most where no other text is as large: one at a time, of all that are looked into.
    pub large: usize,
    /// What manifests name is told, for rules that ask for it.
    pub manifests: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 8,
            layers: 100_000,
            bytes: 256 << 20,
            held: 8 << 20,
            live: 24 << 20,
            large: LONGEST,
            manifests: false,
        }
    }
}

/// What is found in a text.
pub trait See {
    /// A layer that is held whole.
    fn text(&mut self, text: &[u8], trail: &Trail<'_>);

    /// A contained layer that is too long to be held.
    ///
    /// # Errors
    /// When it cannot be read further.
    fn long(&mut self, text: &mut dyn Read, trail: &Trail<'_>) -> std::io::Result<()>;
}

/// One step on the way in.
#[derive(Clone, Copy, Debug)]
pub struct Step<'n> {
    /// What was decoded: `base64`, `zip`.
    pub kind: &'static str,
    /// Of a member of an archive its name, as it stands there: a stranger's bytes.
    pub name: Option<&'n [u8]>,
}

impl Step<'static> {
    /// A step that needs no name.
    pub fn of(kind: &'static str) -> Self {
        Self { kind, name: None }
    }
}

/// The way from the outer text to a layer, its last step first.
#[derive(Clone, Copy)]
pub struct Trail<'t> {
    pub step: Step<'t>,
    pub origin: Origin<'t>,
    /// The text that the layer was found in.
    pub parent: &'t [u8],
    /// How that was reached; none of the outer text.
    pub up: Option<&'t Trail<'t>>,
    /// The number of the layer among those of the outer text, from 1.
    pub number: u32,
    depth: usize,
}

impl Trail<'_> {
    /// Whether `text`, the layer, stands in its parent as it is.
    pub fn stands_there(&self, text: &[u8]) -> bool {
        match self.origin {
            Origin::Contained { start, end } => {
                let there = self.parent.get(start..end);
                there.is_some_and(|there| std::ptr::eq(there, text))
            }
            Origin::Mapped(_) => false,
        }
    }

    /// Whether `text`, the layer, is a short run that was decoded and stands for itself.
    fn is_run(&self, text: &[u8]) -> bool {
        let is_contained = matches!(self.origin, Origin::Contained { .. });
        is_contained && text.len() < SHORT && encoded::is_kind(self.step.kind)
    }
}

/// Bytes below which a decoded run that begins like a packed form is more often a piece of one, written for a test, than a file.
const SHORT: usize = 4096;

/// Bytes below which no archive has anything in it: the mark of a form in a list of such marks.
const NOTHING: usize = 48;

/// How a layer came from its parent.
#[derive(Clone, Copy)]
pub enum Origin<'t> {
    /// Decoded in place.
    Mapped(&'t Map),
    /// A text of its own, which was made of these bytes.
    Contained { start: usize, end: usize },
}

/// What was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The way to it, the outermost step first, each with the name of its member.
    pub steps: Vec<(&'static str, Option<Vec<u8>>)>,
    pub why: Why,
}

/// Why a part was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// More layers in each other than are looked into.
    TooDeep,
    /// More layers than are looked into.
    TooMany,
    /// More bytes than are decoded of one text.
    TooMuch,
    /// It is too long to be held and looked into.
    TooLong,
    /// It ends too early or contradicts itself.
    Broken,
    /// It cannot be read without a key.
    Encrypted,
    /// A form that is recognised and not read.
    Unsupported,
    /// Bytes of no known form that cannot be told from chance.
    Unknown,
}

impl Why {
    /// In words that end a sentence about the part.
    pub fn describe(self) -> &'static str {
        match self {
            Self::TooDeep => "it is packed or encoded more often than is looked into (8 times)",
            Self::TooMany => "more parts are packed or encoded in it than are looked into (100000)",
            Self::TooMuch => {
                "more is packed or encoded in it than is unpacked of one file (256 MiB)"
            }
            Self::TooLong => "it is too long to be looked into (above 100 MiB)",
            Self::Broken => "it is damaged: it ends too early or contradicts itself",
            Self::Encrypted => "it is encrypted",
            Self::Unsupported => "it is packed in a form that is not read",
            Self::Unknown => "it has no form that is known and cannot be told from chance",
        }
    }

    /// What kind of content nobody reads that is; none where a bound was the reason.
    pub fn opaque(self) -> Option<Kind> {
        match self {
            Self::TooDeep | Self::TooMany | Self::TooMuch | Self::TooLong => None,
            Self::Broken => Some(Kind::Damaged),
            Self::Encrypted => Some(Kind::Encrypted),
            Self::Unsupported => Some(Kind::Unsupported),
            Self::Unknown => Some(Kind::Unknown),
        }
    }
}

/// Told at most of one text; the others are counted.
const MOST_UNREAD: usize = 20;

/// What looking into a text came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Layers that were found.
    pub layers: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that are members of archives.
    pub members: u64,
    /// What was not read; not all of it where there is much.
    pub unread: Vec<Unread>,
    /// What no text can stand in, by kind: pixels, samples, outlines. It is not read and nothing is amiss.
    pub media: BTreeMap<&'static str, u64>,
}

/// A bound was reached: there is nothing more to look for in this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Bytes of a text that is looked into at most.
pub const LONGEST: usize = 100 << 20;

/// The right to hold a text of up to [`LONGEST`] bytes, and what is packed in it. There is one, so that memory has a bound.
pub struct Alone(
    #[expect(dead_code, reason = "it is held until it is dropped")] MutexGuard<'static, ()>,
);

impl Alone {
    /// Waits until nobody else has it. Who has it waits for nobody.
    pub fn wait() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        Self(ONE.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells `see` every layer of `text`. For one longer than [`Limits::held`], `alone` was waited for.
pub fn look_into(text: &[u8], alone: Option<Alone>, limits: &Limits, see: &mut dyn See) -> Summary {
    let hints = encoded::Hints::of(text);
    look_by(text, &hints, alone, limits, see)
}

/// The same of a text that may have been built from another one: what is known of that saves looking for what is encoded in bytes that
/// were copied. Gives what is to be known of this one for texts that are built from it, if that is little.
pub fn look_into_built(
    text: &[u8],
    other: Option<Other<'_>>,
    limits: &Limits,
    see: &mut dyn See,
) -> (Summary, Option<Known>) {
    let (hints, known) = encoded::Hints::of_built(text, other);
    (look_by(text, &hints, None, limits, see), known)
}

fn look_by(
    text: &[u8],
    hints: &encoded::Hints<'_>,
    alone: Option<Alone>,
    limits: &Limits,
    see: &mut dyn See,
) -> Summary {
    let mut walk = Walk {
        limits,
        live: 0,
        alone,
        summary: Summary::default(),
        see,
    };
    // What stops is on record.
    let _ = walk.open(text, hints, None);
    walk.summary
}

struct Walk<'w> {
    limits: &'w Limits,
    live: usize,
    /// Held by whoever holds a large layer.
    alone: Option<Alone>,
    summary: Summary,
    see: &'w mut dyn See,
}

impl Walk<'_> {
    /// Looks for layers in `text`. Recursion is bounded by the depth that is looked into.
    fn descend(&mut self, text: &[u8], trail: Option<&Trail<'_>>) -> Result<(), Stop> {
        self.open(text, &encoded::Hints::of(text), trail)
    }

    /// The same of a text of which `hints` are.
    fn open(
        &mut self,
        text: &[u8],
        hints: &encoded::Hints<'_>,
        trail: Option<&Trail<'_>>,
    ) -> Result<(), Stop> {
        let mut opening = Opening {
            walk: self,
            text,
            around: text,
            base: 0,
            end: 0,
            tentative: false,
            is_run: trail.is_some_and(|trail| trail.is_run(text)),
            is_doubted: false,
            trail,
        };
        let searched = embedded::search(&mut opening, hints.has_magic())?;
        let is_armored = searched.is_armored;
        match searched.reached {
            _ if opening.is_doubted => opening.judge(0, is_armored),
            0 if searched.format.is_none_or(sniff::Format::is_weak) => {
                opening.judge(0, is_armored);
            }
            0 => {}
            // What stands behind the end of a form is none of it.
            end => opening.judge(end, is_armored),
        }
        if opening.limits().manifests && opening.map().is_none() {
            document::manifest::read(&mut opening)?;
        }
        encoded::decode(&mut opening, hints)
    }

    fn note_unread(&mut self, why: Why, step: Option<Step<'_>>, trail: Option<&Trail<'_>>) {
        let mut steps: Vec<_> = step.iter().map(owned).collect();
        let mut up = trail;
        while let Some(trail) = up {
            steps.push(owned(&trail.step));
            up = trail.up;
        }
        steps.reverse();
        let unread = Unread { steps, why };
        if self.summary.unread.len() < MOST_UNREAD && !self.summary.unread.contains(&unread) {
            self.summary.unread.push(unread);
        }
    }
}

fn owned(step: &Step<'_>) -> (&'static str, Option<Vec<u8>>) {
    (step.kind, step.name.map(<[u8]>::to_vec))
}

/// A text in which something was found, for the decoder that takes it out.
pub struct Opening<'o, 'w> {
    walk: &'o mut Walk<'w>,
    /// The text; of a form that begins in the midst of a text, all from there. Ranges are counted from its beginning.
    pub text: &'o [u8],
    /// The text that it is the end of.
    around: &'o [u8],
    /// Where it begins in that.
    base: usize,
    /// Where in `text` the form ends, as far as its reader said: what follows is searched for others.
    end: usize,
    /// Nothing is claimed of the text: what does not decode was never packed.
    pub tentative: bool,
    /// It is a short run that was decoded: a beginning in a table of numbers is no file yet. What is damaged is judged as bytes of
    /// no form are.
    is_run: bool,
    is_doubted: bool,
    trail: Option<&'o Trail<'o>>,
}

/// Bytes that come out at least of what was packed, where nothing was claimed and it does not come to an end.
const LEAST: usize = 16;

impl<'o, 'w> Opening<'o, 'w> {
    /// The map of the text, where it was itself decoded in place: only what touches the decoded parts is new.
    fn map(&self) -> Option<&'o Map> {
        match self.trail?.origin {
            Origin::Mapped(map) => Some(map),
            Origin::Contained { .. } => None,
        }
    }

    /// Opens what begins at `at` in the form `format`. Where that is not the beginning of the text, it need not be what it looks
    /// like. Tells where it ends, or what was passed without doubt.
    fn open_at(&mut self, at: usize, format: sniff::Format) -> Result<usize, Stop> {
        let mut inner = self.at(at);
        inner.tentative = at > 0;
        inner.open(format)?;
        let (end, is_doubted) = (inner.end, inner.is_doubted);
        self.is_doubted |= is_doubted;
        Ok(at + end)
    }

    /// The text from `at` on.
    fn at<'s>(&'s mut self, at: usize) -> Opening<'s, 'w> {
        Opening {
            walk: &mut *self.walk,
            text: self.text.get(at..).unwrap_or_default(),
            around: self.around,
            base: self.base + at,
            end: 0,
            tentative: self.tentative,
            is_run: self.is_run,
            is_doubted: false,
            trail: self.trail,
        }
    }

    fn open(&mut self, format: sniff::Format) -> Result<(), Stop> {
        match format {
            sniff::Format::Ar => archive::ar(self),
            sniff::Format::Bzip2 => compressed::bzip2(self),
            sniff::Format::Bundle => archive::bundle(self),
            sniff::Format::Cpio => archive::cpio(self),
            sniff::Format::Foreign(kind) => {
                self.unread(Some(Step::of(kind)), Why::Unsupported);
                Ok(())
            }
            sniff::Format::Gzip => compressed::gzip(self),
            sniff::Format::Lz4 => compressed::lz4(self),
            sniff::Format::Lzip => compressed::lzip(self),
            sniff::Format::Lzma => compressed::lzma(self),
            sniff::Format::Lzw => compressed::lzw(self),
            sniff::Format::Pack => archive::pack(self),
            sniff::Format::Rpm => archive::rpm(self),
            sniff::Format::Seven => archive::seven(self),
            sniff::Format::Tar => archive::tar(self),
            sniff::Format::Xz => compressed::xz(self),
            sniff::Format::Zip => archive::zip(self),
            sniff::Format::Zlib => compressed::zlib(self),
            sniff::Format::Zstd => compressed::zstd(self),
            sniff::Format::Document(kind) => document::open(self, kind),
            sniff::Format::Media(kind) => media::open(self, kind),
        }
    }

    /// How far one text is looked into.
    pub fn limits(&self) -> &Limits {
        self.walk.limits
    }

    /// Says that the form ends at `end`: what follows is searched for others.
    pub fn ends(&mut self, end: usize) {
        self.end = end.min(self.text.len());
    }

    /// Tells a text of its own that cannot be read, from `start` on.
    fn judge(&mut self, start: usize, is_armored: bool) {
        if self.map().is_some() {
            return;
        }
        let text = self.text.get(start..).unwrap_or_default();
        if let Some((name, why)) = opaque::judge(text, is_armored) {
            self.unread(Some(Step::of(name)), why);
        }
    }

    /// Tells that something was not read: `step` of this text, or the text itself.
    pub fn unread(&mut self, step: Option<Step<'_>>, why: Why) {
        if self.tentative && matches!(why, Why::Broken | Why::Unsupported) {
            return;
        }
        let is_mark_alone = why == Why::Unsupported && self.text.len() < NOTHING;
        if self.is_run && (why == Why::Broken || is_mark_alone) {
            self.is_doubted = true;
            return;
        }
        self.walk.note_unread(why, step, self.trail);
    }

    /// Tells that the text holds `kind`, which is not read because no text stands in it.
    pub fn media(&mut self, kind: &'static str) {
        *self.walk.summary.media.entry(kind).or_default() += 1;
    }

    /// Tells a text that was decoded in place.
    ///
    /// # Errors
    /// When a bound is reached.
    pub fn mapped(&mut self, kind: &'static str, text: &[u8], map: &Map) -> Result<(), Stop> {
        if self.base > 0 {
            return self.contained(Step::of(kind), 0..self.text.len(), text);
        }
        self.layer(Step::of(kind), Origin::Mapped(map), text)
    }

    /// Tells a text of its own, made of the bytes at `range`, which is held by the decoder.
    ///
    /// # Errors
    /// When a bound is reached.
    pub fn contained(
        &mut self,
        step: Step<'_>,
        range: Range<usize>,
        text: &[u8],
    ) -> Result<(), Stop> {
        let origin = self.origin(&range);
        self.layer(step, origin, text)
    }

    /// The same of what comes out of `content`. Tells whether it came to its end without an error.
    ///
    /// # Errors
    /// When a bound is reached.
    pub fn member(
        &mut self,
        step: Step<'_>,
        range: Range<usize>,
        content: &mut dyn Read,
    ) -> Result<bool, Stop> {
        let limits = self.walk.limits;
        let room = limits.bytes.saturating_sub(self.walk.summary.bytes);
        let mut held = Vec::new();
        let most = (limits.held as u64 + 1).min(room + 1);
        let whole = (&mut *content).take(most).read_to_end(&mut held);
        if held.len() as u64 > room {
            self.unread(Some(step), Why::TooMuch);
            return Err(Stop);
        }
        if held.len() <= limits.held {
            if let Err(error) = &whole {
                if self.tentative && held.len() < LEAST {
                    return Ok(false);
                }
                self.unread(Some(step), why(error));
            }
            self.contained(step, range, &held)?;
            return Ok(whole.is_ok());
        }
        // What it waits for nobody keeps who waits for anything.
        let waited = self.walk.alone.is_none();
        self.walk.alone.get_or_insert_with(Alone::wait);
        let told = self.large(step, range, held, content, room);
        if waited {
            self.walk.alone = None;
        }
        told
    }

    /// A layer that is longer than what is held of any number of texts at once.
    fn large(
        &mut self,
        step: Step<'_>,
        range: Range<usize>,
        mut held: Vec<u8>,
        rest: &mut dyn Read,
        room: u64,
    ) -> Result<bool, Stop> {
        let limits = self.walk.limits;
        let more = limits.large.saturating_sub(limits.held) as u64 + 1;
        let more = more.min(room - held.len() as u64 + 1);
        let whole = (&mut *rest).take(more).read_to_end(&mut held);
        if held.len() as u64 > room {
            self.unread(Some(step), Why::TooMuch);
            return Err(Stop);
        }
        if held.len() > limits.large {
            return self.long(step, range, held, rest, room);
        }
        if let Err(error) = &whole {
            self.unread(Some(step), why(error));
        }
        self.contained(step, range, &held)?;
        Ok(whole.is_ok())
    }

    fn long(
        &mut self,
        step: Step<'_>,
        range: Range<usize>,
        held: Vec<u8>,
        rest: &mut dyn Read,
        room: u64,
    ) -> Result<bool, Stop> {
        let kind = match sniff::format(&held) {
            Some(sniff::Format::Media(kind)) => Some(kind),
            _ => None,
        };
        let trail = self.step_in(step, self.origin(&range))?;
        let mut counted = Counted {
            inner: std::io::Cursor::new(held).chain(rest),
            bytes: 0,
            room,
        };
        let read = self.walk.see.long(&mut counted, &trail);
        let bytes = counted.bytes;
        self.walk.summary.bytes += bytes;
        if bytes > room {
            self.unread(Some(step), Why::TooMuch);
            return Err(Stop);
        }
        match kind {
            // Most of what it says of itself stands there as it is.
            Some(kind) => self.media(media::unread(kind)),
            None => self.unread(Some(step), Why::TooLong),
        }
        if let Err(error) = &read {
            self.unread(Some(step), why(error));
        }
        Ok(read.is_ok())
    }

    fn origin(&self, range: &Range<usize>) -> Origin<'static> {
        Origin::Contained {
            start: self.base + range.start,
            end: self.base + range.end,
        }
    }

    fn layer(&mut self, step: Step<'_>, origin: Origin<'_>, text: &[u8]) -> Result<(), Stop> {
        if text.is_empty() {
            return Ok(());
        }
        let limits = self.walk.limits;
        let trail = self.step_in(step, origin)?;
        self.walk.summary.bytes += text.len() as u64;
        if self.walk.summary.bytes > limits.bytes {
            self.unread(Some(step), Why::TooMuch);
            return Err(Stop);
        }
        let live = match self.walk.alone {
            Some(_) => limits.live + limits.large,
            None => limits.live,
        };
        if self.walk.live + text.len() > live {
            self.unread(Some(step), Why::TooLong);
            return Ok(());
        }
        self.walk.see.text(text, &trail);
        self.walk.live += text.len();
        let told = self.walk.descend(text, Some(&trail));
        self.walk.live -= text.len();
        told
    }

    fn step_in<'s>(&mut self, step: Step<'s>, origin: Origin<'s>) -> Result<Trail<'s>, Stop>
    where
        'o: 's,
    {
        let limits = self.walk.limits;
        let depth = self.trail.map_or(0, |trail| trail.depth) + 1;
        let why = match () {
            () if depth > limits.depth => Why::TooDeep,
            () if self.walk.summary.layers >= u64::from(limits.layers) => Why::TooMany,
            () => {
                self.walk.summary.layers += 1;
                self.walk.summary.members += u64::from(step.name.is_some());
                return Ok(Trail {
                    step,
                    origin,
                    parent: self.around,
                    up: self.trail,
                    number: u32::try_from(self.walk.summary.layers).unwrap_or(u32::MAX),
                    depth,
                });
            }
        };
        self.unread(Some(step), why);
        Err(Stop)
    }
}

/// Why a reader gave up.
fn why(error: &std::io::Error) -> Why {
    match error.kind() {
        // A window that is larger than what is read, or a method that is not.
        ErrorKind::OutOfMemory | ErrorKind::Unsupported => Why::Unsupported,
        _ => Why::Broken,
    }
}

/// Counts what is read, and ends with an error above `room`.
struct Counted<R> {
    inner: R,
    bytes: u64,
    room: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.bytes > self.room {
            return Err(std::io::Error::other("more bytes than are decoded"));
        }
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
pub(crate) mod tests;
