//! A secret of its own in every channel by which something reaches the proxy, and none of them is kept anywhere.
//!
//! Each world looks for what its test made up when it ends, and whoever reads what is told looks as well
//! (`harness/canaries.rs`). Here the log has everything there is to be said. `slots.rs` fills the slots of a configuration;
//! `looker.rs` shows that what is there is found.

mod looker;
mod slots;

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::harness::canaries::Reach;
use crate::harness::{
    Client, Options, Run, World, ZERO, canaries, flush, github_token, head, pack_of, packet,
};
use crate::hold;

/// A proxy that logs all it can, a work tree, and one canary after the other.
struct Scene {
    world: World,
    work: PathBuf,
    next: u64,
    /// In what the proxy prints, no canary may be either.
    printed: Vec<String>,
}

impl Scene {
    fn new(settings: &'static str) -> Self {
        let world = World::start(Options {
            settings,
            // The canaries have the form of its tokens, and go nowhere else.
            upstream: "forge = \"github\"",
            credentials: Some(("ada", github_token(7000).leak())),
            variables: vec![
                ("EXEAT_LOG".into(), "trace".into()),
                ("EXEAT__POLICY__QUIET_AFTER".into(), "0".into()),
            ],
            ..Options::default()
        });
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        Self {
            world,
            work,
            next: 7000,
            printed: Vec::new(),
        }
    }

    fn canary(&mut self) -> String {
        self.next += 1;
        github_token(self.next)
    }

    fn git(&mut self, words: &[&str]) -> Run {
        self.world.git(&self.work, words)
    }

    /// A push of a commit that `change` makes, on a branch of its own.
    fn push(&mut self, options: &[&str], refs: &str) -> i32 {
        let url = self.world.proxied_url("one");
        let words = [&["push", "-q"], options, &[&url, refs]].concat();
        let run = self.git(&words);
        let told = run.stderr.lines();
        let told = told.filter(|line| line.starts_with("remote:"));
        self.printed.extend(told.map(str::to_owned));
        run.status
    }

    fn fresh(&mut self) {
        self.git(&["checkout", "-q", "-B", "try", "main"]).ok();
    }

    fn commit(&mut self, path: &str, content: &str, words: &[&str]) {
        self.fresh();
        std::fs::write(self.work.join(path), content).unwrap();
        self.git(&["add", "-A"]).ok();
        let words = [&["commit", "-q", "--allow-empty", "-m", "Add it"], words].concat();
        self.git(&words).ok();
    }

    /// A request made by hand; what it answers is looked at as well.
    fn ask(&mut self, head: &str, body: &[u8]) {
        let head = match body.is_empty() {
            true => head.to_owned(),
            false => format!("{head}\nContent-Length: {}", body.len()),
        };
        let answer = self.world.ask(&head, body);
        self.printed.push(answer.message.first_line.clone());
        let headers = answer.message.headers.iter();
        self.printed
            .extend(headers.map(|(name, value)| format!("{name}: {value}")));
        self.printed.push(answer.text());
    }

    /// What commands print of all that was done.
    fn export(&mut self) {
        let config = self.world.config();
        let config = config.to_string_lossy();
        for words in [
            &["audit", "list", "--limit", "100000"][..],
            &["audit", "list", "--format", "jsonl", "--limit", "100000"],
            &["audit", "verify"],
            &["config", "show"],
            &["user", "list", "--format", "jsonl"],
            &["token", "list", "--format", "jsonl"],
        ] {
            let words = [words, &["--config", &config]].concat();
            let run = self.world.exeat(&words).ok();
            self.printed.extend([run.stdout, run.stderr]);
        }
    }

    #[track_caller]
    fn assert_nothing_printed(&self) {
        let printed = self.printed.join("\n");
        for needle in canaries::needles() {
            let needle = String::from_utf8_lossy(&needle).into_owned();
            let line = printed.lines().find(|line| line.contains(&needle));
            assert_eq!(line, None, "{needle}");
        }
    }

    /// A secret in each part of a push.
    fn plant_in_pushes(&mut self) {
        let line = |secret: &str| format!("token = \"{secret}\"\n");
        let secret = self.canary();
        self.commit("file", &line(&secret), &[]);
        self.push(&[], "try:refs/heads/file");
        let secret = self.canary();
        self.commit(&secret, "a name\n", &[]);
        self.push(&[], "try:refs/heads/name");
        let secret = self.canary();
        self.commit("b", "b\n", &["-m", &format!("Use {secret}")]);
        self.push(&[], "try:refs/heads/message");
        let secret = self.canary();
        self.commit(
            "b",
            "b\n",
            &["--author", &format!("{secret} <a@b.example>")],
        );
        self.push(&[], "try:refs/heads/author");
        let secret = self.canary();
        self.fresh();
        std::os::unix::fs::symlink(&secret, self.work.join("link")).unwrap();
        self.git(&["add", "-A"]).ok();
        self.git(&["commit", "-q", "-m", "Link"]).ok();
        self.push(&[], "try:refs/heads/link");
        self.fresh();
        let secret = self.canary();
        let url =
            format!("[submodule \"x\"]\n\tpath = x\n\turl = https://{secret}@forge.example/x\n");
        self.commit(".gitmodules", &url, &[]);
        self.push(&[], "try:refs/heads/submodule");
        self.fresh();
        let secret = self.canary();
        self.git(&["tag", "-a", "-m", &format!("Take {secret}"), "told"])
            .ok();
        self.push(&[], "refs/tags/told");
        let secret = self.canary();
        self.push(&[], &format!("main:refs/heads/{secret}"));
        let secret = self.canary();
        self.push(&[], &format!("main:refs/tags/v1/{secret}/x"));
        let secret = self.canary();
        self.push(
            &["-o", &format!("title={secret}")],
            "main:refs/heads/option",
        );
        let secret = self.canary();
        let reason = format!("exeat.reason=it is {secret}");
        self.push(&["-o", &reason], "main:refs/heads/reason");
        for name in ["exeat.", "exeat-", "Exeat.reason.", ""] {
            let secret = self.canary();
            self.push(&["-o", &format!("{name}{secret}")], "main:refs/heads/odd");
        }
    }

    /// Secrets where git itself would put none.
    fn plant_in_bodies(&mut self) {
        let git = self.world.default_git();
        let objects = ["main", "main^{tree}", "main:a"].map(|name| git.id(&self.work, name));
        let pack = pack_of(
            &self.world,
            &self.work,
            &objects.each_ref().map(String::as_str),
        );
        let id = &objects[0];
        let [name, capability, agent, trailing, shallow, word] = [0; 6].map(|_| self.canary());
        let capabilities = "report-status side-band-64k";
        let command = format!("{ZERO} {id} refs/heads/hand");
        let bodies = [
            head(&[format!("{ZERO} {id} refs/heads/..{name}")], capabilities),
            [
                head(
                    std::slice::from_ref(&command),
                    &format!("{capabilities} {capability}"),
                ),
                pack.clone(),
            ]
            .concat(),
            [
                head(
                    std::slice::from_ref(&command),
                    &format!("{capabilities} agent={agent}"),
                ),
                pack.clone(),
            ]
            .concat(),
            [
                head(std::slice::from_ref(&command), capabilities),
                pack.clone(),
                trailing.into_bytes(),
            ]
            .concat(),
            [
                packet(format!("shallow {shallow}")),
                head(std::slice::from_ref(&command), capabilities),
            ]
            .concat(),
            word.clone().into_bytes(),
            packet(word),
        ];
        let kind = "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n\
                    Content-Type: application/x-git-receive-pack-request";
        let credential = self.credential();
        for body in bodies {
            self.ask(&format!("{kind}\n{credential}"), &body);
        }
        let [prefix, option, want, oid, path] = [0; 5].map(|_| self.canary());
        let fetch = |lines: &[Vec<u8>]| [&lines.concat()[..], &flush()].concat();
        let listing = [packet("command=ls-refs\n"), b"0001".to_vec()].concat();
        let fetches = [
            fetch(&[
                listing.clone(),
                packet(format!("ref-prefix refs/heads/{prefix}\n")),
            ]),
            fetch(&[
                packet("command=ls-refs\n"),
                packet(format!("server-option={option}\n")),
            ]),
            fetch(&[packet(format!("want {want}\n"))]),
        ];
        for body in fetches {
            let kind = "POST /forge.test/one.git/git-upload-pack HTTP/1.1\nGit-Protocol: version=2\n\
                        Content-Type: application/x-git-upload-pack-request";
            self.ask(&format!("{kind}\n{credential}"), &body);
        }
        let batch =
            format!("{{\"operation\":\"upload\",\"objects\":[{{\"oid\":\"{oid}\",\"size\":1}}]}}");
        let lock = format!("{{\"path\":\"{path}\"}}");
        for (end, body) in [("objects/batch", batch), ("locks", lock)] {
            let kind = format!(
                "POST /forge.test/one.git/info/lfs/{end} HTTP/1.1\nContent-Type: application/vnd.git-lfs+json"
            );
            self.ask(&format!("{kind}\n{credential}"), body.as_bytes());
        }
    }

    fn credential(&self) -> String {
        let password = github_token(7000);
        format!(
            "Authorization: Basic {}",
            BASE64.encode(format!("ada:{password}"))
        )
    }

    /// Secrets in every header and credential slot, good and bad.
    fn plant_in_headers(&mut self) {
        let target = "/forge.test/one.git/info/refs?service=git-receive-pack";
        let basic = |pair: String| format!("Basic {}", BASE64.encode(pair));
        let mut slots: Vec<String> = Vec::new();
        for pair in [
            "{}:x-oauth-basic",
            "{}:",
            "ada:{}",
            ":{}",
            "{}",
            "x-access-token:{}",
        ] {
            let secret = self.canary();
            let value = basic(pair.replace("{}", &secret));
            slots.push(format!("Authorization: {value}"));
        }
        for form in [
            "Authorization: Bearer {}",
            "Authorization: token {}",
            "Authorization: {}",
            "Authorization: Basic {}",
            "Authorization: Negotiate {}",
            "Proxy-Authorization: Basic {}",
            "Exeat-Token: {}",
            "Exeat-Token: exeat_{}",
            "Cookie: session={}",
            "User-Agent: git/{}",
            "Accept-Language: {}",
            "Git-Protocol: version=2:{}",
            "Referer: https://x.example/{}",
            "Content-Type: text/{}",
            "Accept: application/{}",
            "Forwarded: for={}",
            "X-Forwarded-For: {}",
            "X-{}: 1",
            "Expect: {}",
            "Content-Encoding: {}",
            "Transfer-Encoding: {}",
        ] {
            let secret = self.canary();
            if ["Exeat-Token", "Proxy-Auth", "Cookie"]
                .iter()
                .any(|name| form.starts_with(name))
            {
                canaries::plant(&secret, Reach::Ours);
            }
            slots.push(form.replace("{}", &secret));
        }
        for slot in slots {
            self.ask(&format!("GET {target} HTTP/1.1\n{slot}"), b"");
        }
        for target in [
            "/{}",
            "/forge.test/one.git/info/refs?service={}",
            "/forge.test/one.git/info/refs?service=git-receive-pack&private_token={}",
            "/forge.test/one.git/{}",
            "/{}/one.git/info/refs?service=git-upload-pack",
            "http://ada:{}@forge.test/one.git/info/refs?service=git-upload-pack",
            "/api/v1/user?token={}",
        ] {
            let secret = self.canary();
            let target = target.replace("{}", &secret);
            // Who asks for a forge that there is not is told its name.
            canaries::meant(|| self.world.ask(&format!("GET {target} HTTP/1.1"), b""));
        }
        let method = self.canary();
        self.ask(&format!("{method} / HTTP/1.1"), b"");
    }
}

#[test]
fn no_channel_of_a_push_that_is_stopped_leaves_its_secret_here() {
    let mut scene = Scene::new("");
    scene.plant_in_pushes();
    scene.plant_in_bodies();
    scene.plant_in_headers();
    scene.export();
    scene.assert_nothing_printed();
    // They were there to be seen.
    let printed = scene.printed.join("\n");
    assert!(printed.matches("Push stopped.").count() > 10, "{printed}");
    assert!(printed.matches("ghp_****").count() > 20, "{printed}");
    assert!(scene.world.server().log().contains("DEBUG"));
    assert!(scene.next > 7060, "{} canaries", scene.next - 7000);
}

#[test]
fn no_channel_of_a_push_that_goes_leaves_its_secret_here() {
    let mut scene = Scene::new("[policy]\nblock = \"warn\"\nreview = \"warn\"\n");
    // The forge has words of its own, with a secret.
    let secret = scene.canary();
    let hook = scene.world.upstream_path("one").join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = format!("#!/bin/sh\necho {secret} >&2\n[ $1 != refs/heads/no ]\n");
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // These are words between the forge and its user, and pass.
    canaries::meant(|| scene.plant_in_pushes());
    assert_eq!(canaries::meant(|| scene.push(&[], "main:refs/heads/no")), 1);
    assert!(scene.printed.iter().any(|line| line.contains(&secret)));
    scene.printed.retain(|line| !line.contains(&secret));
    scene.export();
    scene.assert_nothing_printed();
    assert!(
        scene
            .world
            .upstream_state("one")
            .contains("refs/heads/file")
    );
}

#[test]
fn no_channel_of_a_push_that_is_held_leaves_its_secret_here() {
    let mut scene = Scene::new(hold::settings().leak());
    scene.plant_in_pushes();
    let config = scene.world.config();
    let config = config.to_string_lossy();
    let exeat = |words: &str| {
        let words: Vec<&str> = words.split(' ').chain(["--config", &config]).collect();
        scene.world.exeat(&words).ok().stdout
    };
    exeat("user add eve --role security");
    let token = exeat("token create --user eve --scope read");
    let console = scene.world.server().console.expect("the console listens");
    let get = |path: &str| {
        let token = token.trim();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {console}\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Client::ask(console, head.as_bytes()).text()
    };
    // What reviewers see of each.
    let list = get("/api/v1/reviews");
    let read: serde_json::Value = serde_json::from_str(&list).unwrap();
    let cases = read["reviews"].as_array().expect("a list").clone();
    assert!(cases.len() > 5, "{list}");
    let shown: Vec<String> = cases
        .iter()
        .map(|case| get(&format!("/api/v1/reviews/{}", case["id"].as_str().unwrap())))
        .collect();
    assert!(shown.concat().contains("ghp_****"), "{shown:?}");
    scene.printed.push(list);
    scene.printed.extend(shown);
    scene.export();
    scene.assert_nothing_printed();
}
