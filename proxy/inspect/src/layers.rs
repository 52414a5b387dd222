//! Hits in what stands in a text in another form: found there, told where they are in the text that is pushed.

use std::{
    cmp::Reverse,
    collections::HashMap,
    io::Read,
    ops::{AddAssign, Range},
};

use crate::{
    examine::{Examined, Examiner, Hit, Lines, Position, newlines},
    extract::{self, Alone, Known, Limits, Origin, Other, See, Summary, Trail},
    names::Names,
    stream::StreamedText,
};

/// Bytes read at once of a layer that is not held.
const CHUNK: usize = 512 << 10;

/// How a hit was reached that does not stand in the clear.
#[derive(Clone, Debug)]
pub struct Via {
    /// The steps, as they may be shown, the outermost first. The innermost member of an archive says its line.
    pub steps: Vec<String>,
    /// The text of its own that it lies in; 0 for the outer text. Only hits of one such text can overlap.
    pub scope: u32,
    /// The bytes of the secret there.
    pub secret: Range<usize>,
    /// Those of the steps that lead to bytes that stand in the clear: members that are stored as they are.
    pub clear: usize,
}

/// What of a text was read that does not stand in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Layers, of whatever kind.
    pub layers: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Those of them that are members of archives.
    pub members: u64,
    /// Pixels, samples and outlines, in which no text can stand.
    pub media: u64,
}

impl AddAssign for Decoded {
    fn add_assign(&mut self, other: Self) {
        self.layers += other.layers;
        self.bytes += other.bytes;
        self.members += other.members;
        self.media += other.media;
    }
}

/// Looks into `text`, of which `examined` knows what stands there in the clear, and adds what is found in it. For a text longer
/// than others are, `alone` was waited for.
pub fn examine(
    examiner: &mut Examiner,
    text: &[u8],
    alone: Option<Alone>,
    examined: &mut Examined,
) {
    let limits = limits(examiner);
    let mut layers = Layers {
        examiner,
        outer: text,
        examined,
    };
    let summary = extract::look_into(text, alone, &limits, &mut layers);
    take_in(summary, examiner, examined);
}

/// The same of a text that may have been built from another one; see [`extract::look_into_built`].
pub fn examine_built(
    examiner: &mut Examiner,
    text: &[u8],
    other: Option<Other<'_>>,
    examined: &mut Examined,
) -> Option<Known> {
    let limits = limits(examiner);
    let mut layers = Layers {
        examiner,
        outer: text,
        examined,
    };
    let (summary, known) = extract::look_into_built(text, other, &limits, &mut layers);
    take_in(summary, examiner, examined);
    known
}

/// How far a text is looked into for these rules: what manifests name is told where a dictionary asks for packages, or a target
/// for licences.
fn limits(examiner: &Examiner) -> Limits {
    Limits {
        manifests: examiner.rules().asks_for_packages() || examiner.asks_of_licences(),
        ..Limits::default()
    }
}

fn take_in(summary: Summary, examiner: &mut Examiner, examined: &mut Examined) {
    examined.decoded = Decoded {
        layers: summary.layers,
        bytes: summary.bytes,
        members: summary.members,
        media: summary.media.values().sum(),
    };
    for unread in summary.unread {
        let steps = unread.steps.iter();
        let steps = steps.map(|(kind, name)| shown(examiner, kind, name.as_deref()));
        examined.unread.push((steps.collect(), unread.why));
    }
    if summary.layers > 0 {
        told_once(&mut examined.hits);
        told_by_part(&mut examined.hits);
    }
}

/// In order, and of several ways to one secret that with the fewest decoded steps; among these the one that says most of its place.
fn told_once(hits: &mut Vec<Hit>) {
    let steps = |hit: &Hit| {
        let via = hit.via.as_ref();
        let clear = via.map_or(0, |via| via.clear);
        let decoded = via.map_or(0, |via| via.steps.len()) - clear;
        (decoded, Reverse(clear))
    };
    let place = |hit: &Hit| {
        let found = &hit.found;
        let scope = hit.in_scope();
        (
            (found.secret.start, found.secret.end, hit.scope()),
            (scope.start, scope.end, found.rule),
        )
    };
    hits.sort_by_key(|hit| (place(hit), steps(hit)));
    hits.dedup_by(|later, first| {
        place(later) == place(first) && later.fingerprint == first.fingerprint
    });
}

/// Leaves out what a run of a mail led to where the part whose body it is led there as well: that has a name. It is left out only
/// where all that is judged by later is the same.
fn told_by_part(hits: &mut Vec<Hit>) {
    let mut parts: HashMap<_, Vec<Hit>> = HashMap::new();
    for hit in hits.iter() {
        if let Some((first, rest)) = steps_of(hit)
            && (first == "mail" || first.starts_with("mail:"))
        {
            let key = (hit.fingerprint, hit.in_scope(), rest.to_vec());
            parts.entry(key).or_default().push(hit.clone());
        }
    }
    hits.retain(|hit| match steps_of(hit) {
        Some(("base64" | "quoted-printable", rest)) if hit.scope() > 0 => {
            let key = (hit.fingerprint, hit.in_scope(), rest.to_vec());
            // In order, and beside each other.
            let parts = parts.get(&key).map_or(&[][..], Vec::as_slice);
            let start = hit.found.secret.start;
            let behind = parts.partition_point(|part| part.found.secret.start <= start);
            let part = behind.checked_sub(1).and_then(|last| parts.get(last));
            !part.is_some_and(|part| is_within(hit, part))
        }
        _ => true,
    });
}

fn steps_of(hit: &Hit) -> Option<(&str, &[String])> {
    let (first, rest) = hit.via.as_ref()?.steps.split_first()?;
    Some((first, rest))
}

/// Whether `hit` begins in `part` and is judged as that is. It may end behind it: a run goes on where a boundary looks like one.
fn is_within(hit: &Hit, part: &Hit) -> bool {
    let secret = &hit.found.secret;
    let mut found = part.found.clone();
    (found.secret, found.span) = (secret.clone(), hit.found.span.clone());
    let judged = |hit: &Hit| (hit.commented, hit.whole, hit.surroundings);
    let is_same = found == hit.found && judged(part) == judged(hit);
    is_same && part.found.secret.contains(&secret.start)
}

struct Layers<'a> {
    examiner: &'a mut Examiner,
    outer: &'a [u8],
    examined: &'a mut Examined,
}

impl See for Layers<'_> {
    fn text(&mut self, text: &[u8], trail: &Trail<'_>) {
        let kind = trail.step.kind;
        let is_manifest = kind == extract::MANIFEST || kind == extract::MANIFEST_JSON;
        self.examiner.reads_manifest(is_manifest);
        let mut found = self.examiner.scan(text);
        self.examiner.reads_manifest(false);
        if let Origin::Mapped(map) = trail.origin {
            found.hits.retain(|hit| map.is_decoded(&hit.found.span));
        }
        self.take(found, Some(text), trail);
    }

    fn long(&mut self, text: &mut dyn Read, trail: &Trail<'_>) -> std::io::Result<()> {
        let mut streamed = StreamedText::new(self.examiner);
        let mut chunk = vec![0; CHUNK];
        let read = loop {
            match text.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(read) => {
                    streamed.feed(self.examiner, chunk.get(..read).unwrap_or_default());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let found = streamed.finish(self.examiner);
        self.take(found, None, trail);
        read
    }
}

impl Layers<'_> {
    /// Takes the hits of the layer behind `trail`. Their lines are those of the layer, which is `text` if it is held.
    fn take(&mut self, found: Examined, text: Option<&[u8]>, trail: &Trail<'_>) {
        self.examined.truncated |= found.truncated;
        self.examined.cut |= found.cut;
        if found.hits.is_empty() {
            return;
        }
        let steps = self.steps(trail);
        let mut pointed = 0;
        let placed = found.hits.into_iter().map(|hit| {
            let mut steps = steps.clone();
            let pointer = pointer(trail, &hit.found.secret, &mut pointed);
            if let Some((step, pointer)) = steps.last_mut().zip(pointer) {
                *step = shown(self.examiner, step, Some(pointer.as_bytes()));
            }
            place(hit, text, trail, steps)
        });
        let mut placed: Vec<Hit> = placed.collect();
        placed.sort_by_key(|hit| hit.found.secret.start);
        let mut lines = Lines::new(self.outer, &Position::default());
        for hit in &mut placed {
            tell_line(hit, self.outer, &mut lines);
        }
        self.examined.hits.append(&mut placed);
    }

    /// The steps to a layer as they may be shown, the outermost first.
    fn steps(&mut self, trail: &Trail<'_>) -> Vec<String> {
        let mut steps = Vec::new();
        let mut up = Some(trail);
        while let Some(trail) = up {
            steps.push(shown(self.examiner, trail.step.kind, trail.step.name));
            up = trail.up;
        }
        steps.reverse();
        steps
    }
}

/// `zip:conf/app.env`, with what a rule takes for a secret masked.
fn shown(examiner: &mut Examiner, kind: &str, name: Option<&[u8]>) -> String {
    match name {
        Some(name) => format!("{kind}:{}", Names::new(examiner).show(name)),
        None => kind.to_owned(),
    }
}

/// `hit` of the layer behind `trail`, with its bytes in the outer text.
fn place(mut hit: Hit, text: Option<&[u8]>, trail: &Trail<'_>, mut steps: Vec<String>) -> Hit {
    let (mut secret, mut span) = (hit.found.secret.clone(), hit.found.span.clone());
    let mut own = None;
    let mut is_labelled = false;
    let mut clear = 0;
    let mut text = text;
    let mut up = Some(trail);
    let mut index = steps.len();
    while let Some(trail) = up {
        index -= 1;
        match trail.origin {
            Origin::Mapped(map) => (secret, span) = (map.up(&secret), map.up(&span)),
            Origin::Contained { start, end } => {
                if !is_labelled && let Some(step) = steps.get_mut(index) {
                    let line = text.map_or(hit.line, |text| line_in(text, secret.start));
                    *step = format!("{step}:{line}");
                    is_labelled = true;
                }
                if text.is_some_and(|text| trail.stands_there(text)) {
                    let there = |range: Range<usize>| start + range.start..start + range.end;
                    (secret, span) = (there(secret), there(span));
                    clear += 1;
                } else {
                    own.get_or_insert((trail.number, secret));
                    (secret, span) = (start..end, start..end);
                }
            }
        }
        text = Some(trail.parent);
        up = trail.up;
    }
    let (scope, in_scope) = own.unwrap_or_else(|| (0, secret.clone()));
    hit.found.secret = secret;
    hit.found.span = span;
    hit.via = Some(Box::new(Via {
        steps,
        scope,
        secret: in_scope,
        clear,
    }));
    hit
}

/// Bytes that are read for pointers to the hits of one layer; of those behind them lines are told alone.
const POINTED: usize = 64 << 20;

/// The pointer to what a manifest in JSON names, where `secret` stands in its layer. `pointed` is what was read for others.
fn pointer(trail: &Trail<'_>, secret: &Range<usize>, pointed: &mut usize) -> Option<String> {
    let Origin::Mapped(map) = trail.origin else {
        return None;
    };
    let is_known = trail.step.kind == extract::MANIFEST_JSON && map.reaches(secret.start);
    if !is_known || *pointed > POINTED {
        return None;
    }
    let at = map.up(secret).start;
    *pointed += at;
    extract::json_pointer(trail.parent, at)
}

fn line_in(text: &[u8], at: usize) -> u64 {
    1 + newlines(text.get(..at).unwrap_or_default())
}

/// Lines and columns of a hit by its bytes in the outer text.
fn tell_line(hit: &mut Hit, outer: &[u8], lines: &mut Lines<'_>) {
    let found = &hit.found;
    let at = lines.locate(found.secret.start);
    hit.line = at.line;
    hit.column = at.column + 1;
    hit.character = at.character + 1;
    let secret = outer.get(found.secret.clone()).unwrap_or_default();
    let ahead = outer.get(found.span.start..found.secret.start);
    hit.first_line = (hit.line - newlines(ahead.unwrap_or_default()).min(hit.line - 1)).max(1);
    hit.end_line = match hit.scope() {
        0 => hit.line + newlines(secret.strip_suffix(b"\n").unwrap_or(secret)),
        _ => hit.line,
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exeat_rules::{RuleSet, Source};

    use super::*;
    use crate::{FingerprintKey, extract::tests::gzip};

    const KEY: &str = "[[rules]]\nid='key'\nregex='''key_[0-9]{6}'''\nkeywords=['key_']\n";

    fn examine(text: &[u8]) -> Vec<String> {
        examine_with(KEY, text)
    }

    #[test]
    fn what_a_manifest_names_is_told_by_its_pointer() {
        let rules = "[[dictionary]]\nid='ours'\nkind='packages'\nterms=['@acme/*', 'com.acme']\n\
            [[dictionary]]\nid='kestrel'\nkind='names'\nterms=['kestrel']\n";
        let lock = br#"{"lockfileVersion": 3, "packages": {"node_modules/@acme/x": {}, "node_modules/@acmeother/x": {}}}"#;
        let told = examine_with(rules, lock);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("manifest json:/packages/node_modules~1@acme~1x"),
            "{told:?}"
        );
        let text = "{\"bomFormat\": \"CycloneDX\", \"components\": [\n{\"name\": \"ok\"},\n{\"kestrel\": {\"group\": \"com.acme\"}}]}";
        let told = examine_with(rules, text.as_bytes());
        assert!(
            told.iter()
                .any(|told| told.contains("manifest json:/components/1/")
                    && !told.contains("kestrel")),
            "{told:?}"
        );
    }

    fn examine_with(rules: &str, text: &[u8]) -> Vec<String> {
        let source = Source {
            name: "t.toml".into(),
            text: rules.into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut examiner = Examiner::new(Arc::new(rules), FingerprintKey::new([0; 32]));
        let examined = examiner.examine(text);
        let tell = |hit: &Hit| {
            let steps = hit.via.as_ref().map_or(Vec::new(), |via| via.steps.clone());
            let place = (hit.first_line, hit.line, hit.column, hit.end_line);
            format!("{place:?} {}", steps.join(", "))
        };
        examined.hits.iter().map(tell).collect()
    }

    fn base64(bytes: &[u8]) -> String {
        use ::base64::Engine as _;
        ::base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn a_hit_in_base64_stands_in_the_line_of_the_run() {
        let run = base64(b"the key_123456 is it");
        assert_eq!(
            examine(format!("a\nb: {run}\n").as_bytes()),
            ["(2, 2, 9, 2) base64"]
        );
        // What stands in the clear in the same line is told once.
        let text = format!("a\nkey_654321: {run}\n");
        assert_eq!(
            examine(text.as_bytes()),
            ["(2, 2, 1, 2) ", "(2, 2, 18, 2) base64"]
        );
    }

    #[test]
    fn a_hit_in_a_packed_file_says_its_line_there() {
        let packed = gzip(b"a\nb\nc key_123456\n");
        assert_eq!(examine(&packed), ["(1, 1, 1, 1) gzip:3"]);
        let run = base64(&packed);
        let text = format!("a\n\nb: {run}\n");
        assert_eq!(examine(text.as_bytes()), ["(3, 3, 4, 3) base64, gzip:3"]);
        let inner = format!("\n\n\nx\ny {}\n", base64(b"this is key_123456 i think"));
        assert_eq!(
            examine(&gzip(inner.as_bytes())),
            ["(1, 1, 1, 1) gzip:5, base64"]
        );
    }

    #[test]
    fn a_hit_in_a_stored_member_is_told_once_where_it_stands() {
        let mut archive = b"!<arch>\n".to_vec();
        for (name, content) in [("a", "a key_111111\n"), ("b", "\nkey_222222!\n")] {
            let size = content.len();
            archive.extend(format!("{name:<16}{:<32}{size:<10}`\n{content}", "").bytes());
            archive.resize(archive.len().next_multiple_of(2), b'\n');
        }
        let expected = ["(3, 3, 3, 3) ar:a:1", "(7, 7, 1, 7) ar:b:2"];
        assert_eq!(examine(&archive), expected);
        // In a packed file the lines are those of the member.
        let expected = ["(1, 1, 1, 1) gzip, ar:a:1", "(1, 1, 1, 1) gzip, ar:b:2"];
        assert_eq!(examine(&gzip(&archive)), expected);
        let run = base64(&archive);
        let expected = ["(1, 1, 1, 1) base64, ar:a:1", "(1, 1, 1, 1) base64, ar:b:2"];
        assert_eq!(examine(run.as_bytes()), expected);
    }

    #[test]
    fn a_packed_file_too_long_to_be_held_is_read() {
        let mut inner = vec![b'.'; 9 << 20];
        inner.extend_from_slice(b"\nkey_123456\n");
        assert_eq!(examine(&gzip(&inner)), ["(1, 1, 1, 1) gzip:2"]);
    }

    #[test]
    fn a_hit_in_a_document_stands_in_its_line() {
        // Other decoders may find it as well.
        let told = |text: &str, hit: &str| {
            let hits = examine(text.as_bytes());
            assert!(hits.iter().any(|told| told == hit), "{hits:?}");
        };
        let page = "<html>\n<p>a</p>\n<p>key_<b>123</b>456</p>\n<p>key_654321</p></html>\n";
        told(page, "(3, 3, 4, 3) markup");
        told(page, "(4, 4, 4, 4) ");
        let notebook =
            "{\"nbformat\": 4,\n \"cells\": [{\n  \"source\": [\"a = key_12\",\n  \"3456\"]}]}";
        told(notebook, "(3, 3, 19, 4) ipynb");
        let mail = "From: a@b.example\nContent-Transfer-Encoding: quoted-printable\n\na\nkey_12=\n3=344=\n56\n";
        told(mail, "(4, 4, 1, 4) mail:2");
    }

    #[test]
    fn what_a_mail_brings_is_told_with_its_name() {
        let head = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
        let run = base64(&gzip(b"a\nkey_123456\n"));
        let part = |name: &str| {
            format!(
                "Content-Type: a/b; name={name}\nContent-Transfer-Encoding: base64\n\n{run}\n--b\n"
            )
        };
        let mail = format!("{head}{}", part("x.gz"));
        assert_eq!(examine(mail.as_bytes()), ["(8, 8, 1, 8) mail:x.gz, gzip:2"]);
        // Each part for itself, and what is in none.
        let mail = format!("{head}{}{}--b--\nand {run}\n", part("x.gz"), part("y.gz"));
        assert_eq!(
            examine(mail.as_bytes()),
            [
                "(8, 8, 1, 8) mail:x.gz, gzip:2",
                "(13, 13, 1, 13) mail:y.gz, gzip:2",
                "(16, 16, 5, 16) base64, gzip:2"
            ]
        );
        // A comment behind it that a part has and its run has not: what follows is no base64 in a row.
        let padded = |text: &str| {
            let lengths = (0..3).map(|more| gzip(format!("{text}{}", " ".repeat(more)).as_bytes()));
            lengths.into_iter().find(|packed| packed.len() % 3 == 0)
        };
        let (key, allowed) = (padded("a\nkey_123456 "), gzip(b" # exeat:allow\n"));
        let run = format!("{}*{}", base64(&key.unwrap()), base64(&allowed));
        let mail = format!(
            "{head}Content-Type: a/b; name=x.gz\nContent-Transfer-Encoding: base64\n\n{run}\n--b--\n"
        );
        assert_eq!(
            examine(mail.as_bytes()),
            [
                "(8, 8, 1, 8) base64, gzip:2",
                "(8, 8, 1, 8) mail:x.gz, gzip:2"
            ]
        );
    }
}
