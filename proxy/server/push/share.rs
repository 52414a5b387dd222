//! How many of the places for pushes one user may hold.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{
    fault::Fault,
    place::{PATIENCE, Place, Places, Seats},
};
use crate::identity::Actor;

/// The shares of all users who hold a place or wait for one. Like the places they outlive a change of the configuration.
pub struct Shares(Mutex<Counted>);

struct Counted {
    /// Places of one user.
    each: usize,
    users: HashMap<String, Weak<Seats>>,
}

impl Shares {
    pub fn new(each: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Counted {
            each,
            users: HashMap::new(),
        })))
    }

    /// A place, or none after a short wait. Who holds its share waits for its own pushes, without standing in
    /// anybody's way.
    ///
    /// # Errors
    /// `Busy` where all places are taken, `BusyUser` where this user's are.
    pub async fn place(&self, actor: &Actor, places: &Places) -> Result<Place, Fault> {
        let seats = self.own(actor);
        let own = tokio::time::timeout(PATIENCE, seats.take()).await;
        let own = own.ok().flatten().ok_or(Fault::BusyUser)?;
        let place = places.take().await.ok_or(Fault::Busy)?;
        Ok(place.with_share(own, seats))
    }

    /// Makes every user's share `each`. Pushes under way keep theirs and count.
    pub fn set_each(&self, each: usize) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.each = each;
        for own in counted.users.values().filter_map(Weak::upgrade) {
            own.set_number(each);
        }
    }

    /// A user is a credential, or an address where there is none: many people may share an address.
    fn own(&self, actor: &Actor) -> Arc<Seats> {
        let user = match &actor.credential {
            Some(credential) => credential.hash.clone(),
            None => actor.source.to_string(),
        };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = counted.users.get(&user).and_then(Weak::upgrade) {
            return own;
        }
        counted.users.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Seats::new(counted.each));
        counted.users.insert(user, Arc::downgrade(&own));
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
            presented: None,
            proxy: String::new(),
            certificate: None,
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
        let counted = shares.0.lock().unwrap();
        assert!(
            !counted.users.contains_key("192.0.2.2"),
            "who is gone is forgotten"
        );
    }

    #[tokio::test]
    async fn a_share_that_changes_counts_what_is_held() {
        let (shares, places) = (Shares::new(1), Places::new(9, &Metrics::new()));
        let soon = Duration::from_millis(20);
        let user = from(1);
        let one_more = || tokio::time::timeout(soon, shares.place(&user, &places));
        let first = one_more().await.unwrap().unwrap();
        assert!(one_more().await.is_err());
        shares.set_each(2);
        let second = one_more().await.unwrap().unwrap();
        assert!(one_more().await.is_err());
        shares.set_each(1);
        tokio::task::yield_now().await;
        drop(first);
        assert!(one_more().await.is_err(), "what is held is not counted");
        drop(second);
        assert!(one_more().await.is_ok());
    }
}
