//! Rounds of asking for the bases that a thin pack leaves out.
//!
//! The ids of deltas that wait are not known, so a base that is missing so far may still be such a delta,
//! resolved on another one that is missing. git names objects of the pack by their distance, so usually
//! everything that is missing is outside, and one question brings it all. Where that is declined, sizes
//! tell apart: a base that no waiting delta can become, because none builds as many bytes, is outside.

use std::collections::HashMap;

use gix_hash::ObjectId;

use super::bases::{Bases, MOST_BASES, Unavailable};
use super::deferred::{Missing, Walk};
use super::{Error, Spool};

/// Questions that are asked for one pack at most.
const MOST_ROUNDS: usize = 16;
/// Bases that are told apart; most of a thin pack's are in the pack, and then named by distance.
pub(super) const MOST_MISSING: usize = 16 * MOST_BASES;

/// Resolves everything that waits for objects outside the pack.
pub(super) fn resolve<S: Spool>(
    walk: &mut Walk<'_, S>,
    bases: &mut dyn Bases<S>,
) -> Result<(), Error> {
    let mut all_at_once = true;
    for _ in 0..MOST_ROUNDS {
        let missing = walk.missing()?;
        let Some(first) = missing.first() else {
            return Ok(());
        };
        let too_many = Error::TooManyBases {
            id: first.id,
            limit: MOST_BASES,
        };
        let left = MOST_BASES - walk.resolver.external.len();
        if missing.len() > MOST_MISSING {
            return Err(too_many);
        }
        all_at_once &= missing.len() <= left;
        let ids = if all_at_once {
            missing.iter().map(|missing| missing.id).collect()
        } else {
            certain(walk, &missing)?
        };
        if ids.len() > left {
            return Err(too_many);
        }
        // The answer is read like a pack: what this one holds makes room for it.
        let cache_bytes = walk.resolver.limits.cache_bytes;
        walk.resolver.hold(cache_bytes);
        match bases.fetch(&ids) {
            Ok(answers) => answers
                .into_iter()
                .for_each(|answer| walk.resolver.external.keep(answer)),
            Err(_) if all_at_once && certain(walk, &missing)?.len() < ids.len() => {
                all_at_once = false;
                continue;
            }
            Err(Unavailable { id, why }) => {
                let id = id.unwrap_or(first.id);
                return Err(Error::BaseUnavailable { id, why });
            }
        }
        for id in &ids {
            walk.resolve_on_external(id)?;
        }
    }
    match walk.missing()?.first() {
        None => Ok(()),
        Some(first) => Err(Error::BaseUnavailable {
            id: first.id,
            why: "its bases build on each other in too many steps".into(),
        }),
    }
}

/// The missing bases that are outside for certain: first those that no waiting delta builds by its size,
/// else those that none before them builds, as git writes bases before their deltas.
fn certain<S: Spool>(walk: &mut Walk<'_, S>, missing: &[Missing]) -> Result<Vec<ObjectId>, Error> {
    let mut sizes = Vec::with_capacity(missing.len());
    for missing in missing {
        sizes.push(walk.resolver.base_size(missing.delta)?);
    }
    let mut first_of_size: HashMap<u64, Option<u32>> =
        sizes.iter().map(|size| (*size, None)).collect();
    for (index, entry) in walk.resolver.table.waiting() {
        if let Some(first) = first_of_size.get_mut(&entry.resolved()) {
            first.get_or_insert(index);
        }
    }
    let first_of_size = |size| first_of_size.get(size).copied().flatten();
    let outside = |is_outside: &dyn Fn(&Missing, Option<u32>) -> bool| -> Vec<ObjectId> {
        let pairs = missing.iter().zip(&sizes);
        let outside = pairs.filter(|(missing, size)| is_outside(missing, first_of_size(size)));
        outside.map(|(missing, _)| missing.id).collect()
    };
    let by_size = outside(&|_, builder| builder.is_none());
    if !by_size.is_empty() {
        return Ok(by_size);
    }
    Ok(outside(&|missing, builder| {
        builder.is_none_or(|index| index >= missing.delta)
    }))
}
