//! Rows 23 to 27: packs that are small and mean harm, refused early or worked through within bounds.
//!
//! What they may cost is read from the process itself, processor time and peak memory, with room for slow machines
//! and unoptimised builds: an attack that worked would be far beyond.

use std::io::Write as _;
use std::sync::LazyLock;

use exeat_gitwire::pack::{Kind, object_id};
use exeat_gitwire::{HashKind, ObjectId};
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::crafted::{Crafted, blob_id, copy, deflate, delta, distance, entry, insert, prepend};
use super::{CAPABILITIES, HEADS, Scene, assert_refused_for, forwarded};
use crate::harness::{World, ZERO, chunked, github_token, head, incompressible, packet};

const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;
/// Seconds of processor time that no attack here may take.
const MOST_SECONDS: u64 = 20;
/// Bytes of memory that the process may have had at most.
const MOST_MEMORY: u64 = 512 << 20;

/// The stream of 1 GiB of zeros: about a million bytes.
fn gigabyte() -> &'static [u8] {
    static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| zeros(GIB));
    &STREAM
}

fn zeros(length: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; MIB];
    let mut left = length;
    while left > 0 {
        let part = left.min(MIB as u64) as usize;
        encoder.write_all(&piece[..part]).unwrap();
        left -= part as u64;
    }
    encoder.finish().unwrap()
}

/// What the proxy's process has cost so far: seconds of processor time, and bytes of memory at its peak.
fn cost(world: &World) -> (u64, u64) {
    let process = world.server().process_id();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the name in brackets, user and system time are the 12th and 13th field, in hundredths (proc(5)).
    let fields = stat.rsplit_once(") ").unwrap().1;
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    (ticks / 100, peak.parse::<u64>().unwrap() << 10)
}

#[track_caller]
fn assert_cheap(scene: &Scene) {
    let (seconds, memory) = cost(&scene.world);
    assert!(seconds < MOST_SECONDS, "{seconds} s of processor time");
    assert!(memory < MOST_MEMORY, "{memory} bytes of memory");
    let metrics = scene.world.telemetry("/metrics");
    assert!(metrics.contains("\nexeat_spool_bytes 0\n"), "{metrics}");
    assert!(
        metrics.contains("\nexeat_pushes_in_flight 0\n"),
        "{metrics}"
    );
}

impl Scene {
    /// The pack is refused for this reason, at little cost, and the proxy serves on.
    #[track_caller]
    fn pack_refused(&self, pack: Crafted, why: &str) {
        self.refused(&[&self.head(), &pack.finish()], why);
    }

    #[track_caller]
    fn assert_unharmed(&self) {
        self.assert_empty();
        assert_cheap(self);
        self.assert_passes();
    }
}

#[test]
fn row_23_a_gigabyte_in_a_megabyte() {
    let scene = Scene::new();
    for (size, words) in [
        (GIB, "limits.object_bytes"),
        (100, "holds more than the 100 bytes its header declares"),
        (0, "holds more than the 0 bytes its header declares"),
        (
            32 << 20,
            "holds more than the 33554432 bytes its header declares",
        ),
    ] {
        for kind in [1, 2, 3, 4] {
            let mut pack = Crafted::new();
            pack.raw(&entry(kind, size, &[], gigabyte()));
            // Commits, trees and tags may have a lower bound of their own.
            let why = if size > 1 << 20 && kind != 3 {
                ""
            } else {
                words
            };
            scene.pack_refused(pack, why);
        }
    }
    let mut pack = Crafted::new();
    pack.blob(b"base");
    let back = distance(behind_base());
    pack.raw(&entry(6, GIB, &back, gigabyte()));
    scene.pack_refused(pack, "limits.object_bytes");
    scene.assert_unharmed();
}

/// How far behind a small blob at the start of a pack the next entry begins.
fn behind_base() -> u64 {
    let mut pack = Crafted::new();
    let base = pack.blob(b"base");
    pack.blob(b"next") - base
}

#[test]
fn row_23_many_small_bombs() {
    let scene = Scene::with("[limits]\nobject_bytes = 33554432\nresolved_bytes = 134217728\n");
    let stream = zeros(32 << 20);
    let mut pack = Crafted::new();
    for _ in 0..200 {
        pack.raw(&entry(3, 32 << 20, &[], &stream));
    }
    scene.pack_refused(pack, "limits.");
    scene.assert_unharmed();
}

#[test]
fn row_23_empty_blocks_without_end() {
    let scene = Scene::new();
    // Stored blocks without a byte in them (RFC 1951 section 3.2.4), none of them the last.
    let blocks = [&[0, 0, 0, 0xff, 0xff][..]; 100_000].concat();
    let stream = [&[0x78, 0x01][..], &blocks].concat();
    for size in [0, 1, 1000] {
        let mut pack = Crafted::new();
        pack.raw(&entry(3, size, &[], &stream));
        scene.pack_refused(pack, "its zlib stream is longer than its size can need");
    }
    scene.assert_unharmed();
}

#[test]
fn row_23_a_large_file_of_nothing_passes() {
    let scene = Scene::new();
    let mut pack = Crafted::new();
    let size = 48 << 20;
    pack.raw(&entry(3, size as u64, &[], &zeros(size as u64)));
    let body = around(pack, &[blob_id(&vec![0; size])]);
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
    assert_cheap(&scene);
}

/// The push of a pack's blobs, with a tree and a commit that reach them.
fn around(mut pack: Crafted, blobs: &[ObjectId]) -> Vec<u8> {
    let mut tree = Vec::new();
    for (number, id) in blobs.iter().enumerate() {
        tree.extend(format!("100644 {number:06}\0").into_bytes());
        tree.extend(id.as_slice());
    }
    pack.whole(Kind::Tree, &tree);
    let tree = object_id(HashKind::Sha1, Kind::Tree, &tree).unwrap();
    push_of(pack, tree)
}

fn push_of(mut pack: Crafted, tree: ObjectId) -> Vec<u8> {
    let who = "Ada <ada@example.com> 1700000000 +0000";
    let commit = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nBegin\n");
    pack.whole(Kind::Commit, commit.as_bytes());
    let commit = object_id(HashKind::Sha1, Kind::Commit, commit.as_bytes()).unwrap();
    let command = format!("{ZERO} {commit} {HEADS}");
    [head(&[command], CAPABILITIES), pack.finish()].concat()
}

#[test]
fn row_24_deltas_that_claim_terabytes() {
    let scene = Scene::new();
    let base = vec![b'x'; MIB];
    let claim = 2_400_000_000_000;
    for instructions in [copy(0, MIB as u32), insert(b"x"), Vec::new()] {
        let mut pack = Crafted::new();
        let at = pack.blob(&base);
        pack.ofs_delta(at, &delta(MIB as u64, claim, &[&instructions]));
        scene.pack_refused(pack, "limits.object_bytes");
        let mut pack = Crafted::new();
        pack.ref_delta(blob_id(&base), &delta(MIB as u64, claim, &[&instructions]));
        pack.blob(&base);
        scene.pack_refused(pack, "limits.object_bytes");
    }
    // The delta's own size lies the same way.
    let mut pack = Crafted::new();
    pack.blob(b"base");
    let back = distance(behind_base());
    pack.raw(&entry(6, claim, &back, &deflate(b"x")));
    scene.pack_refused(pack, "limits.object_bytes");
    scene.assert_unharmed();
}

#[test]
fn row_24_a_small_pack_that_adds_up_to_terabytes() {
    let scene = Scene::with("[limits]\nobject_bytes = 134217728\nresolved_bytes = 536870912\n");
    let base = vec![b'x'; MIB];
    let whole = copy(0, MIB as u32);
    let hundred = vec![&whole[..]; 100];
    let bomb = delta(MIB as u64, 100 * MIB as u64, &hundred);
    let (id, stream) = (blob_id(&base), deflate(&bomb));
    for by_id in [false, true] {
        let mut pack = Crafted::new();
        let at = pack.blob(&base);
        let first = entry(7, bomb.len() as u64, id.as_slice(), &stream);
        let mut next = pack.raw(&first) + first.len() as u64;
        for _ in 1..24_000 {
            let back = distance(next - at);
            let raw = match by_id {
                false => entry(6, bomb.len() as u64, &back, &stream),
                true => entry(7, bomb.len() as u64, id.as_slice(), &stream),
            };
            next = pack.raw(&raw) + raw.len() as u64;
        }
        scene.pack_refused(pack, "limits.");
    }
    // Each delta multiplies what the one before it built.
    let mut pack = Crafted::new();
    let mut at = pack.blob(&base[..1000]);
    let mut size = 1000;
    while size < 1 << 40 {
        let part = copy(0, size.min(10_000_000) as u32);
        at = pack.ofs_delta(at, &delta(size, size * 16, &[&part[..]; 16]));
        size *= 16;
    }
    scene.pack_refused(pack, "object");
    scene.assert_unharmed();
}

/// The zlib stream of a few bytes, without compression: quick to make (RFC 1950 and 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let (mut low, mut high) = (1, 0);
    for &byte in bytes {
        low = (low + u32::from(byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let length = bytes.len() as u16;
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(bytes);
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// A blob and versions of it, each a delta on the one before; their ids.
fn chain(depth: usize, by_id: bool) -> (Crafted, Vec<ObjectId>) {
    let mut pack = Crafted::new();
    let mut content = incompressible(25, 200);
    let first = entry(3, 200, &[], &stored(&content));
    let mut at = pack.raw(&first);
    let mut next = at + first.len() as u64;
    let mut ids = vec![blob_id(&content)];
    for number in 0..depth {
        let text = format!("{number}\n");
        let delta = prepend(content.len(), text.as_bytes());
        let base = blob_id(&content);
        content.splice(0..0, text.bytes());
        let stream = stored(&delta);
        let size = delta.len() as u64;
        let raw = match by_id {
            true => entry(7, size, base.as_slice(), &stream),
            false => entry(6, size, &distance(next - at), &stream),
        };
        at = pack.raw(&raw);
        next = at + raw.len() as u64;
        ids.push(blob_id(&content));
    }
    (pack, ids)
}

#[test]
fn row_25_chains_beyond_what_git_writes() {
    let scene = Scene::new();
    for by_id in [false, true] {
        scene.pack_refused(chain(9000, by_id).0, "limits.delta_depth");
    }
    scene.pack_refused(chain(4096, false).0, "limits.delta_depth");
    scene.assert_unharmed();
}

#[test]
fn row_25_chains_as_deep_as_git_writes_pass() {
    for by_id in [false, true] {
        let scene = Scene::new();
        let (pack, ids) = chain(4095, by_id);
        let body = around(pack, &ids);
        assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
        assert_cheap(&scene);
        let sent = &scene.world.witness.pushes()[0].body;
        assert!(sent.ends_with(&body[body.len() - 1000..]));
    }
}

#[test]
fn row_25_chains_woven_so_that_no_base_stays_at_hand() {
    let scene = Scene::with("[limits]\nbase_cache_bytes = 1048576\n");
    let (chains, depth, size) = (100, 40, 50_000);
    let mut pack = Crafted::new();
    let mut heads: Vec<(u64, usize)> = (0..chains)
        .map(|chain| (pack.blob(&incompressible(chain, size)), size))
        .collect();
    for number in 0..depth {
        for (at, length) in &mut heads {
            let text = format!("{number}\n");
            *at = pack.ofs_delta(*at, &prepend(*length, text.as_bytes()));
            *length += text.len();
        }
    }
    // Nothing reaches these blobs, which is found at the very end.
    scene.pack_refused(pack, "no pushed ref reaches it");
    scene.assert_unharmed();
}

#[test]
fn row_26_counts_that_are_not_so() {
    let scene = Scene::new();
    let pack = |count: u32| {
        let mut pack = Crafted::new();
        for text in [b"a", b"b", b"c"] {
            pack.blob(text);
        }
        pack.finish_with_count(count)
    };
    for count in [1 << 31, u32::MAX, 2_000_001] {
        scene.refused(&[&scene.head(), &pack(count)], "limits.objects");
    }
    for count in [4, 1000, 2_000_000] {
        scene.refused(&[&scene.head(), &pack(count)], "of");
    }
    for count in [0, 1, 2] {
        scene.refused(&[&scene.head(), &pack(count)], "pack");
    }
    scene.assert_unharmed();
}

#[test]
fn row_26_floods_before_the_pack() {
    let scene = Scene::with("[limits]\nhead_bytes = 4194304\n");
    let line = |number: usize| packet(format!("{ZERO} {} refs/heads/{number}", scene.id));
    let first = packet(format!(
        "{ZERO} {} refs/heads/x\0 {CAPABILITIES} push-options",
        scene.id
    ));
    let commands: Vec<u8> = (0..100_000).flat_map(line).collect();
    let shallow: Vec<u8> = (0..20_000)
        .flat_map(|number| packet(format!("shallow {number:040x}")))
        .collect();
    let long = packet(vec![b'x'; 65_516]);
    let options = long.repeat(300);
    let name = packet([scene.command.as_bytes(), &[b'x'; 60_000]].concat());
    let empty = b"0004".repeat(1_000_000);
    let start = [&first[..], b"0000"].concat();
    let words = |what: &str| format!("than the limit of {what}");
    for (body, words) in [
        ([&first[..], &commands].concat(), words("10000")),
        (shallow, words("10000")),
        (
            [&start[..], &options].concat(),
            "exceed the limit of 4194304".into(),
        ),
        ([&start[..], &empty].concat(), words("100")),
        (name, "a ref name exceeds the limit of 1024 bytes".into()),
        (long.repeat(64), "command 1 is not of the form".into()),
        (empty, "command 1 is not of the form".into()),
    ] {
        // In chunks, as a client sends what it has no length for; and it never ends.
        let post = "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nTransfer-Encoding: chunked\n\
                    Content-Type: application/x-git-receive-pack-request";
        let answer = scene.world.ask(post, &chunked(&body, 65_536));
        assert_refused_for(&scene.world, &answer, &words);
    }
    scene.assert_unharmed();
}

#[test]
fn row_26_a_folder_with_a_hundred_thousand_names_passes() {
    let scene = Scene::new();
    let mut pack = Crafted::new();
    pack.blob(b"a\n");
    let body = around(pack, &vec![blob_id(b"a\n"); 100_000]);
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
    assert_cheap(&scene);
}

/// A pack of a blob below `levels` folders, each of which holds the next one `times` times; and its push.
fn nested(blob: &[u8], levels: usize, times: usize) -> Vec<u8> {
    let mut pack = Crafted::new();
    pack.blob(blob);
    let mut tree = [b"100644 f\0", blob_id(blob).as_slice()].concat();
    for _ in 0..levels {
        pack.whole(Kind::Tree, &tree);
        let id = object_id(HashKind::Sha1, Kind::Tree, &tree).unwrap();
        let entry = |name: usize| [format!("40000 {name}\0").as_bytes(), id.as_slice()].concat();
        tree = (0..times).flat_map(entry).collect();
    }
    pack.whole(Kind::Tree, &tree);
    let root = object_id(HashKind::Sha1, Kind::Tree, &tree).unwrap();
    push_of(pack, root)
}

#[test]
fn row_26_folders_that_are_deep_or_multiply() {
    let mut scene = Scene::new();
    let token = github_token(2601);
    scene.world.forbid(&token);
    let text = format!("token = {token}\n");
    for (levels, times) in [(20_000, 1), (60, 10), (3, 200)] {
        let body = nested(text.as_bytes(), levels, times);
        let answer = scene.world.ask_push("one", &body);
        assert_refused_for(&scene.world, &answer, "github-pat");
        // A path of many thousand names is not told whole.
        assert!(
            answer.body().len() < 20_000,
            "{} bytes",
            answer.body().len()
        );
    }
    scene.assert_empty();
    assert_cheap(&scene);
    let clean = nested(b"clean\n", 60, 10);
    let report = scene.world.ask_push("one", &clean).report();
    assert_eq!(report.unpack, "ok", "{report:?}");
    assert_cheap(&scene);
}

#[test]
fn row_27_sizes_that_are_not_so() {
    let scene = Scene::new();
    let text = deflate(b"text");
    let raw = |bytes: &[u8]| {
        let mut pack = Crafted::new();
        pack.raw(bytes);
        pack
    };
    let holds_4 = "its zlib stream holds 4 bytes, its header declares 5";
    let corrupt = "its zlib stream is corrupt";
    let mut broken = text.clone();
    *broken.last_mut().unwrap() ^= 1;
    let overflow = [&[0xbf][..], &[0xff; 9], &[0x7f], &text].concat();
    for (bytes, words) in [
        (entry(3, 2 << 40, &[], &text), "limits.object_bytes"),
        (entry(3, u64::MAX, &[], &text), "limits.object_bytes"),
        (overflow, "its size does not fit 64 bits"),
        (entry(3, 5, &[], &text), holds_4),
        (
            entry(3, 3, &[], &text),
            "holds more than the 3 bytes its header declares",
        ),
        (
            entry(3, 0, &[], &text),
            "holds more than the 0 bytes its header declares",
        ),
        (entry(3, 4, &[], &broken), corrupt),
        (entry(3, 4, &[], b"text, not zlib"), corrupt),
        // gzip, and zlib with a dictionary, which git never writes.
        (entry(3, 4, &[], b"\x1f\x8b\x08\0\0\0\0\0\0\x03"), corrupt),
        (entry(3, 4, &[], b"\x78\xbb\x04\x5d\x01\xc1"), corrupt),
        (entry(3, 4, &[], &text[..text.len() - 5]), "zlib"),
    ] {
        scene.pack_refused(raw(&bytes), words);
    }
    scene.assert_unharmed();
}

#[test]
fn row_27_deltas_that_are_not_so() {
    let scene = Scene::new();
    let all = copy(0, 4);
    let cases: [(Vec<u8>, &str); 11] = [
        (delta(5, 4, &[&all]), "base"),
        (delta(3, 4, &[&all]), "base"),
        (delta(4, 5, &[&copy(0, 5)]), "base"),
        (delta(4, 4, &[&copy(1, 4)]), "base"),
        (delta(4, 4, &[&copy(u32::MAX, 4)]), "base"),
        (delta(4, 3, &[&all]), ""),
        (delta(4, 5, &[&all]), ""),
        (delta(4, 4, &[&all, b"\0"]), ""),
        (delta(4, 4, &[b"\x04abc"]), ""),
        (delta(4, 4, &[b"\x91"]), ""),
        (vec![0x80; 30], ""),
    ];
    for (delta, words) in cases {
        for by_id in [false, true] {
            let mut pack = Crafted::new();
            let base = pack.blob(b"base");
            match by_id {
                true => pack.ref_delta(blob_id(b"base"), &delta),
                false => pack.ofs_delta(base, &delta),
            };
            let why = if words.is_empty() {
                "object 2 of the pack"
            } else {
                words
            };
            scene.pack_refused(pack, why);
        }
    }
    scene.assert_unharmed();
}

#[test]
fn row_27_bases_that_are_not_there() {
    let scene = Scene::new();
    let identity = delta(4, 4, &[&copy(0, 4)]);
    let with_distance = |back: &[u8]| {
        let mut pack = Crafted::new();
        pack.blob(b"base");
        pack.raw(&entry(6, identity.len() as u64, back, &deflate(&identity)));
        pack
    };
    let not_an_entry = "does not point to the start of an earlier object";
    let before = "lies before the start of the pack's objects";
    let here = behind_base();
    for (back, words) in [
        (distance(1), not_an_entry),
        (distance(here - 1), not_an_entry),
        (distance(here + 1), before),
        (distance(here + 12), before),
        (distance(u64::MAX >> 1), before),
        (distance(0), "object 2 of the pack"),
        ([&[0xff; 10][..], &[0x7f]].concat(), "does not fit 64 bits"),
    ] {
        scene.pack_refused(with_distance(&back), words);
    }
    for base in [blob_id(b"elsewhere"), HashKind::Sha1.null()] {
        let mut pack = Crafted::new();
        pack.blob(b"base");
        pack.ref_delta(base, &identity);
        scene.pack_refused(pack, &base.to_string());
    }
    // What passes goes as it came.
    let mut pack = Crafted::new();
    let base = pack.blob(b"base");
    pack.ofs_delta(base, &delta(4, 5, &[&copy(0, 4), &insert(b"!")]));
    let body = around(pack, &[blob_id(b"base"), blob_id(b"base!")]);
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
    let pack_at = body.windows(4).position(|four| four == b"PACK").unwrap();
    let line = String::from_utf8_lossy(&body[4..4 + 40 + 1 + 40 + 1 + HEADS.len()]).into_owned();
    let expected = forwarded(&[line], CAPABILITIES, &body[pack_at..]);
    assert_eq!(scene.world.witness.pushes()[0].body, expected);
}
