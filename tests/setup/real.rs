//! The whole of a developer's day against a forge that is really there: clones and fetches go straight to it, pushes
//! through the proxy, and the credentials are those that git keeps for the forge itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exeat::demo::forge::{self, Forge, Hash};

use crate::harness::canaries::{self, Reach};
use crate::harness::{EXEAT, Git, Options, Run, Witness, World, gits, run_program, runtime};

const ADA: (&str, &str) = ("ada", "correct-horse-battery");
const OTHER: (&str, &str) = ("ada.other", "entirely-different-words");

/// A machine with an empty home, which reaches the forge and the proxy.
struct Desk {
    world: World,
    home: PathBuf,
    path: String,
}

impl Desk {
    fn new(settings: &'static str) -> Self {
        let world = World::start(Options {
            credentials: Some(ADA),
            settings,
            ..Options::default()
        });
        canaries::plant(OTHER.1, Reach::Forge);
        world.new_repository("org/one");
        let seed = world.new_work("seed");
        world.commit_file(&seed, "a", "a\n", "Begin");
        world
            .git(
                &seed,
                &["push", "-q", &world.proxied_url("org/one"), "main"],
            )
            .ok();
        let home = world.place("empty-home");
        let folder = Path::new(EXEAT).parent().unwrap().display().to_string();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        Self { world, home, path }
    }

    fn ready(&self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", &self.path)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    fn git_with(&self, git: &Git, folder: &Path, arguments: &[&str]) -> Run {
        run_program(self.ready(&git.program, folder).args(arguments))
    }

    fn git(&self, folder: &Path, arguments: &[&str]) -> Run {
        self.git_with(&Git::first(), folder, arguments)
    }

    /// A setting of the developer's own.
    fn set(&self, key: &str, value: &str) {
        self.git(&self.home, &["config", "--global", key, value])
            .ok();
    }

    /// Who the developer is, and that the forge's certificate is good: nothing of the proxy.
    fn settle(&self, forges: &[&str]) {
        self.set("user.name", "Ada Test");
        self.set("user.email", "ada@example.com");
        let ca = self.world.certificate_authority().display().to_string();
        for forge in forges {
            self.set(&format!("http.{forge}.sslCAInfo"), &ca);
        }
    }

    /// Pastes the block for these forges into a shell.
    fn paste(&self, forges: &[String]) {
        let proxy = format!("https://{}", self.world.address());
        let ca = self.world.certificate_authority().display().to_string();
        let mut setup = self.ready(EXEAT, &self.home);
        setup.args(["setup", "--proxy", &proxy, "--ca", &ca]);
        setup.args(forges.iter().flat_map(|forge| ["--forge", forge]));
        let block = run_program(&mut setup).ok().stdout;
        assert!(!block.to_lowercase().contains("sslverify"), "{block}");
        run_program(self.ready("sh", &self.home).args(["-e", "-c", &block])).ok();
    }

    fn commit(&self, work: &Path, name: &str) {
        fs::write(work.join(name), name).unwrap();
        self.git(work, &["add", "-A"]).ok();
        self.git(work, &["commit", "-q", "-m", name]).ok();
    }

    /// git's own store for credentials, which this developer uses for everything.
    fn store(&self) -> PathBuf {
        self.home.join("kept")
    }

    fn use_store(&self) {
        let helper = format!("store --file={}", self.store().display());
        self.set("credential.helper", &helper);
    }

    fn kept(&self) -> Vec<String> {
        let kept = fs::read_to_string(self.store()).unwrap_or_default();
        let mut lines: Vec<String> = kept.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// A line of git's store.
fn entry(url: &str, (user, password): (&str, &str)) -> String {
    let host = url.strip_prefix("https://").unwrap().replace(':', "%3a");
    format!("https://{user}:{password}@{host}")
}

fn subjects(desk: &Desk) -> String {
    let path = desk.world.upstream_path("org/one");
    Git::first().plain(&path, &["log", "--format=%s", "main"])
}

#[test]
fn pushes_take_the_proxy_and_fetches_do_not() {
    let mut desk = Desk::new("");
    let forge = desk.world.witness.url();
    desk.settle(&[&forge]);
    desk.use_store();
    fs::write(desk.store(), entry(&forge, ADA) + "\n").unwrap();
    desk.paste(&[format!("forge.test={forge}")]);

    let url = format!("{forge}/org/one.git");
    for git in gits() {
        let name = format!("clone-{}", git.version);
        let home = desk.home.clone();
        desk.git_with(git, &home, &["clone", "-q", &url, &name])
            .ok();
        let work = home.join(&name);
        let host = desk.world.witness.url();
        let host = host
            .strip_prefix("https://")
            .unwrap()
            .split(':')
            .next()
            .unwrap();
        for (spelling, remote) in [
            ("https", url.clone()),
            ("scp", format!("git@{host}:org/one.git")),
            ("ssh", format!("ssh://git@{host}/org/one.git")),
        ] {
            desk.git(&work, &["remote", "set-url", "origin", &remote])
                .ok();
            let file = format!("{spelling}-{}", git.version);
            desk.commit(&work, &file);
            let run = desk.git_with(git, &work, &["push", "origin", "main"]).ok();
            let through = format!("https://{}/forge.test/org/one.git", desk.world.address());
            assert!(run.stderr.contains(&format!("To {through}")), "{run}");
            assert!(subjects(&desk).starts_with(&file), "{run}");
        }
        desk.git(&work, &["remote", "set-url", "origin", &url]).ok();
        desk.git_with(git, &work, &["pull", "-q"]).ok();
    }
    // What git keeps is as before: one credential, and it is the forge's.
    assert_eq!(desk.kept(), [entry(&forge, ADA)]);

    // Without the proxy everything goes on but the push.
    desk.world.stop_server();
    let before = subjects(&desk);
    let home = desk.home.clone();
    desk.git(&home, &["clone", "-q", &url, "later"]).ok();
    let work = home.join("later");
    desk.git(&work, &["fetch", "-q"]).ok();
    desk.commit(&work, "unsent");
    let run = desk.git(&work, &["push", "origin", "main"]);
    assert_ne!(run.status, 0, "{run}");
    assert_eq!(subjects(&desk), before);
}

#[test]
fn a_wrong_credential_is_taken_from_the_forge_s_helper() {
    for git in gits() {
        let desk = Desk::new("");
        let forge = desk.world.witness.url();
        desk.settle(&[&forge]);
        desk.use_store();
        let right = entry("https://elsewhere.test", OTHER);
        let wrong = entry(&forge, (ADA.0, "mistaken-for-the-other"));
        fs::write(desk.store(), format!("{right}\n{wrong}\n")).unwrap();
        desk.paste(&[format!("forge.test={forge}")]);
        let seed = desk.world.place("seed");
        let push = ["push", &format!("{forge}/org/one.git"), "main:other"];
        let run = desk.git_with(git, &seed, &push);
        assert_ne!(run.status, 0, "{run}");
        assert_eq!(desk.kept(), std::slice::from_ref(&right), "{run}");
        assert!(
            !desk
                .world
                .upstream_state("org/one")
                .contains("refs/heads/other")
        );

        // With the right one it goes, and the one place where it is kept stays the forge's.
        let asked = format!(
            "!f() {{ test \"$1\" = get && echo username={} && echo password={}; }}; f",
            ADA.0, ADA.1
        );
        desk.git(
            &desk.home,
            &["config", "--global", "--add", "credential.helper", &asked],
        )
        .ok();
        desk.git_with(git, &seed, &push).ok();
        let mut expected = [right, entry(&forge, ADA)];
        expected.sort();
        assert_eq!(desk.kept(), expected);
    }
}

#[test]
fn a_credential_kept_for_one_repository_is_found() {
    let desk = Desk::new("");
    let forge = desk.world.witness.url();
    desk.settle(&[&forge]);
    desk.use_store();
    desk.set(&format!("credential.{forge}.useHttpPath"), "true");
    let kept = entry(&forge, ADA) + "/org/one.git";
    fs::write(desk.store(), format!("{kept}\n")).unwrap();
    desk.paste(&[format!("forge.test={forge}")]);
    let seed = desk.world.place("seed");
    let url = format!("{forge}/org/one.git");
    desk.git(&seed, &["push", &url, "main:other"]).ok();
    desk.world.new_repository("org/two");
    let run = desk.git(&seed, &["push", &format!("{forge}/org/two.git"), "main"]);
    assert_ne!(run.status, 0, "{run}");
    assert_eq!(desk.kept(), [kept]);
}

#[test]
fn two_forges_behind_one_proxy_get_their_own_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = forge::Options::new(folder.path());
    options.credentials = Some((OTHER.0.into(), OTHER.1.into()));
    let other = runtime().block_on(Forge::start(options)).unwrap();
    other.create_repository("org/one.git", Hash::Sha1).unwrap();
    let witness = Witness::start(other.address());
    let other_url = witness.url();
    let settings = format!("[upstream.\"other.test\"]\nurl = \"{other_url}\"\nca = \"ca.pem\"\n");
    let desk = Desk::new(Box::leak(settings.into_boxed_str()));
    let forge = desk.world.witness.url();
    desk.settle(&[&forge, &other_url]);
    desk.use_store();
    let entries = [entry(&forge, ADA), entry(&other_url, OTHER)];
    fs::write(desk.store(), entries.join("\n") + "\n").unwrap();
    desk.paste(&[
        format!("forge.test={forge}"),
        format!("other.test={other_url}"),
    ]);

    let seed = desk.world.place("seed");
    for git in gits() {
        for url in [&forge, &other_url] {
            let branch = format!("main:refs/heads/by-{}", git.version);
            let push = ["push", &format!("{url}/org/one.git"), &branch];
            desk.git_with(git, &seed, &push).ok();
        }
    }
    assert!(!witness.pushes().is_empty());
    desk.world.witness.assert_never_received(OTHER.1);
    witness.assert_never_received(ADA.1);
    let mut expected = entries;
    expected.sort();
    assert_eq!(desk.kept(), expected);
}
