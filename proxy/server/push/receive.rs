//! Step one: the head of the request, commands, capabilities and options.

use exeat_gitwire::{
    HashKind,
    push_request::{self, Asked, Limits as HeadLimits, Progress, PushRequest, Reader},
};

use super::{body::PushBody, fault::Fault};
use crate::config::Limits;

/// A head that was not understood, with what was read of it: enough to answer in the form that the
/// client asked for.
pub struct Unread {
    pub fault: Fault,
    pub so_far: Option<PushRequest>,
}

/// Reads the head and leaves the body where the pack begins.
///
/// # Errors
/// When the head is not canonical, exceeds a limit or `head_bytes`, is not of the repository's object format, takes too
/// long or ends early, or the client goes.
pub async fn receive(
    body: &mut PushBody,
    limits: &Limits,
    head_bytes: usize,
    format: HashKind,
) -> Result<Asked, Box<Unread>> {
    let mut reader = Reader::new(head_limits(limits, head_bytes));
    let read = tokio::time::timeout(limits.push_seconds, read(body, &mut reader)).await;
    if let Err(fault) = read.unwrap_or(Err(Fault::Slow(limits.push_seconds.as_secs()))) {
        let so_far = reader.so_far();
        let so_far = (!so_far.commands.is_empty()).then(|| so_far.clone());
        return Err(Box::new(Unread { fault, so_far }));
    }
    let asked = reader.into_request();
    match asked {
        Ok(Asked::Push(request)) if request.hash != format => Err(Box::new(Unread {
            fault: push_request::Error::OtherFormat {
                asked: request.hash,
                offered: format,
            }
            .into(),
            so_far: Some(request),
        })),
        asked => asked.map_err(|error| {
            Box::new(Unread {
                fault: error.into(),
                so_far: None,
            })
        }),
    }
}

/// What bounds a head.
pub fn head_limits(limits: &Limits, head_bytes: usize) -> HeadLimits {
    HeadLimits {
        head_bytes,
        commands: limits.commands,
        ref_name_bytes: limits.ref_name_bytes,
        options: limits.push_options,
        option_bytes: limits.push_option_bytes,
    }
}

async fn read(body: &mut PushBody, reader: &mut Reader) -> Result<(), Fault> {
    while let Some(chunk) = body.next().await? {
        if let Progress::Complete { consumed } = reader.feed(&chunk)? {
            body.give_back(chunk.slice(consumed..));
            break;
        }
    }
    // An empty request is a probe and has nothing behind it.
    if reader.so_far().commands.is_empty() && body.next().await?.is_some() {
        return Err(push_request::Error::AfterProbe.into());
    }
    Ok(())
}
