//! The answer to a push, as a git client prints it: ours, or the upstream's made safe to print.
//!
//! Grammar: git's gitprotocol-pack, "Report Status", and the side band of gitprotocol-pack, "Packfile Data".
//! The report is pkt-lines with a flush of their own; with `side-band-64k` they travel on band 1 inside
//! other pkt-lines. Band 2 is text for the terminal, band 3 a last word before hanging up.

mod relay;
mod status;

pub use relay::{Error, Outcome, Relay};

use crate::advertise::{self, Service};
use crate::push_request::PushRequest;
use crate::{legible, pktline, text};

/// An empty packet on band 2: prints nothing and keeps a waiting client and its network patient.
pub const KEEP_ALIVE: &[u8] = b"0005\x02";

/// Bytes of a reason: clients print it in one line, and some cut longer ones.
const REASON: usize = 199;

/// Whether a client can be told anything in the body of an answer. If not, [`refusal`] is empty and the
/// caller answers with a status such as 403, because an empty 200 looks like success.
pub fn can_report(request: &PushRequest) -> bool {
    request.capabilities.side_band_64k || request.capabilities.wants_report()
}

/// The whole answer that refuses a push: `text` for people, `reason` for the push as such and for every ref.
///
/// Both `unpack` and each ref fail, the only form in which every client fails as well. `text` may have
/// several lines; `reason` becomes one line of fewer than 200 bytes. Of both only printable ASCII is kept
/// as it is. `text` is shown only to clients with a side band.
pub fn refusal(request: &PushRequest, text: &str, reason: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    let reports = request.capabilities.wants_report();
    if request.capabilities.side_band_64k {
        let band = if reports { 2 } else { 3 };
        pktline::encode_band(&mut answer, band, &lines_of(text));
        if reports {
            pktline::encode_band(&mut answer, 1, &refusing_report(request, &one_line(reason)));
        }
        pktline::flush(&mut answer);
    } else if reports {
        answer = refusing_report(request, &one_line(reason));
    }
    answer
}

/// The whole answer to a push of which it became known otherwise what became of it: `fates` are those of its commands, in
/// their order. `text` is shown only to clients with a side band.
pub fn settled(request: &PushRequest, text: &str, fates: &[Result<(), String>]) -> Vec<u8> {
    let mut answer = Vec::new();
    let reports = request.capabilities.wants_report();
    let banded = request.capabilities.side_band_64k;
    if banded {
        // Without a report, band 3 is what makes a client fail.
        let failed = fates.iter().any(Result::is_err);
        let band = if reports || !failed { 2 } else { 3 };
        pktline::encode_band(&mut answer, band, &lines_of(text));
    }
    if reports {
        let report = settled_report(request, fates);
        match banded {
            true => pktline::encode_band(&mut answer, 1, &report),
            false => answer = report,
        }
    }
    if banded {
        pktline::flush(&mut answer);
    }
    answer
}

fn settled_report(request: &PushRequest, fates: &[Result<(), String>]) -> Vec<u8> {
    let mut report = Vec::new();
    pktline::encode(&mut report, b"unpack ok\n");
    for (index, command) in request.commands.iter().enumerate() {
        let line = match fates.get(index) {
            Some(Ok(())) => [b"ok ", &command.name[..], b"\n"].concat(),
            fate => {
                let reason = fate.and_then(|fate| fate.as_ref().err());
                let reason = one_line(reason.map_or("unknown", String::as_str));
                [b"ng ", &command.name[..], b" ", reason.as_bytes(), b"\n"].concat()
            }
        };
        pktline::encode(&mut report, &line);
    }
    pktline::flush(&mut report);
    report
}

fn refusing_report(request: &PushRequest, reason: &str) -> Vec<u8> {
    let mut report = Vec::new();
    pktline::encode(&mut report, format!("unpack {reason}\n").as_bytes());
    for command in &request.commands {
        pktline::encode(
            &mut report,
            &[b"ng ", &command.name[..], b" ", reason.as_bytes(), b"\n"].concat(),
        );
    }
    pktline::flush(&mut report);
    report
}

/// Takes the packets of the report (band 1, and the flush that ends the answer) out of relayed ones into `report`, and
/// gives back the others: text and keep-alives.
pub fn hold_report(packets: &[u8], report: &mut Vec<u8>) -> Vec<u8> {
    let mut others = Vec::new();
    let mut rest = packets;
    while let Ok(pktline::Decoded::Complete { line, consumed }) = pktline::decode(rest) {
        let (packet, behind) = rest.split_at(consumed);
        match line {
            pktline::Line::Data([1, _, ..]) | pktline::Line::Flush => report.extend(packet),
            _ => others.extend(packet),
        }
        rest = behind;
    }
    others
}

/// Text on band 2, for a client that asked for a side band. A line end is added where there is none; a
/// carriage return at the end lets the next text overwrite the line.
pub fn progress(text: &str) -> Vec<u8> {
    let mut packets = Vec::new();
    pktline::encode_band(&mut packets, 2, &lines_of(text));
    packets
}

/// An advertisement that makes git print `text` as `remote error` and stop, to be sent with status 200.
pub fn error_advertisement(service: Service, text: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    pktline::encode(
        &mut answer,
        format!("{}\n", service.announcement()).as_bytes(),
    );
    pktline::flush(&mut answer);
    advertise::encode_failure(&mut answer, text.as_bytes());
    answer
}

fn lines_of(text: &str) -> Vec<u8> {
    let mut lines = legible::show_lines(text.as_bytes());
    if !lines.is_empty() && !lines.ends_with(['\n', '\r']) {
        lines.push('\n');
    }
    lines.into_bytes()
}

/// A reason that no client can take for `ok`.
fn one_line(reason: &str) -> String {
    let words: Vec<_> = reason.split_whitespace().collect();
    match words.as_slice() {
        [] => "refused".into(),
        [first, ..] if first.eq_ignore_ascii_case("ok") => {
            text::escape_short(format!("refused: {}", words.join(" ")).as_bytes(), REASON)
        }
        _ => text::escape_short(words.join(" ").as_bytes(), REASON),
    }
}

#[cfg(test)]
mod tests;
