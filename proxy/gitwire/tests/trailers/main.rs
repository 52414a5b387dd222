//! Trailers as real git takes them: `git interpret-trailers --parse`, and `git log` for commits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use exeat_gitwire::objects::trailers::Trailers;

/// Lines that git treats each in its own way.
const LINES: &[&[u8]] = &[
    b"text\n",
    b"more text, which is no trailer\n",
    b"\n",
    b"\n",
    b"\n",
    b" \t\n",
    b"\r\n",
    b"Signed-off-by: A U Thor <a@b.example>\n",
    b"Signed-off-by: A U Thor <a@b.example>\r\n",
    b"signed-off-by: a <a@b.example>\n",
    b"SIGNED-OFF-BY : a <a@b.example>\n",
    b"Signed-off-by:a <a@b.example>\n",
    b"Signed off by: a <a@b.example>\n",
    b" Signed-off-by: a <a@b.example>\n",
    b"(cherry picked from commit 0123)\n",
    b"Acked-by: b <b@b.example>\n",
    b"Acked-by:\n",
    b"k-9\t : v : w\n",
    b": no key\n",
    b"key_1: no letter\n",
    b"Caf\xc3\xa9: x\n",
    b"Key: \xff\xfe caf\xe9\x0b\x0c\n",
    b"https://example.com/\n",
    b"  folded\n",
    b"\tfolded\r\n",
    b"# comment\n",
    b"#Comment: x\n",
    b"; text\n",
    b"---\n",
    b"--- a/file\n",
    b"----\n",
    b"---\r\n",
    b"--\n",
    b"Conflicts:\n",
    b"\tone/file\n",
    b"Conflicts: x\n",
    b"\x00rest\n",
];
const SCISSORS: &[u8] = b"# ------------------------ >8 ------------------------\n";

/// Messages of the forms in which they come.
const WRITTEN: &[&[u8]] = &[
    b"",
    b"\n",
    b"title",
    b"title\n\nSigned-off-by: a <a@b>",
    b"title\n\nSigned-off-by: a <a@b>\n",
    b"title\nSigned-off-by: a <a@b>\n",
    b"Signed-off-by: a <a@b>\n",
    b"\nSigned-off-by: a <a@b>\n",
    b"\n\ntitle\n\nSigned-off-by: a <a@b>\n",
    b"title\n\nbody\nSigned-off-by: a <a@b>\n",
    b"title\n\nb\no\nd\ny\nSigned-off-by: a <a@b>\n",
    b"title\n\nSigned-off-by: a <a@b>\n\nbody\n",
    b"title\n\nSigned-off-by: a <a@b>\nAcked-by: c\nSigned-off-by: d <d@e>\n\n\n",
    b"title\n\nSigned-off-by: a\n <a@b>\n",
    b"title\n\nSigned-off-by: a <a@b>\n# Please enter\n#\n# On branch main\n",
    b"# title\n\nSigned-off-by: a <a@b>\n",
    b"# c\nSigned-off-by: a <a@b>\n# c\n",
    b"title\n\nSigned-off-by: a <a@b>\n\nConflicts:\n\tone\n\ttwo\n",
    b"title\n\nSigned-off-by: a <a@b>\n---\n file | 2 +-\n\ndiff --git\n",
    b"title\n\n---\n\nSigned-off-by: a <a@b>\n",
    b"title\r\n\r\nSigned-off-by: a <a@b>\r\n",
    b"title\n\nSigned-off-by: a <a@b>\n\x00\n\ntext\n",
    b"title\n\nSigned-off-by: \xe9 <a@b>\n",
    b"title\n\n:\nA: b\n",
    b"title\n\n \nA: b\n \n\tx\n",
];

/// xorshift64*, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize % end
    }

    fn message(&mut self, mostly_trailers: bool) -> Vec<u8> {
        let mut message = Vec::new();
        if self.below(4) > 0 {
            message.extend(b"title\n\n");
        }
        for _ in 0..self.below(12) {
            let few = mostly_trailers && self.below(3) > 0;
            let line = if few {
                4 + self.below(14)
            } else {
                self.below(LINES.len())
            };
            message.extend(LINES[line]);
        }
        if self.below(5) == 0 {
            message.pop();
        }
        message
    }
}

fn git(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn fed(mut command: Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Fast enough, or git writes nothing until it has read all.
    stdin.write_all(input).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

/// Each as `key: value`, as git prints them.
fn printed(trailers: Trailers<'_>) -> Vec<u8> {
    let line = |trailer: exeat_gitwire::objects::trailers::Trailer<'_>| {
        [trailer.key, b": ", &trailer.value(), b"\n"].concat()
    };
    trailers.flat_map(line).collect()
}

#[test]
fn patches_have_the_trailers_that_interpret_trailers_parses() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(7);
    let mut messages: Vec<_> = WRITTEN.iter().map(|message| message.to_vec()).collect();
    messages.extend((0..350).map(|number| random.message(number % 2 == 0)));
    let mut with_some = 0;
    for message in messages {
        let parse = git(folder.path(), &["interpret-trailers", "--parse"]);
        let expected = fed(parse, &message);
        // git ends the last line first.
        let ended = match message.last() {
            None | Some(b'\n') => message.clone(),
            Some(_) => [&message[..], b"\n"].concat(),
        };
        let found = printed(Trailers::of_patch(&ended));
        assert_eq!(
            found.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "of {}",
            message.escape_ascii()
        );
        with_some += usize::from(!found.is_empty());
    }
    assert!(with_some > 100, "only {with_some} had any");
}

#[test]
fn commits_have_the_trailers_that_log_shows() {
    let folder = tempfile::tempdir().unwrap();
    fed(git(folder.path(), &["init", "-q", "--bare", "."]), b"");
    let mut random = Random(11);
    let mut messages: Vec<_> = WRITTEN.iter().map(|message| message.to_vec()).collect();
    messages.extend((0..6000).map(|number| {
        let mut message = random.message(number % 2 == 0);
        if number % 9 == 0 {
            message.extend(SCISSORS);
            message.extend(random.message(true));
        }
        message
    }));
    let mut stream = Vec::new();
    for message in &messages {
        stream.extend(b"commit refs/heads/main\ncommitter a <a@b> 1 +0000\n");
        stream.extend(format!("data {}\n", message.len()).into_bytes());
        stream.extend(message);
        stream.push(b'\n');
    }
    fed(git(folder.path(), &["fast-import", "--quiet"]), &stream);
    let format = "--format=%x01%(trailers:only,unfold)%x02";
    let log = git(
        folder.path(),
        &[
            "log",
            "--reverse",
            "--topo-order",
            format,
            "refs/heads/main",
        ],
    );
    let log = fed(log, b"");
    let mut shown = log.split(|&byte| byte == 1);
    assert_eq!(shown.next(), Some(&b""[..]));
    let mut with_some = 0;
    for (message, shown) in messages.iter().zip(shown.by_ref()) {
        let found = printed(Trailers::of_commit(message));
        let shown = shown.strip_suffix(b"\x02\n").unwrap();
        assert_eq!(
            found.escape_ascii().to_string(),
            shown.escape_ascii().to_string(),
            "of {}",
            message.escape_ascii()
        );
        with_some += usize::from(!found.is_empty());
    }
    assert_eq!(shown.next(), None);
    assert!(with_some > 1500, "only {with_some} had any");
}

/// Sizes at which quadratic work would be felt.
#[test]
fn long_messages_are_read_in_linear_time() {
    let lines = |line: &[u8]| [b"title\n\n", &line.repeat(2_000_000 / line.len())[..]].concat();
    for line in LINES {
        let message = lines(line);
        for trailers in [Trailers::of_commit(&message), Trailers::of_patch(&message)] {
            let bytes: usize = trailers.map(|trailer| trailer.value().len()).sum();
            assert!(bytes <= message.len());
        }
    }
}
