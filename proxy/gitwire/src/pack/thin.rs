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
        let missing = walk.missing();
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
        let certain = certain(walk, &missing);
        let ids = if all_at_once {
            missing.iter().map(|missing| missing.id).collect()
        } else {
            certain.clone()
        };
        if ids.len() > left {
            return Err(too_many);
        }
        match bases.fetch(&ids) {
            Ok(answers) => answers
                .into_iter()
                .for_each(|answer| walk.resolver.external.keep(answer)),
            Err(_) if ids.len() > certain.len() => {
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
    match walk.missing().first() {
        None => Ok(()),
        Some(first) => Err(Error::BaseUnavailable {
            id: first.id,
            why: "its bases build on each other in too many steps".into(),
        }),
    }
}

/// The missing bases that are outside for certain: first those that no waiting delta builds by its size,
/// else those that none before them builds, as git writes bases before their deltas.
fn certain<S: Spool>(walk: &Walk<'_, S>, missing: &[Missing]) -> Vec<ObjectId> {
    let mut first_of_size = HashMap::new();
    for (index, size) in walk.waiting_sizes() {
        first_of_size.entry(size).or_insert(index);
    }
    let ids = |outside: &dyn Fn(&Missing) -> bool| -> Vec<ObjectId> {
        let outside = missing.iter().filter(|missing| outside(missing));
        outside.map(|missing| missing.id).collect()
    };
    let by_size = ids(&|missing| !first_of_size.contains_key(&missing.size));
    if !by_size.is_empty() {
        return by_size;
    }
    ids(&|missing| {
        first_of_size
            .get(&missing.size)
            .is_none_or(|&index| index >= missing.delta)
    })
}
