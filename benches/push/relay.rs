//! Relays on the wire: taps that tell how long Exeat kept a push to itself, and a link on which everything takes its time.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The taps and what passed them. They see encrypted bytes; that some passed is enough.
pub(crate) struct Taps {
    /// Leads to Exeat.
    pub(crate) front: SocketAddr,
    /// Leads to the forge.
    pub(crate) back: SocketAddr,
    front_target: Target,
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
        let tap =
            |target: &Target, side| open(Arc::clone(target), Work::Tell(side, Arc::clone(&seen)));
        Ok(Self {
            front: tap(&front_target, Side::Front)?,
            back: tap(&Arc::new(Mutex::new(Some(forge))), Side::Back)?,
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

/// Opens a link to `target` on which bytes take half of `round_trip` in either direction, and a connection a whole one to come
/// about. What is on its way is not bounded: TCP's slow start, which favours warm connections, is not imitated.
pub(crate) fn slow_link(target: SocketAddr, round_trip: Duration) -> std::io::Result<SocketAddr> {
    open(Arc::new(Mutex::new(Some(target))), Work::Delay(round_trip))
}

/// What a relay does besides passing bytes on.
#[derive(Clone)]
enum Work {
    Tell(Side, Seen),
    /// By a round trip.
    Delay(Duration),
}

fn open(target: Target, work: Work) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for incoming in listener.incoming().flatten() {
            if let Some(target) = *locked(&target) {
                let work = work.clone();
                thread::spawn(move || connect(incoming, target, work));
            }
        }
    });
    Ok(address)
}

fn connect(incoming: TcpStream, target: SocketAddr, work: Work) {
    if let Work::Delay(round_trip) = work {
        thread::sleep(round_trip);
    }
    let Ok(outgoing) = TcpStream::connect(target) else {
        return;
    };
    let _ = (incoming.set_nodelay(true), outgoing.set_nodelay(true));
    let (Ok(back), Ok(forth)) = (outgoing.try_clone(), incoming.try_clone()) else {
        return;
    };
    match work {
        Work::Tell(side, seen) => {
            thread::spawn(move || pass(incoming, outgoing, Some((side, seen))));
            pass(back, forth, None);
        }
        Work::Delay(round_trip) => {
            thread::spawn(move || pass_late(incoming, outgoing, round_trip / 2));
            pass_late(back, forth, round_trip / 2);
        }
    }
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
    let _ = to.shutdown(Shutdown::Write);
}

/// Reads at once, writes `delay` later.
fn pass_late(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let writing = thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if sender
            .send((Instant::now() + delay, buffer[..read].to_vec()))
            .is_err()
        {
            break;
        }
    }
    // The end takes as long as bytes do.
    let _ = sender.send((Instant::now() + delay, Vec::new()));
    drop(sender);
    let _ = writing.join();
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
