//! What is clean arrives unchanged: the same push, directly and through Exeat, leaves the same upstream.

mod fetch;
mod framing;
mod kinds;
mod large;
mod upstream;

use std::path::PathBuf;

use exeat::demo::forge::Hash;

use crate::harness::{Git, Options, Run, World, gits};

/// Two empty upstream repositories and one work tree: what is pushed to one through the proxy is pushed to the
/// other directly.
struct Pair<'w> {
    world: &'w World,
    git: &'w Git,
    work: PathBuf,
    through: String,
    direct: String,
}

impl<'w> Pair<'w> {
    fn new(world: &'w World, git: &'w Git, hash: Hash) -> Self {
        let through = format!("through-{}", git.version);
        let direct = format!("direct-{}", git.version);
        world.new_repository_with(&through, hash);
        world.new_repository_with(&direct, hash);
        let work = world.new_work_with(&format!("work-{}", git.version), hash);
        Self {
            world,
            git,
            work,
            through,
            direct,
        }
    }

    fn commit(&self, path: &str, content: impl AsRef<[u8]>) {
        self.world
            .commit_file(&self.work, path, content, &format!("Write {path}"));
    }

    /// git in the work tree, which must succeed.
    fn run(&self, arguments: &[&str]) -> String {
        self.world
            .git_with(self.git, &self.work, arguments)
            .ok()
            .stdout
    }

    /// Pushes through the proxy, then directly: both must succeed, and leave the same.
    #[track_caller]
    fn push(&self, options: &[&str], refs: &[&str]) -> Run {
        let [through, direct] = self.try_push(&[], options, refs);
        direct.ok();
        let through = through.ok();
        self.assert_same();
        through
    }

    /// Pushes through the proxy and directly, with `-c` settings.
    fn try_push(&self, settings: &[&str], options: &[&str], refs: &[&str]) -> [Run; 2] {
        let urls = [
            self.world.proxied_url(&self.through),
            self.world.direct_url(&self.direct),
        ];
        urls.map(|url| {
            let settings = settings.iter().flat_map(|&setting| ["-c", setting]);
            let words = settings.chain(["push"]).chain(options.iter().copied());
            let words: Vec<&str> = words
                .chain([url.as_str()])
                .chain(refs.iter().copied())
                .collect();
            self.world.git_with(self.git, &self.work, &words)
        })
    }

    #[track_caller]
    fn assert_same(&self) {
        let (through, direct) = (
            self.world.upstream_state(&self.through),
            self.world.upstream_state(&self.direct),
        );
        assert_eq!(through, direct, "with git {}", self.git.version);
    }
}

/// Runs the test once for every git on this machine, in one world.
fn with_every_git(test: impl Fn(&Pair<'_>)) {
    with_every_git_and(Options::default(), Hash::Sha1, test);
}

fn with_every_git_and(options: Options, hash: Hash, test: impl Fn(&Pair<'_>)) {
    let world = World::start(options);
    for git in gits() {
        test(&Pair::new(&world, git, hash));
    }
}
