//! Objects that git itself would not write, put together by hand, and pushes of exactly these.

use std::path::PathBuf;

use super::{CAPABILITIES, HEADS, told};
use crate::harness::{
    Options, World, ZERO, assert_refused, assert_refused_by_hand, github_token, head, pack_of,
};

pub(super) const RULE: &str = "github-pat";
const WHO: &str = "Ada Test <ada@example.com> 1700000000 +0000";

/// A world with an empty repository and a place to write objects in.
pub(super) struct Forgery {
    pub(super) world: World,
    pub(super) work: PathBuf,
    /// Words that must not arrive.
    planted: Vec<String>,
}

impl Forgery {
    pub(super) fn new() -> Self {
        // Every stop is told with all details, however many there were.
        Self::with("[policy]\nquiet_after = 0\n")
    }

    /// With these tables in the proxy's configuration.
    pub(super) fn with(settings: &'static str) -> Self {
        let world = World::start(Options {
            settings,
            ..Options::default()
        });
        world.new_repository("one");
        let work = world.new_work("work");
        Self {
            world,
            work,
            planted: Vec::new(),
        }
    }

    /// From now on these rules are in force beside the built-in ones.
    pub(super) fn use_rules(&mut self, rules: &str) {
        let set = |config: String| config + "[rules]\nfiles = [\"builtin\", \"ours.toml\"]\n";
        self.configure("ours.toml", rules, set);
    }

    /// From now on this policy is in force.
    pub(super) fn use_policy(&mut self, policy: &str) {
        let set =
            |config: String| config.replace("[policy]", "[policy]\nfiles = [\"policy.toml\"]");
        self.configure("policy.toml", policy, set);
    }

    fn configure(&mut self, file: &str, text: &str, set: impl Fn(String) -> String) {
        self.world.stop_server();
        let config = self.world.config();
        std::fs::write(config.with_file_name(file), text).unwrap();
        std::fs::write(&config, set(std::fs::read_to_string(&config).unwrap())).unwrap();
        self.world.start_server();
    }

    /// A token that must not arrive in any form.
    pub(super) fn token(&mut self, seed: u64) -> String {
        let token = github_token(seed);
        self.plant(&token);
        token
    }

    /// A word that must not arrive in any form.
    pub(super) fn plant(&mut self, word: &str) {
        self.world.forbid(word);
        self.planted.push(word.to_owned());
    }

    // --- objects

    pub(super) fn object(&self, kind: &str, content: impl AsRef<[u8]>) -> String {
        let arguments = ["hash-object", "-w", "--literally", "-t", kind, "--stdin"];
        let git = self.world.default_git();
        let id = git.fed(&self.work, &arguments, content.as_ref());
        String::from_utf8(id).unwrap().trim().to_owned()
    }

    pub(super) fn blob(&self, content: impl AsRef<[u8]>) -> String {
        self.object("blob", content)
    }

    /// Of modes, names and ids, as they stand.
    pub(super) fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut tree = Vec::new();
        for (mode, name, id) in entries {
            tree.extend(format!("{mode} ").into_bytes());
            tree.extend(*name);
            tree.push(0);
            tree.extend(hex::decode(id).unwrap());
        }
        self.object("tree", tree)
    }

    /// A commit with these headers behind its committer, and this message.
    pub(super) fn commit(&self, tree: &str, headers: &str, message: impl AsRef<[u8]>) -> String {
        self.commit_by(tree, WHO, WHO, headers, message)
    }

    pub(super) fn commit_by(
        &self,
        tree: &str,
        author: &str,
        committer: &str,
        headers: &str,
        message: impl AsRef<[u8]>,
    ) -> String {
        let text = format!("tree {tree}\nauthor {author}\ncommitter {committer}\n{headers}\n");
        self.object("commit", [text.as_bytes(), message.as_ref()].concat())
    }

    /// A blob and a tree with it, of which there is nothing to say.
    pub(super) fn plain(&self) -> (String, String) {
        let blob = self.blob("a\n");
        let tree = self.tree(&[("100644", b"a", &blob)]);
        (blob, tree)
    }

    // --- pushes

    /// Pushes exactly these objects, with the first as `name`.
    pub(super) fn push(&self, name: &str, objects: &[&str]) -> crate::harness::Answer {
        let pack = pack_of(&self.world, &self.work, objects);
        let command = format!("{ZERO} {} {name}", objects[0]);
        let body = [head(&[command], CAPABILITIES), pack].concat();
        self.world.ask_push("one", &body)
    }

    /// The same, which must be refused with words that hold all of `why`, and not arrive.
    #[track_caller]
    pub(super) fn refused(&self, name: &str, objects: &[&str], why: &[&str]) {
        let answer = self.push(name, objects);
        assert_refused_by_hand(&self.world, &answer);
        let text = super::in_one_line(&answer.report().text);
        for word in why {
            assert!(text.contains(word), "{word:?} is not said: {text}");
        }
        for word in &self.planted {
            assert!(!text.contains(word), "{word:?} is repeated: {text}");
        }
        self.assert_nothing_arrived();
    }

    /// A commit with a tree and a blob of which there is nothing to say, refused for what the commit says.
    #[track_caller]
    pub(super) fn commit_refused(&self, headers: &str, message: impl AsRef<[u8]>, why: &[&str]) {
        let (blob, tree) = self.plain();
        let commit = self.commit(&tree, headers, message);
        self.refused(HEADS, &[&commit, &tree, &blob], why);
    }

    /// git pushes these refs, in vain: the message names the rule and `place`, and none of the planted words.
    #[track_caller]
    pub(super) fn git_refused(&self, refs: &[&str], rule: &str, place: &str) {
        let url = self.world.proxied_url("one");
        let push = [&["push", url.as_str()], refs].concat();
        let run = self.world.git(&self.work, &push);
        let word = self
            .planted
            .first()
            .map_or("nothing was planted", String::as_str);
        assert_refused(&run, rule, word);
        let told = told(&run.stderr);
        assert!(told.contains(place), "{place:?} is not told: {told}");
        self.assert_nothing_arrived();
    }

    #[track_caller]
    pub(super) fn assert_nothing_arrived(&self) {
        assert_eq!(self.world.upstream_state("one"), "---\n", "it arrived");
        assert!(self.world.witness.pushes().is_empty());
        for word in &self.planted {
            self.world.witness.never_saw(word);
        }
    }

    /// git in the work tree.
    #[track_caller]
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let run = self.world.git(&self.work, arguments).ok();
        run.stdout.trim().to_owned()
    }
}
