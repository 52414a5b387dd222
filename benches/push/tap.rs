//! Two taps on the wire, before and behind Exeat, that tell how long it kept a push to itself.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The taps and what passed them. They see encrypted bytes; that some passed is enough.
pub(crate) struct Taps {
    /// Leads to Exeat.
    pub(crate) front: SocketAddr,
    /// Leads to the forge.
    pub(crate) back: SocketAddr,
    front_target: Arc<Mutex<Option<SocketAddr>>>,
    seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// From git to Exeat.
    Front,
    /// From Exeat to the forge.
    Back,
}

type Seen = Arc<Mutex<Vec<(Instant, Side)>>>;
type Target = Arc<Mutex<Option<SocketAddr>>>;

impl Taps {
    /// `forge` is where the back tap leads; where the front one leads is known once Exeat listens.
    pub(crate) fn open(forge: SocketAddr) -> std::io::Result<Self> {
        let seen = Seen::default();
        let front_target = Target::default();
        Ok(Self {
            front: open(Arc::clone(&front_target), Side::Front, &seen)?,
            back: open(Arc::new(Mutex::new(Some(forge))), Side::Back, &seen)?,
            front_target,
            seen,
        })
    }

    pub(crate) fn lead_to(&self, exeat: SocketAddr) {
        *locked(&self.front_target) = Some(exeat);
    }

    pub(crate) fn forget(&self) {
        locked(&self.seen).clear();
    }

    /// From the last bytes git said to the first bytes the forge heard after them; of the last such pause.
    pub(crate) fn last_pause(&self) -> Option<Duration> {
        let seen = locked(&self.seen);
        let mut pauses = seen
            .windows(2)
            .filter(|pair| pair[0].1 == Side::Front && pair[1].1 == Side::Back);
        pauses
            .next_back()
            .map(|pair| pair[1].0.duration_since(pair[0].0))
    }
}

fn open(target: Target, side: Side, seen: &Seen) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        for incoming in listener.incoming().flatten() {
            let Some(target) = *locked(&target) else {
                continue;
            };
            let Ok(outgoing) = TcpStream::connect(target) else {
                continue;
            };
            let _ = (incoming.set_nodelay(true), outgoing.set_nodelay(true));
            let (Ok(back), Ok(forth)) = (outgoing.try_clone(), incoming.try_clone()) else {
                continue;
            };
            let seen = Arc::clone(&seen);
            thread::spawn(move || pass(incoming, outgoing, Some((side, seen))));
            thread::spawn(move || pass(back, forth, None));
        }
    });
    Ok(address)
}

fn pass(mut from: TcpStream, mut to: TcpStream, note: Option<(Side, Seen)>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some((side, seen)) = &note {
            locked(seen).push((Instant::now(), *side));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
