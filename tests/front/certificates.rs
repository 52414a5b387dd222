//! Certificates are renewed while the proxy runs, and clients show theirs where that is asked for.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SerialNumber};
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::DISCOVERY;
use crate::harness::{Authority, Client, Identity, Options, Run, World, authority};

/// Far above what a renewal takes: the files are looked at every two seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn expired(params: &mut CertificateParams) {
    params.not_before = OffsetDateTime::now_utc() - time::Duration::days(9);
    params.not_after = OffsetDateTime::now_utc() - time::Duration::days(2);
}

struct Scene {
    world: World,
}

impl Scene {
    fn new() -> Self {
        let world = World::start(Options::default());
        world.new_repository("one");
        Self { world }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.config().parent().unwrap().join(name)
    }

    /// Replaced as tools do it: written beside, then renamed.
    fn write(&self, name: &str, text: &str) {
        let beside = self.path(&format!("{name}.new"));
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }

    fn install(&self, identity: &Identity) {
        self.write("server.pem", &identity.certificate);
        self.write("server.key", &identity.key);
    }

    /// The certificate that a newcomer is shown.
    fn shown(&self) -> CertificateDer<'static> {
        let mut socket = TcpStream::connect(self.world.address()).unwrap();
        let name = "127.0.0.1".try_into().unwrap();
        let mut session = ClientConnection::new(authority().client(), name).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut socket).unwrap();
        }
        session.peer_certificates().unwrap()[0].clone().into_owned()
    }

    fn metric(&self, line: &str) -> bool {
        let metrics = self.world.telemetry("/metrics");
        metrics.lines().any(|there| there == line)
    }

    #[track_caller]
    fn await_that(&self, what: &str, is_so: impl Fn() -> bool) {
        let since = Instant::now();
        while !is_so() {
            let log = self.world.server().log();
            assert!(
                since.elapsed() < PATIENCE,
                "{what} does not come about:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts the proxy again with these keys beside certificate and key.
    fn restart_with(&mut self, keys: &str) {
        self.world.stop_server();
        let text = std::fs::read_to_string(self.world.config()).unwrap();
        let text = text.replace(r#""server.key" }"#, &format!(r#""server.key", {keys} }}"#));
        std::fs::write(self.world.config(), text).unwrap();
        self.world.start_server();
    }
}

fn der(identity: &Identity) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()
}

#[test]
fn changed_certificates_are_taken_for_new_connections() {
    let scene = Scene::new();
    let mut early = Client::connect(scene.world.address());
    let discovery = scene.world.request(DISCOVERY, b"");
    early.say(&discovery);
    assert_eq!(early.answer().unwrap().status, 200);
    for _ in 0..2 {
        let successor = authority().identity(&[]);
        scene.install(&successor);
        // Until then and from then on, every newcomer is served.
        scene.await_that("the successor", || scene.shown() == der(&successor));
    }
    assert!(scene.metric("exeat_certificate_reloads_total{listener=\"git\",result=\"renewed\"} 2"));
    assert!(scene.metric("exeat_certificate_reloads_total{listener=\"git\",result=\"kept\"} 0"));
    early.say(&discovery);
    assert_eq!(
        early.answer().unwrap().status,
        200,
        "an old connection was cut"
    );
}

#[test]
fn certificates_that_cannot_be_used_are_told_and_those_in_use_are_kept() {
    let scene = Scene::new();
    let first = scene.shown();
    let good = authority().identity(&[]);
    let other = authority().identity(&[]);
    let late = authority().identity_with(&[], expired);
    let half = &good.certificate[..good.certificate.len() / 2];
    let cases = [
        ("no PEM", "words", "words", "server.pem"),
        ("half a file", half, good.key.as_str(), "server.pem"),
        (
            "an empty file",
            "",
            good.key.as_str(),
            "holds no PEM certificate",
        ),
        (
            "another's key",
            &good.certificate,
            &other.key,
            "is not the key of",
        ),
        ("no key", &good.certificate, "words", "holds no private key"),
        ("an expired one", &late.certificate, &late.key, "expired on"),
    ];
    for (number, (what, certificate, key, words)) in (1..).zip(cases) {
        scene.write("server.pem", certificate);
        scene.write("server.key", key);
        let counted =
            format!("exeat_certificate_reloads_total{{listener=\"git\",result=\"kept\"}} {number}");
        scene.await_that(what, || scene.metric(&counted));
        assert!(
            scene.world.server().log().contains(words),
            "{what} is not told"
        );
        assert_eq!(scene.shown(), first, "{what}");
    }
    std::fs::remove_file(scene.path("server.key")).unwrap();
    scene.await_that("the missing file", || {
        scene.metric("exeat_certificate_reloads_total{listener=\"git\",result=\"kept\"} 7")
    });
    assert_eq!(scene.shown(), first);
    scene.install(&good);
    scene.await_that("a good one again", || scene.shown() == der(&good));
    assert!(!scene.world.server().log().contains(&good.key[40..80]));
}

#[test]
fn a_signal_takes_a_new_certificate_and_tells_of_a_broken_one_each_time() {
    let scene = Scene::new();
    let reloads =
        |result: &str, number: u64| format!("exeat_reloads_total{{result=\"{result}\"}} {number}");
    let signal = |result: &str, number: u64| {
        scene.world.server().hang_up();
        let counted = reloads(result, number);
        scene.await_that(&counted, || scene.metric(&counted));
    };
    let successor = authority().identity(&[]);
    scene.install(&successor);
    signal("ok", 1);
    assert_eq!(scene.shown(), der(&successor));
    scene.write("server.pem", "words");
    // The look every two seconds finds it before the signal does.
    scene.await_that("the refusal", || {
        scene.metric("exeat_certificate_reloads_total{listener=\"git\",result=\"kept\"} 1")
    });
    for number in 1..=2 {
        signal("failed", number);
        let ready = scene.world.telemetry("/health/ready");
        assert!(ready.contains("the last reload failed"), "{ready}");
        assert_eq!(scene.shown(), der(&successor));
    }
    // As it was before.
    scene.install(&successor);
    signal("ok", 2);
    assert_eq!(scene.shown(), der(&successor));
    let ready = scene.world.telemetry("/health/ready");
    assert!(!ready.contains("failed"), "{ready}");
}

#[test]
fn an_expired_certificate_is_not_started_with_and_one_near_its_end_is_warned_of() {
    let mut scene = Scene::new();
    let soon = OffsetDateTime::now_utc() + time::Duration::days(3);
    let near = authority().identity_with(&[], |params| params.not_after = soon);
    scene.world.stop_server();
    scene.install(&near);
    scene.world.start_server();
    let log = scene.world.server().log();
    assert!(
        log.contains("the listener's certificate expires soon"),
        "{log}"
    );
    let expiry = format!(
        "exeat_certificate_expiry_timestamp_seconds{{listener=\"git\"}} {}",
        soon.unix_timestamp()
    );
    assert!(
        scene.metric(&expiry),
        "{}",
        scene.world.telemetry("/metrics")
    );
    scene.world.stop_server();
    scene.install(&authority().identity_with(&[], expired));
    let config = scene.world.config();
    let run = scene
        .world
        .exeat(&["serve", "--config", &config.to_string_lossy()]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("server.pem expired on"), "{run}");
    scene.install(&authority().identity(&[]));
    scene.world.start_server();
}

/// A client's certificate of this authority.
fn client(
    authority: &Authority,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Identity {
    authority.identity_with(&[], |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(params);
    })
}

/// Whether a client that shows this is answered. TLS 1.3 refuses after the client's own handshake is done.
fn is_let_in(scene: &Scene, identity: Option<&Identity>) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(authority().pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![der(identity)], key)
                .unwrap()
        }
    };
    let socket = TcpStream::connect(scene.world.address()).unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    let request = scene.world.request(DISCOVERY, b"");
    let mut first = [0; 12];
    let asked = std::io::Write::write_all(&mut stream, &request);
    asked.is_ok()
        && std::io::Read::read_exact(&mut stream, &mut first).is_ok()
        && &first == b"HTTP/1.1 200"
}

fn push_with(scene: &Scene, identity: &Identity) -> Run {
    scene.write("client.pem", &identity.certificate);
    scene.write("client.key", &identity.key);
    let work = scene.world.place("work");
    if !work.join(".git").exists() {
        scene.world.new_work("work");
        scene.world.commit_file(&work, "a", "a\n", "Begin");
    }
    let certificate = format!("http.sslCert={}", scene.path("client.pem").display());
    let key = format!("http.sslKey={}", scene.path("client.key").display());
    let url = scene.world.proxied_url("one");
    scene.world.git(
        &work,
        &["-c", &certificate, "-c", &key, "push", &url, "main"],
    )
}

#[test]
fn client_certificates_are_verified_and_the_authorities_are_renewed() {
    let mut scene = Scene::new();
    let (ours, theirs) = (Authority::new(), Authority::new());
    scene.write("clients.pem", ours.pem());
    scene.restart_with(r#"client_ca = "clients.pem""#);
    let right = client(&ours, "ada", |_| ());
    let wrong = client(&theirs, "eve", |_| ());
    let late = client(&ours, "old", expired);
    let server = ours.identity_with(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    for (what, shown) in [
        ("none", None),
        ("of another authority", Some(&wrong)),
        ("expired", Some(&late)),
        ("for servers", Some(&server)),
    ] {
        assert!(!is_let_in(&scene, shown), "{what} was let in");
    }
    assert_ne!(push_with(&scene, &wrong).status, 0);
    assert_eq!(scene.world.witness.requests().len(), 0);
    assert!(is_let_in(&scene, Some(&right)));
    push_with(&scene, &right).ok();
    let log = scene.world.server().log();
    let judged = log
        .lines()
        .find(|line| line.contains("push judged"))
        .unwrap();
    assert!(judged.contains("O=Example, CN=ada"), "{judged}");
    let config = scene.world.config();
    let config = config.to_string_lossy();
    let shown = scene
        .world
        .exeat(&["audit", "list", "--config", &config])
        .ok();
    let words = "with the certificate of O=Example, CN=ada, from 127.0.0.1";
    assert!(shown.stdout.contains(words), "{shown}");
    let verify = ["audit", "verify", "--config", &config];
    scene.world.exeat(&verify).ok();
    // Another authority takes over.
    scene.write("clients.pem", theirs.pem());
    scene.await_that("the new authority", || is_let_in(&scene, Some(&wrong)));
    assert!(!is_let_in(&scene, Some(&right)));
}

#[test]
fn revoked_client_certificates_are_refused() {
    let mut scene = Scene::new();
    let ours = Authority::new();
    scene.write("clients.pem", ours.pem());
    scene.write("revoked.pem", &ours.revocations(&[], 1));
    scene.restart_with(r#"client_ca = "clients.pem", client_crl = "revoked.pem""#);
    let numbered = |serial: u64| {
        client(&ours, "ada", |params| {
            params.serial_number = Some(SerialNumber::from(serial))
        })
    };
    let (one, two) = (numbered(1001), numbered(1002));
    assert!(is_let_in(&scene, Some(&one)) && is_let_in(&scene, Some(&two)));
    scene.write("revoked.pem", &ours.revocations(&[1001], 1));
    scene.await_that("the revocation", || !is_let_in(&scene, Some(&one)));
    assert!(is_let_in(&scene, Some(&two)));
    // A list that is out of date proves nothing.
    scene.write("revoked.pem", &ours.revocations(&[], -1));
    scene.await_that("the old list", || !is_let_in(&scene, Some(&two)));
}
