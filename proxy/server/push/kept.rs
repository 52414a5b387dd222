//! The head of a push as it is kept with its pack in the quarantine.

use exeat_gitwire::push_request::{Asked, Limits, PushRequest, Reader};
use serde::{Deserialize, Serialize};

use super::{Order, wishes::Wishes};
use crate::upstream::Repository;

/// Longest line that says whereto, in bytes.
const LONGEST: usize = 64 * 1024;

/// Whereto a push is to go and what it is, but for its pack and its credential. One line of JSON, and behind it the
/// canonical head of the request.
#[derive(Debug)]
pub struct Head {
    pub whereto: Whereto,
    request: Vec<u8>,
}

/// Where a push is to go.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whereto {
    pub upstream: String,
    /// As it was named, one element a segment.
    pub repository: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a head that was kept cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the head of the push that was kept cannot be read")]
pub struct Unreadable;

impl Head {
    pub fn of(order: &Order) -> Self {
        Self {
            whereto: Whereto {
                upstream: order.knock.upstream.name.clone(),
                repository: order.knock.repository.segments().to_vec(),
                reason: order.wishes.reason.clone(),
            },
            request: order.request.canonical_head(""),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let whereto = serde_json::to_vec(&self.whereto);
        let mut bytes = whereto.expect("because strings always serialise");
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.request);
        bytes
    }

    /// # Errors
    /// When these are not the bytes of a head.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let end = bytes.iter().take(LONGEST).position(|byte| *byte == b'\n');
        let (whereto, request) = bytes
            .split_at_checked(end.ok_or(Unreadable)?)
            .ok_or(Unreadable)?;
        Ok(Self {
            whereto: serde_json::from_slice(whereto).map_err(|_| Unreadable)?,
            request: request.get(1..).ok_or(Unreadable)?.to_vec(),
        })
    }

    /// The repository that is meant.
    pub fn repository(&self) -> Result<Repository, Unreadable> {
        Repository::new(self.whereto.repository.clone()).ok_or(Unreadable)
    }

    /// The request, read by the limits that are in force now.
    pub fn request(&self, limits: Limits) -> Result<PushRequest, Unreadable> {
        let mut reader = Reader::new(limits);
        reader.feed(&self.request).map_err(|_| Unreadable)?;
        match reader.into_request() {
            Ok(Asked::Push(request)) => Ok(request),
            Ok(Asked::Probe) | Err(_) => Err(Unreadable),
        }
    }

    pub fn wishes(&self) -> Wishes {
        Wishes {
            reason: self.whereto.reason.clone(),
            wait: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            head_bytes: 4096,
            commands: 10,
            ref_name_bytes: 100,
            options: 10,
            option_bytes: 100,
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_kept() {
        let id = "1".repeat(40);
        let line = format!(
            "{} {id} refs/heads/a\0report-status push-options",
            "0".repeat(40)
        );
        let mut request = Vec::new();
        exeat_gitwire::pktline::encode(&mut request, line.as_bytes());
        request.extend_from_slice(b"0000000eexeat.wait0000");
        let head = Head {
            whereto: Whereto {
                upstream: "forge".into(),
                repository: vec!["org".into(), "a\nb".into()],
                reason: Some("a sample".into()),
            },
            request,
        };
        let read = Head::read(&head.bytes()).unwrap();
        assert_eq!(read.whereto.upstream, "forge");
        assert_eq!(read.repository().unwrap().segments(), ["org", "a\nb"]);
        assert_eq!(read.wishes().reason.as_deref(), Some("a sample"));
        let request = read.request(limits()).unwrap();
        assert_eq!(request.commands[0].name, b"refs/heads/a");
        assert_eq!(request.options, [b"exeat.wait"]);
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for bytes in [
            &b""[..],
            b"\n",
            b"{}\n0000",
            b"{\"upstream\":\"a\"}\n",
            b"no line",
        ] {
            assert!(Head::read(bytes).is_err(), "{bytes:?}");
        }
        let probe = Head::read(b"{\"upstream\":\"a\",\"repository\":[\"r\"]}\n0000").unwrap();
        assert!(probe.request(limits()).is_err());
        let cut = Head::read(b"{\"upstream\":\"a\",\"repository\":[\"r\"]}\n00").unwrap();
        assert!(cut.request(limits()).is_err());
    }
}
