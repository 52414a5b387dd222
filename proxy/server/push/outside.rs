//! Objects from outside the push, for the inspector thread: fetched from the upstream while it waits.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use exeat_gitwire::{
    HashKind, ObjectId,
    fetch_answer::{self, Offer},
    fetch_request::{Fetch, Filter},
    pack::{self, Bases, Fetched, Unavailable},
    push_request::PushRequest,
};
use exeat_inspect::{Served, Tips};
use exeat_rules::Action;
use tokio::{runtime::Handle, time::Instant};

use super::{
    fault::Fault,
    spool::{PackSpool, SpoolRoom},
    upload_pack::{Error, UploadPack},
};
use crate::policy::Outlook;

/// Questions for one set of objects: git leaves out a wanted blob that stands below a wanted tree.
const MOST_REPEATS: usize = 8;

/// Pushed refs whose current commits findings are compared with, besides `HEAD`.
const MOST_TIPS: usize = 4;
/// Bytes that are fetched to compare the findings of one push, and what they may inflate to.
const LOOK_UP_BYTES: u64 = 32 << 20;
const LOOK_UP_RESOLVED_BYTES: u64 = 256 << 20;
/// Bytes of one file or tree among them.
const LOOK_UP_OBJECT_BYTES: u64 = 8 << 20;
/// Trees of the compared commits that are fetched at once. A repository with more is rare, and the pack's
/// header says so in its first bytes.
const MOST_TREES: usize = 20_000;
/// How long that may take; past it, findings stand.
const LOOK_UP_TIME: Duration = Duration::from_secs(20);

/// The upstream as the inspection may ask it. Each answer is spooled, within the limits of a pack.
pub struct Outside {
    pub handle: Handle,
    pub upload_pack: UploadPack,
    pub room: Arc<SpoolRoom>,
    pub hash: HashKind,
    /// The names that are pushed to, deletions aside.
    pub pushed: Vec<Vec<u8>>,
    pub outlook: Outlook,
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
        request: &PushRequest,
        limits: pack::Limits,
        patience: Duration,
        outlook: Outlook,
    ) -> Self {
        let kept = request
            .commands
            .iter()
            .filter(|command| !command.new.is_null());
        Self {
            handle: Handle::current(),
            upload_pack,
            room,
            hash: request.hash,
            pushed: kept.map(|command| command.name.clone()).collect(),
            outlook,
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
        let mut filter = match offer.filter {
            true => filter,
            false => Filter::Everything,
        };
        let most = match filter {
            Filter::NoBlobs => MOST_TREES,
            // A tag's target comes along; whatever else does was not asked for.
            Filter::Alone | Filter::Everything => ids.len().saturating_mul(2),
        };
        let mut seen = HashSet::new();
        let mut wanted: Vec<ObjectId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
        let mut all = Vec::new();
        for _ in 0..MOST_REPEATS {
            let fetched = match self.ask(&wanted, filter, offer.shallow, most) {
                Err(Error::Answer(refusal)) if filter == Filter::Alone && of_filter(&refusal) => {
                    filter = Filter::Everything;
                    continue;
                }
                fetched => fetched?,
            };
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
        most: usize,
    ) -> Result<Fetched<PackSpool>, Error> {
        let limits = pack::Limits {
            objects: u32::try_from(most).unwrap_or(u32::MAX),
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
        tracing::info!(%error, "the upstream did not give what it was asked for");
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
            Error::Status { status, after } if status == 429 || status >= 500 => {
                Some(Fault::Asked {
                    upstream: self.upload_pack.knock.upstream.name.clone(),
                    status,
                    after,
                })
            }
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

impl Served<PackSpool> for Outside {
    fn spares(&self, action: Action) -> bool {
        self.outlook.spares(action)
    }

    fn tips(&mut self) -> Result<Tips<PackSpool>, Unavailable> {
        self.limits = pack::Limits {
            pack_bytes: LOOK_UP_BYTES,
            object_bytes: self.limits.object_bytes.min(LOOK_UP_OBJECT_BYTES),
            resolved_bytes: LOOK_UP_RESOLVED_BYTES,
            ..self.limits.clone()
        };
        self.patience = LOOK_UP_TIME.min(self.patience / 2);
        self.until = None;
        let tips = self.told_tips().map_err(|error| self.blame(error))?;
        // All trees at once are few requests; of a very large repository they are had one by one.
        let objects = match self.objects(&tips, Filter::NoBlobs) {
            Err(Error::More) => self.objects(&tips, Filter::Alone),
            objects => objects,
        };
        let objects = objects.map_err(|error| self.blame(error))?;
        Ok(Tips { ids: tips, objects })
    }
}

impl Outside {
    /// The ids of the refs to compare with: those that are pushed to, then `HEAD`. Names that are pushed are
    /// compared here and not sent: they may hold a secret themselves.
    fn told_tips(&mut self) -> Result<Vec<ObjectId>, Error> {
        let offer = self.offer()?;
        if !(offer.ls_refs && offer.filter && offer.shallow) {
            return Err(Error::NoFilter);
        }
        let within = |folder: &&str| {
            let mut pushed = self.pushed.iter();
            pushed.any(|name| name.starts_with(folder.as_bytes()))
        };
        let folders = ["refs/heads/", "refs/tags/"].into_iter().filter(within);
        let prefixes: Vec<&str> = ["HEAD"].into_iter().chain(folders).collect();
        let until = self.until();
        let told = self.wait(until, self.upload_pack.refs(self.hash, &prefixes))?;
        let told = told.iter().map(|each| (&*each.name, each.id));
        let told: HashMap<&[u8], ObjectId> = told.collect();
        let mut ids = Vec::new();
        let pushed = self.pushed.iter().map(Vec::as_slice).take(MOST_TIPS);
        let names = pushed.chain([&b"HEAD"[..]]);
        for id in names.filter_map(|name| told.get(name)) {
            if !ids.contains(id) {
                ids.push(*id);
            }
        }
        match ids.is_empty() {
            true => Err(Error::NoRefs),
            false => Ok(ids),
        }
    }
}

/// Whether an upstream that knows filters does not take this one, as forges may be set up.
fn of_filter(refusal: &fetch_answer::Error) -> bool {
    matches!(refusal, fetch_answer::Error::Refused(words) if words.contains("filter"))
}

/// The id in git's words `upload-pack: not our ref <id>`.
fn named(words: &str) -> Option<ObjectId> {
    let id = words.rsplit_once("not our ref ")?.1;
    ObjectId::from_hex(id.trim().as_bytes()).ok()
}
