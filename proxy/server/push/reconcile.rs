//! When the answer to a push was lost: the upstream is asked once more where the refs stand now.
//!
//! Asked with the pusher's own credential, as git would ask on the next fetch. A ref that stands at the pushed id is
//! taken, whoever moved it there. One that does not may still come: a forge whose connection was lost can be at work.

use std::time::Duration;

use exeat_gitwire::advertise::{Lookup, Service, Standing};
use http::HeaderMap;
use http_body_util::BodyExt;

use super::{Order, Pushes, answer::Line, fault::Fault, message};
use crate::{
    advertisement,
    audit::{Ending, Outcome},
    door::Knock,
};

/// When it is asked, in thirds of `limits.upstream_reconcile_seconds` after the time before.
const PAUSES: [u32; 3] = [0, 1, 2];

/// Finds out what became of a push and tells the developer.
pub async fn settle(
    pushes: &Pushes,
    order: &Order,
    knock: &Knock,
    fault: &Fault,
    mut outcome: Outcome,
    line: &mut Line,
) -> Outcome {
    let Some(standings) = ask(pushes, order, knock).await else {
        line.refuse(&order.request, &message::fault(&order.id, fault))
            .await;
        return outcome;
    };
    let count = |wanted| standings.iter().filter(|&&one| one == wanted).count();
    let (all, taken) = (standings.len(), count(Standing::Taken));
    outcome.ending = match (taken, count(Standing::Untaken)) {
        (taken, _) if taken == all => Ending::AcceptedConfirmed,
        (0, untaken) if untaken == all => Ending::NotTaken,
        (0, _) => Ending::Unknown,
        _ => Ending::Partial,
    };
    outcome.note = format!("{}; asked again: {taken} of {all} refs taken", outcome.note);
    let told = match outcome.ending {
        Ending::Unknown => message::fault(&order.id, fault),
        _ => message::settled(&order.id, fault, all - taken, all),
    };
    match taken {
        0 => line.refuse(&order.request, &told).await,
        _ => {
            let fates: Vec<_> = standings
                .iter()
                .map(|standing| match standing {
                    Standing::Taken => Ok(()),
                    Standing::Untaken => Err(told.reason.clone()),
                    Standing::Elsewhere => Err(format!("outcome unknown: {}", told.reason)),
                })
                .collect();
            line.settle(&order.request, &told.text, &fates).await;
        }
    }
    outcome
}

/// The last thing it said, or `None` where it said nothing. Whatever is not taken may still be, so it is asked again.
async fn ask(pushes: &Pushes, order: &Order, knock: &Knock) -> Option<Vec<Standing>> {
    let whole = pushes.limits.upstream_reconcile_seconds;
    let mut known = None;
    for thirds in PAUSES {
        tokio::time::sleep(whole * thirds / 3).await;
        let Ok(Some(standings)) =
            tokio::time::timeout(patience(whole), look(pushes, order, knock)).await
        else {
            continue;
        };
        let all_taken = standings.iter().all(|one| *one == Standing::Taken);
        known = Some(standings);
        if all_taken {
            break;
        }
    }
    known
}

/// How long one question may take, a new connection included.
fn patience(whole: Duration) -> Duration {
    whole.max(Duration::from_secs(2))
}

async fn look(pushes: &Pushes, order: &Order, knock: &Knock) -> Option<Vec<Standing>> {
    let asked = advertisement::ask(
        &knock.upstream,
        &knock.repository,
        Service::ReceivePack,
        &order.actor,
        &HeaderMap::new(),
        pushes.limits.upstream_idle_seconds,
    )
    .await;
    let answer = match asked {
        Ok((answer, _)) if advertisement::is_advertisement(&answer, Service::ReceivePack) => answer,
        Ok((answer, _)) => {
            tracing::warn!(
                status = answer.status().as_u16(),
                "asked again, no list of refs"
            );
            return None;
        }
        Err(error) => {
            tracing::warn!(%error, "asked again, no answer");
            return None;
        }
    };
    let mut lookup = Lookup::new(&order.request.commands);
    let mut body = answer.into_body();
    let mut left = pushes.limits.advertisement_bytes;
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        left = left.checked_sub(data.len() as u64)?;
        lookup.feed(data).ok()?;
    }
    lookup.finish(&order.request.commands).ok()
}
