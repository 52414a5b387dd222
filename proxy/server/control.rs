//! The control socket of a data folder: the way in for whoever runs the server, at this machine.
//!
//! It serves the API of the console to the user that the server runs as, and to root, whom the kernel names (`SO_PEERCRED`).

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{answer::Body, audit, identity::operator};

/// Below the data folder.
pub const NAME: &str = "control.sock";
/// Who stands behind sudo, as the caller says.
pub const BEHIND: &str = "exeat-behind";
/// Longest path of a socket, one less than Linux takes.
const LONGEST: usize = 107;
/// Commands at once.
const CONNECTIONS: usize = 32;
const HEAD: Duration = Duration::from_secs(10);
/// How long commands under way may take to end at a stop.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where a socket is. A path that is too long for a socket is gone to by way of its folder.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// Kept open for as long as the path leads through it.
    _folder: Option<File>,
}

impl Place {
    /// # Errors
    /// When the folder cannot be opened.
    pub fn of(data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        let folder = File::open(data)?;
        Ok(Self {
            path: PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd())),
            _folder: Some(folder),
        })
    }

    /// # Errors
    /// When nobody listens there.
    pub async fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(&self.path).await
    }
}

/// A bound socket, not yet serving.
pub struct Socket {
    listener: UnixListener,
    place: Place,
    own: u32,
}

impl Socket {
    /// Binds the socket of a data folder that this process holds; what an earlier process left is taken away.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn bind(data: &Path) -> io::Result<Self> {
        let place = Place::of(data)?;
        match std::fs::remove_file(&place.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&place.path)?;
        std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            listener,
            place,
            own: rustix::process::geteuid().as_raw(),
        })
    }

    /// Serves until `stop`; then takes the socket away and waits for what is under way.
    pub async fn serve<Serve, Answer>(self, serve: Serve, stop: CancellationToken)
    where
        Serve: Fn(Request<Incoming>, audit::Actor) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            match self.peer(&stream) {
                Some(uid) if open.len() < CONNECTIONS => {
                    open.spawn(serve_one(stream, uid, serve.clone(), stop.clone()));
                }
                Some(_) => {}
                None => tracing::warn!("somebody else was turned away at the control socket"),
            }
        }
        let _ = std::fs::remove_file(&self.place.path);
        open.close();
        let _ = tokio::time::timeout(GOODBYE, open.wait()).await;
    }

    /// The user at the other end, where it is one of those who may.
    fn peer(&self, stream: &UnixStream) -> Option<u32> {
        let uid = stream.peer_cred().ok()?.uid();
        (uid == self.own || uid == 0).then_some(uid)
    }
}

async fn serve_one<Serve, Answer>(
    stream: UnixStream,
    uid: u32,
    serve: Serve,
    stop: CancellationToken,
) where
    Serve: Fn(Request<Incoming>, audit::Actor) -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let behind = request.headers().get(BEHIND);
        let behind = behind.and_then(|behind| behind.to_str().ok());
        let operator = operator::operator(uid, behind);
        let answer = serve.clone()(request, operator);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_with_a_long_path_has_a_socket_too() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("d".repeat(120));
        std::fs::create_dir(&data).unwrap();
        assert!(Place::of(&data).unwrap().connect().await.is_err());
        let socket = Socket::bind(&data).unwrap();
        let connected = Place::of(&data).unwrap().connect().await;
        let (accepted, _) = socket.listener.accept().await.unwrap();
        assert_eq!(socket.peer(&accepted), Some(socket.own));
        drop(connected);
        let mode = std::fs::metadata(data.join(NAME))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        // What was left is taken away, and nobody else is: the folder is held.
        drop(socket);
        Socket::bind(&data).unwrap();
    }
}
