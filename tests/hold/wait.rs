//! `exeat.wait`: the push stays open until somebody has decided, and goes in the same push.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{Scene, until};
use crate::harness::by_remote;

/// A push that stays open, in a process of its own.
pub(crate) struct Waiting {
    child: Child,
    told: Arc<Mutex<String>>,
    reading: JoinHandle<()>,
}

impl Waiting {
    pub(crate) fn begin(scene: &Scene) -> Self {
        let world = &scene.house.world;
        let mut command = world.git_command(&world.default_git(), &scene.work);
        let url = world.proxied_url("one");
        command.args(["push", "-o", "exeat.wait", &url, "HEAD:refs/heads/main"]);
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let told = Arc::new(Mutex::new(String::new()));
        let telling = Arc::clone(&told);
        let reading = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                telling
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let waiting = Self {
            child,
            told,
            reading,
        };
        until("it waits", || {
            waiting.told().contains("Waiting for a decision on ")
        });
        waiting
    }

    pub(crate) fn told(&self) -> String {
        let told = self.told.lock().unwrap().clone();
        by_remote(&told);
        told
    }

    pub(crate) fn case(&self) -> String {
        let told = self.told();
        let (_, rest) = told.split_once("Waiting for a decision on ").unwrap();
        rest.split(':').next().unwrap().to_owned()
    }

    /// Everything that was told, when it has ended by itself.
    pub(crate) fn ended(mut self) -> String {
        until("it ends", || self.child.try_wait().unwrap().is_some());
        self.reading.join().unwrap();
        self.told.lock().unwrap().clone()
    }

    pub(crate) fn succeeded(mut self) -> bool {
        until("it ends", || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().success()
    }

    fn kill(&mut self) {
        // To git and all that it has started, as Ctrl-C does; but what a shell starts behind itself is deaf to that signal.
        let group = format!("-{}", self.child.id());
        let killed = Command::new("kill").args(["-TERM", "--", &group]).status();
        assert!(killed.unwrap().success());
        self.child.wait().unwrap();
    }
}

#[test]
fn it_goes_in_the_same_push_when_it_is_approved() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = Waiting::begin(&scene);
    let id = waiting.case();
    let metrics = scene.house.world.telemetry("/metrics");
    assert!(metrics.contains("exeat_pushes_waiting 1"), "{metrics}");
    assert_eq!(scene.say(&id, &scene.ann, "approve", "").0, 200);
    until("one approval is told", || {
        waiting.told().contains("1 of 2 approvals")
    });
    assert_eq!(scene.upstream(), "");
    assert_eq!(scene.say(&id, &scene.ben, "approve", "fine").0, 200);
    assert!(waiting.succeeded());
    assert_eq!(scene.upstream(), scene.head());
    assert_eq!(scene.case(&id)["state"], "sent");
    until("the pack is gone", || scene.kept().is_empty());
    scene.house.exeat("audit verify").ok();
}

#[test]
fn a_no_ends_it() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = Waiting::begin(&scene);
    scene.say(&waiting.case(), &scene.ann, "reject", "take it out first");
    let told = waiting.ended();
    assert!(
        told.contains("Push rejected by a reviewer") && told.contains("take it out first"),
        "{told}"
    );
    assert_eq!(scene.upstream(), "");
}

#[test]
fn who_goes_away_leaves_it_held() {
    let scene = Scene::new();
    scene.commit(1);
    let mut waiting = Waiting::begin(&scene);
    let id = waiting.case();
    waiting.kill();
    until("nobody waits", || {
        scene
            .house
            .world
            .telemetry("/metrics")
            .contains("exeat_pushes_waiting 0")
    });
    scene.approve(&id);
    assert_eq!(scene.case(&id)["state"], "approved");
    assert_eq!(scene.upstream(), "");
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn it_ends_when_the_time_is_over_or_the_proxy_stops() {
    let mut scene = Scene::with("[limits]\nwait_seconds = 1\n");
    scene.commit(1);
    let told = Waiting::begin(&scene).ended();
    assert!(
        told.contains("limits.wait_seconds") && told.contains("held for review"),
        "{told}"
    );
    assert_eq!(scene.kept().len(), 1);

    scene = Scene::new();
    scene.commit(2);
    let waiting = Waiting::begin(&scene);
    let id = waiting.case();
    scene.house.world.stop_server();
    scene.house.world.start_server();
    let told = waiting.ended();
    assert!(told.contains("The proxy is being restarted"), "{told}");
    // The case and its pack are there after the restart, and so is the way on.
    assert_eq!(scene.kept(), [format!("{id}.pack")]);
    scene.approve(&id);
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}
