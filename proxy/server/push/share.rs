//! How many of the places for pushes one user may hold.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Semaphore;

use super::{
    fault::Fault,
    place::{PATIENCE, Place, Places},
};
use crate::identity::Actor;

/// The shares of all users who hold a place or wait for one.
pub struct Shares {
    /// Places of one user.
    each: usize,
    users: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Shares {
    pub fn new(each: usize) -> Self {
        Self {
            each,
            users: Mutex::default(),
        }
    }

    /// A place, or none after a short wait. Who holds its share waits for its own pushes, without standing in
    /// anybody's way.
    ///
    /// # Errors
    /// `Busy` where all places are taken, `BusyUser` where this user's are.
    pub async fn place(&self, actor: &Actor, places: &Places) -> Result<Place, Fault> {
        let own = self.own(actor).acquire_owned();
        let own = tokio::time::timeout(PATIENCE, own).await;
        let own = own.ok().and_then(Result::ok).ok_or(Fault::BusyUser)?;
        let place = places.take().await.ok_or(Fault::Busy)?;
        Ok(place.with_share(own))
    }

    /// A user is a credential, or an address where there is none: many people may share an address.
    fn own(&self, actor: &Actor) -> Arc<Semaphore> {
        let user = match &actor.credential {
            Some(credential) => credential.hash.clone(),
            None => actor.source.to_string(),
        };
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = users.get(&user).and_then(Weak::upgrade) {
            return own;
        }
        users.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.each));
        users.insert(user, Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;

    fn from(last: u8) -> Actor {
        Actor {
            credential: None,
            source: [192, 0, 2, last].into(),
        }
    }

    #[tokio::test]
    async fn nobody_takes_every_place() {
        let (shares, places) = (Shares::new(2), Places::new(3, &Metrics::new()));
        let soon = Duration::from_millis(20);
        let first = shares.place(&from(1), &places).await.unwrap();
        let _second = shares.place(&from(1), &places).await.unwrap();
        let third = tokio::time::timeout(soon, shares.place(&from(1), &places)).await;
        assert!(third.is_err(), "one user holds more than its share");
        assert!(shares.place(&from(2), &places).await.is_ok());
        drop(first);
        assert!(shares.place(&from(1), &places).await.is_ok());
        assert!(shares.place(&from(3), &places).await.is_ok());
        let users = shares.users.lock().unwrap();
        assert!(!users.contains_key("192.0.2.2"), "who is gone is forgotten");
    }
}
