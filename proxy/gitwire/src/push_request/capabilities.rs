//! What a client asks of the upstream besides its commands.

use super::Error;
use crate::{HashKind, text};

/// The known capabilities a client requested, and what else it wrote there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub report_status: bool,
    pub report_status_v2: bool,
    pub side_band_64k: bool,
    pub quiet: bool,
    pub atomic: bool,
    pub ofs_delta: bool,
    pub delete_refs: bool,
    pub push_options: bool,
    /// Whether the client named the object format; which one is the request's `hash`.
    pub object_format: bool,
    /// Unknown ones for the log: escaped, shortened, at most [`Capabilities::DROPPED`]. They are never forwarded.
    pub dropped: Vec<String>,
}

impl Capabilities {
    /// How many unknown capabilities are kept for the log.
    pub const DROPPED: usize = 16;

    /// Whether the client wants the fate of each ref reported.
    pub fn wants_report(&self) -> bool {
        self.report_status || self.report_status_v2
    }

    /// Reads the list behind the zero byte. `agent`, `session-id` and `no-thin` are recognised and left out:
    /// the first two speak of the client's machine, the last is for servers to say.
    pub(super) fn read(list: &[u8]) -> Result<(Self, HashKind), Error> {
        if list.contains(&0) {
            return Err(Error::ZeroByte);
        }
        let mut read = Self::default();
        let mut hash = HashKind::Sha1;
        for word in list
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty())
        {
            let (name, value) = match word.iter().position(|byte| *byte == b'=') {
                Some(at) => (word.get(..at).unwrap_or_default(), word.get(at + 1..)),
                None => (word, None),
            };
            match (name, value) {
                (b"push-cert", _) => return Err(Error::PushCertificate),
                (b"object-format", Some(format)) => hash = read.take_object_format(format)?,
                (b"agent" | b"session-id", Some(_)) | (b"no-thin", None) => {}
                (name, None) => match read.flag(name) {
                    Some(flag) => *flag = true,
                    None => read.drop_word(word),
                },
                _ => read.drop_word(word),
            }
        }
        Ok((read, hash))
    }

    fn take_object_format(&mut self, format: &[u8]) -> Result<HashKind, Error> {
        if self.object_format {
            return Err(Error::TwoObjectFormats);
        }
        self.object_format = true;
        match format {
            b"sha1" => Ok(HashKind::Sha1),
            b"sha256" => Ok(HashKind::Sha256),
            _ => Err(Error::UnknownObjectFormat),
        }
    }

    fn flag(&mut self, name: &[u8]) -> Option<&mut bool> {
        Some(match name {
            b"report-status" => &mut self.report_status,
            b"report-status-v2" => &mut self.report_status_v2,
            b"side-band-64k" => &mut self.side_band_64k,
            b"quiet" => &mut self.quiet,
            b"atomic" => &mut self.atomic,
            b"ofs-delta" => &mut self.ofs_delta,
            b"delete-refs" => &mut self.delete_refs,
            b"push-options" => &mut self.push_options,
            _ => return None,
        })
    }

    /// Every flag with its name, in the order in which they are written.
    fn flags(&self) -> [(&'static str, bool); 8] {
        [
            ("report-status", self.report_status),
            ("report-status-v2", self.report_status_v2),
            ("side-band-64k", self.side_band_64k),
            ("quiet", self.quiet),
            ("atomic", self.atomic),
            ("ofs-delta", self.ofs_delta),
            ("delete-refs", self.delete_refs),
            ("push-options", self.push_options),
        ]
    }

    fn drop_word(&mut self, word: &[u8]) {
        if self.dropped.len() < Self::DROPPED {
            self.dropped.push(text::escape_short(word, 64));
        }
    }

    /// The list as git writes it, with a space before each word.
    pub(super) fn to_text(&self, hash: HashKind, agent: &str) -> String {
        let mut text = String::new();
        for (name, _) in self.flags().into_iter().filter(|(_, requested)| *requested) {
            text.push(' ');
            text.push_str(name);
        }
        if self.object_format {
            text.push_str(&format!(" object-format={hash}"));
        }
        if !agent.is_empty() {
            text.push_str(" agent=");
            text.extend(
                agent
                    .chars()
                    .take(Self::AGENT)
                    .map(|c| if c.is_ascii_graphic() { c } else { '.' }),
            );
        }
        text
    }

    /// Bytes of an agent that are written.
    const AGENT: usize = 200;
}
