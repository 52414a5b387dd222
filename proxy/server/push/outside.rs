//! Objects from outside the push, for the inspector thread: fetched from the upstream while it waits.

use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

use exeat_gitwire::{
    HashKind, ObjectId,
    fetch_answer::{self, Offer},
    fetch_request::{Fetch, Filter},
    pack::{self, Bases, Fetched, Unavailable},
};
use tokio::{runtime::Handle, time::Instant};

use super::{
    fault::Fault,
    spool::{PackSpool, SpoolRoom},
    upload_pack::{Error, UploadPack},
};

/// Questions for one set of objects: git leaves out a wanted blob that stands below a wanted tree.
const MOST_REPEATS: usize = 8;

/// The upstream as the inspection may ask it. Each answer is spooled, within the limits of a pack.
pub struct Outside {
    pub handle: Handle,
    pub upload_pack: UploadPack,
    pub room: Arc<SpoolRoom>,
    pub hash: HashKind,
    pub limits: pack::Limits,
    /// How long all of it may take, from the first question on.
    pub patience: Duration,
    until: Option<Instant>,
    offer: Option<Offer>,
    /// What went wrong with the upstream or with us, where that is not the pack's fault.
    fault: Option<Fault>,
}

impl Outside {
    pub fn new(
        upload_pack: UploadPack,
        room: Arc<SpoolRoom>,
        hash: HashKind,
        limits: pack::Limits,
        patience: Duration,
    ) -> Self {
        Self {
            handle: Handle::current(),
            upload_pack,
            room,
            hash,
            limits,
            patience,
            until: None,
            offer: None,
            fault: None,
        }
    }

    /// Why the objects could not be had, where that is not the pack's fault.
    pub fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// Waits for `answer`, as long as there is time left.
    fn wait<T>(
        &self,
        until: Instant,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let bounded = async { tokio::time::timeout_at(until, answer).await };
        self.handle.block_on(bounded).unwrap_or(Err(Error::Time))
    }

    fn until(&mut self) -> Instant {
        let patience = self.patience;
        *self.until.get_or_insert_with(|| Instant::now() + patience)
    }

    /// What the upstream can do, asked once.
    fn offer(&mut self) -> Result<Offer, Error> {
        if let Some(offer) = self.offer {
            return Ok(offer);
        }
        let until = self.until();
        let offer = self.wait(until, self.upload_pack.offer())?;
        if !offer.fetch || offer.hash != self.hash {
            return Err(Error::Version);
        }
        self.offer = Some(offer);
        Ok(offer)
    }

    /// Asks for objects until all have come or no more do.
    fn objects(
        &mut self,
        ids: &[ObjectId],
        filter: Filter,
    ) -> Result<Vec<Fetched<PackSpool>>, Error> {
        let offer = self.offer()?;
        let filter = if offer.filter {
            filter
        } else {
            Filter::Everything
        };
        let mut seen = HashSet::new();
        let mut wanted: Vec<ObjectId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
        let mut all = Vec::new();
        for _ in 0..MOST_REPEATS {
            let fetched = self.ask(&wanted, filter, offer.shallow)?;
            let before = wanted.len();
            wanted.retain(|id| !fetched.contains(id));
            all.push(fetched);
            if wanted.is_empty() || wanted.len() == before {
                break;
            }
        }
        Ok(all)
    }

    fn ask(
        &mut self,
        wants: &[ObjectId],
        filter: Filter,
        shallow: bool,
    ) -> Result<Fetched<PackSpool>, Error> {
        let limits = pack::Limits {
            // A commit's root tree and a tag's target come along; whatever else does was not asked for.
            objects: u32::try_from(wants.len().saturating_mul(2)).unwrap_or(u32::MAX),
            cache_bytes: self.limits.cache_bytes / 4,
            ..self.limits.clone()
        };
        let fetch = Fetch {
            hash: self.hash,
            wants,
            filter,
            shallow,
        };
        let spool = self.room.spool().map_err(pack::Error::Spool)?;
        let until = self.until();
        let fetched = self.wait(until, self.upload_pack.fetch(&fetch, limits, spool))?;
        let pack = fetched.pack();
        self.limits.pack_bytes = self.limits.pack_bytes.saturating_sub(pack.bytes());
        let left = self
            .limits
            .resolved_bytes
            .checked_sub(pack.resolved_bytes());
        self.limits.resolved_bytes = left.unwrap_or(0);
        Ok(fetched)
    }

    /// Notes what is not the pack's fault.
    fn blame(&mut self, error: Error) -> Unavailable {
        let why = error.to_string();
        let id = match &error {
            Error::Answer(fetch_answer::Error::Refused(words)) => named(words),
            _ => None,
        };
        self.fault = match error {
            Error::Upstream(source) => Some(Fault::Upstream {
                upstream: self.upload_pack.knock.upstream.name.clone(),
                source,
            }),
            Error::Idle => Some(Fault::Upstream {
                upstream: self.upload_pack.knock.upstream.name.clone(),
                source: crate::upstream::Error::Time,
            }),
            Error::Time => Some(Fault::InspectionTime(self.patience.as_secs())),
            Error::Pack(pack::Error::Spool(source)) => Some(Fault::Spool(source)),
            _ => None,
        };
        Unavailable { id, why }
    }
}

impl Bases<PackSpool> for Outside {
    fn fetch(&mut self, ids: &[ObjectId]) -> Result<Vec<Fetched<PackSpool>>, Unavailable> {
        self.fault = None;
        tracing::info!(objects = ids.len(), "delta bases asked of the upstream");
        self.objects(ids, Filter::Alone)
            .map_err(|error| self.blame(error))
    }
}

/// The id in git's words `upload-pack: not our ref <id>`.
fn named(words: &str) -> Option<ObjectId> {
    let id = words.rsplit_once("not our ref ")?.1;
    ObjectId::from_hex(id.trim().as_bytes()).ok()
}
