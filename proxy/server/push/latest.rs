//! What is in force now, for pushes that began before and outlive a change of the configuration.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::Pushes;
use crate::upstream::Upstreams;

/// The pushes and the ways of the configuration in force.
#[derive(Default)]
pub struct Latest(RwLock<Option<(Weak<Pushes>, Arc<Upstreams>)>>);

impl Latest {
    /// From now on these are in force.
    pub fn set(&self, pushes: &Arc<Pushes>, upstreams: &Arc<Upstreams>) {
        let mut latest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((Arc::downgrade(pushes), Arc::clone(upstreams)));
    }

    /// What is in force; none while the proxy starts or ends.
    pub fn get(&self) -> Option<(Arc<Pushes>, Arc<Upstreams>)> {
        let latest = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (pushes, upstreams) = latest.as_ref()?;
        Some((pushes.upgrade()?, Arc::clone(upstreams)))
    }
}
