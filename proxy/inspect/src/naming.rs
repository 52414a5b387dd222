//! Ids of large objects, computed by whichever worker is free.
//!
//! Versions of one file are read in order by one worker, but their ids do not depend on each other. So each large object is put on a list
//! as soon as it is collected, beside its batch, and a worker that has nothing else to do takes it from there. Who needs an id
//! that nobody has begun with computes it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak},
};

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{self, Kind, Object},
};

use crate::{
    batch::Shared,
    pool::Pool,
    stages::{self, Stages},
};

/// Smaller objects are hashed with the others of their batch.
const LARGE: usize = 128 << 10;
/// Objects that are hashed together where so many wait: more gain nothing.
const AT_ONCE: usize = 3;

/// A large object whose id is to be computed.
pub struct Nameless {
    kind: Kind,
    data: Arc<Vec<u8>>,
    /// Whoever computes it has the lock.
    id: Mutex<Id>,
}

/// `None` before it was computed. What is made to collide has none then.
type Id = Option<Option<ObjectId>>;

impl Nameless {
    /// Its id; computed here, unless it is known. Waits for whoever computes it.
    pub fn id(&self, hash: HashKind) -> Option<ObjectId> {
        let mut id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        *id.get_or_insert_with(|| pack::object_id(hash, self.kind, &self.data).ok())
    }

    /// The lock, if nobody has it and the id is not known.
    fn claim(&self) -> Option<MutexGuard<'_, Id>> {
        let id = match self.id.try_lock() {
            Ok(id) => id,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        id.is_none().then_some(id)
    }
}

/// Computes the ids of those that nobody else has begun with; gives their bytes.
pub fn name<'n>(hash: HashKind, nameless: impl Iterator<Item = &'n Nameless>) -> u64 {
    let mut claimed: Vec<(MutexGuard<'n, Id>, &Nameless)> = nameless
        .filter_map(|nameless| Some((nameless.claim()?, nameless)))
        .collect();
    let contents = claimed
        .iter()
        .map(|(_, nameless)| (nameless.kind, nameless.data.as_slice()));
    let ids = pack::object_ids(hash, contents);
    for ((place, _), id) in claimed.iter_mut().zip(ids) {
        **place = Some(id.ok());
    }
    let sizes = claimed
        .iter()
        .map(|(_, nameless)| nameless.data.len() as u64);
    sizes.sum()
}

/// The large objects of one push whose ids nobody has asked for. They belong to their batches: what those are done with is gone from here.
#[derive(Default)]
pub struct Naming(Mutex<VecDeque<Weak<Nameless>>>);

impl Naming {
    /// Lets a worker of `pool` compute the id of `object`, if that is large and has none.
    pub fn begin(shared: &Arc<Shared>, pool: &Pool, object: &Object) -> Option<Arc<Nameless>> {
        if object.id.is_some() || object.data.len() < LARGE {
            return None;
        }
        let nameless = Arc::new(Nameless {
            kind: object.kind,
            data: Arc::clone(&object.data),
            id: Mutex::default(),
        });
        shared.naming.waiting().push_back(Arc::downgrade(&nameless));
        let shared = Arc::downgrade(shared);
        pool.submit(Box::new(move |_| {
            if let Some(shared) = shared.upgrade() {
                shared.naming.some(&shared);
            }
        }));
        Some(nameless)
    }

    /// Computes the ids of the next few.
    fn some(&self, shared: &Shared) {
        if shared.go_on().is_err() {
            return;
        }
        let next = self.next();
        if next.is_empty() {
            return;
        }
        let mut stages = Stages::default();
        stages.effort.hashed = stages::timed(shared.clock, &mut stages.hash, || {
            name(shared.hash, next.iter().map(Arc::as_ref))
        });
        shared.state().stages += stages;
    }

    fn next(&self) -> Vec<Arc<Nameless>> {
        let mut waiting = self.waiting();
        let mut next = Vec::new();
        while next.len() < AT_ONCE
            && let Some(nameless) = waiting.pop_front()
        {
            next.extend(nameless.upgrade());
        }
        next
    }

    /// Held for moments only, by code that keeps it whole.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Weak<Nameless>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::{
        batch::tests::{blob, shared},
        pool::tests::{busy, settle},
    };

    fn large(byte: u8) -> Object {
        blob(&vec![byte; LARGE])
    }

    fn begin(pool: &Pool, shared: &Arc<Shared>, object: &Object) -> Arc<Nameless> {
        Naming::begin(shared, pool, object).expect("because it is large")
    }

    fn id(object: &Object) -> ObjectId {
        pack::object_id(HashKind::Sha1, object.kind, &object.data).unwrap()
    }

    fn is_named(nameless: &Nameless) -> bool {
        nameless.claim().is_none()
    }

    #[test]
    fn large_objects_without_id_are_named_by_a_free_worker() {
        let (pool, until) = busy();
        let shared = shared();
        let objects: Vec<Object> = (0..2 * AT_ONCE as u8 + 1).map(large).collect();
        let nameless: Vec<_> = objects
            .iter()
            .map(|object| begin(&pool, &shared, object))
            .collect();
        assert!(!nameless.iter().any(|nameless| is_named(nameless)));
        drop(until);
        settle(&pool);
        for (nameless, object) in nameless.iter().zip(&objects) {
            assert!(is_named(nameless));
            assert_eq!(nameless.id(HashKind::Sha1), Some(id(object)));
        }
        let known = Object {
            id: Some(id(&objects[0])),
            ..large(0)
        };
        for other in [blob(&[0; LARGE - 1]), known] {
            assert!(Naming::begin(&shared, &pool, &other).is_none());
        }
    }

    #[test]
    fn what_somebody_has_begun_with_is_waited_for() {
        let (pool, _until) = busy();
        let shared = shared();
        let [one, other] = [1, 2].map(|byte| begin(&pool, &shared, &large(byte)));
        let mut begun = one.claim().unwrap();
        name(HashKind::Sha1, [&*one, &other].into_iter());
        assert!(begun.is_none() && is_named(&other));
        // Not what it would come to, to be told from that.
        *begun = Some(Some(id(&large(3))));
        let asking = std::thread::spawn({
            let one = Arc::clone(&one);
            move || one.id(HashKind::Sha1)
        });
        drop(begun);
        assert_eq!(asking.join().unwrap(), Some(id(&large(3))));
    }

    #[test]
    fn what_a_panic_left_is_computed_by_the_next() {
        let (pool, _until) = busy();
        let shared = shared();
        let object = large(1);
        let nameless = begin(&pool, &shared, &object);
        let felled = Arc::clone(&nameless);
        let panicked = std::thread::spawn(move || {
            let _begun = felled.claim();
            panic!("a panic made by a test");
        });
        assert!(panicked.join().is_err());
        assert_eq!(nameless.id(HashKind::Sha1), Some(id(&object)));
    }

    #[test]
    fn a_batch_that_is_done_leaves_nothing_to_name() {
        let (pool, _until) = busy();
        let shared = shared();
        let objects = [1, 2].map(large);
        let [gone, here] = objects
            .each_ref()
            .map(|object| begin(&pool, &shared, object));
        drop(gone);
        assert_eq!(Arc::strong_count(&objects[0].data), 1, "nobody holds it");
        let next = shared.naming.next();
        assert!(next.len() == 1 && Arc::ptr_eq(&next[0], &here));
    }

    #[test]
    fn nothing_is_named_of_a_stopped_inspection() {
        let (pool, _until) = busy();
        let shared = shared();
        let nameless = begin(&pool, &shared, &large(1));
        shared.cancelled.store(true, Ordering::Relaxed);
        shared.naming.some(&shared);
        assert!(!is_named(&nameless));
        shared.cancelled.store(false, Ordering::Relaxed);
        shared.naming.some(&shared);
        assert!(is_named(&nameless));
    }
}
