//! Step one: the head of the request, commands, capabilities and options.

use exeat_gitwire::push_request::{Asked, Limits as HeadLimits, Progress, Reader};

use super::{body::PushBody, fault::Fault};
use crate::config::Limits;

/// Reads the head and leaves the body where the pack begins.
///
/// # Errors
/// When the head is not canonical, exceeds a limit or ends early, or the client goes.
pub async fn receive(body: &mut PushBody, limits: &Limits) -> Result<Asked, Fault> {
    let mut reader = Reader::new(HeadLimits {
        head_bytes: limits.head_bytes,
        commands: limits.commands,
        ref_name_bytes: limits.ref_name_bytes,
        options: limits.push_options,
        option_bytes: limits.push_option_bytes,
    });
    while let Some(chunk) = body.next().await? {
        if let Progress::Complete { consumed } = reader.feed(&chunk)? {
            body.give_back(chunk.slice(consumed..));
            break;
        }
    }
    let asked = reader.into_request()?;
    if matches!(asked, Asked::Probe) && body.next().await?.is_some() {
        return Err(Fault::Request(
            exeat_gitwire::push_request::Error::AfterProbe,
        ));
    }
    Ok(asked)
}
