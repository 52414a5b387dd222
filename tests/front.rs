//! The front of the proxy: what it takes for HTTP, and how it fares with clients that are slow, many, or neither.

mod certificates;
mod crowd;
mod desync;
mod doors;
mod fetches;
mod http2;
mod slow;

use crate::harness::{Options, World, ZERO, head, pack_of};

const CAPABILITIES: &str = "report-status side-band-64k";
const PUSH: &str = "POST /forge.test/one.git/git-receive-pack HTTP/1.1";
const PUSH_TYPE: &str = "Content-Type: application/x-git-receive-pack-request";
const DISCOVERY: &str = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";

/// A world with an empty repository `one`, and the body of a push that would arrive there.
struct Scene {
    world: World,
    body: Vec<u8>,
}

impl Scene {
    fn new(settings: &'static str) -> Self {
        let world = World::start(Options {
            settings,
            ..Options::default()
        });
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let git = world.default_git();
        let objects = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
        let pack = pack_of(&world, &work, &objects.each_ref().map(String::as_str));
        let command = format!("{ZERO} {} refs/heads/main", objects[0]);
        let body = [head(&[command], CAPABILITIES), pack].concat();
        Self { world, body }
    }

    /// The push itself passes: what a test changes of it is why it is refused.
    #[track_caller]
    fn assert_push_passes(&self) {
        let answer = self.world.ask_push("one", &self.body);
        assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
    }

    /// What the upstream was asked, line by line.
    fn asked(&self) -> Vec<String> {
        let requests = self.world.witness.requests().into_iter();
        requests.map(|request| request.first_line).collect()
    }
}
