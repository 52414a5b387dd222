//! Row 4: what contents hold in another form.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::HEADS;
use super::forged::{Forgery, RULE};

/// Forms of contents, with the way that is told of each: as many at once as one message names.
const FORMS: [&[(&str, &str)]; 5] = [
    &[
        ("base64", "base64"),
        ("hex", "hex"),
        ("percent", "percent"),
        ("c", "escapes"),
        ("json", "escapes"),
    ],
    &[
        ("entities", "entities"),
        ("numbers", "decimal bytes"),
        ("literals", "joined literals"),
        ("quoted", "quoted-printable"),
        ("utf16", "utf-16"),
    ],
    &[
        ("gzip", "gzip:2"),
        ("bzip2", "bzip2:2"),
        ("xz", "xz:2"),
        ("thrice", "base64, gzip:1, base64"),
        ("nested", "gzip, tar:inner.zip, zip:conf/app.env:2"),
    ],
    &[
        ("docx", "docx:word/document.xml:1, markup"),
        ("ipynb", "ipynb"),
        ("pdf", "pdf text:1"),
        ("html", "markup"),
        ("png", "png text:2"),
    ],
    &[
        ("sqlite", "sqlite:settings:1"),
        ("mail", "mail:token.txt.gz, gzip:2"),
        ("bundle", "git blob:"),
        ("characters", "joined characters"),
        ("folded", "yaml block"),
    ],
];

/// A file for each of these forms and words, in a folder of the world.
fn written(scene: &Forgery, words: &[(&str, String)]) -> std::path::PathBuf {
    let folder = scene.world.place("forms");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rows/contents.py");
    let python = std::env::var_os("EXEAT_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut child = Command::new(python)
        .arg(script)
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .expect("Python");
    let lines = words.iter().map(|(form, word)| format!("{form} {word}\n"));
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(lines.collect::<String>().as_bytes())
        .unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    folder
}

/// Pushes one folder with these files.
fn refused(scene: &Forgery, files: &[(&str, Vec<u8>)], told: &[&str]) {
    let mut blobs: Vec<(&str, String)> = files
        .iter()
        .map(|(name, content)| (*name, scene.blob(content)))
        .collect();
    blobs.sort_unstable();
    let entries: Vec<(&str, &[u8], &str)> = blobs
        .iter()
        .map(|(name, id)| ("100644", name.as_bytes(), id.as_str()))
        .collect();
    let tree = scene.tree(&entries);
    let commit = scene.commit(&tree, "", "Begin\n");
    let mut objects = vec![commit.as_str(), tree.as_str()];
    objects.extend(blobs.iter().map(|(_, id)| id.as_str()));
    scene.refused(HEADS, &objects, told);
}

#[test]
fn row_04_contents_in_another_form() {
    let mut scene = Forgery::new();
    let forms = FORMS.iter().copied().flatten();
    let words: Vec<(&str, String)> = (401..)
        .zip(forms)
        .map(|(seed, (form, _))| (*form, scene.token(seed)))
        .collect();
    let folder = written(&scene, &words);
    for group in FORMS {
        let read = |form: &str| std::fs::read(folder.join(form)).unwrap();
        let files: Vec<_> = group.iter().map(|(form, _)| (*form, read(form))).collect();
        let ways = group
            .iter()
            .map(|(form, way)| (format!("{form}:"), format!(", in {way}")));
        let told: Vec<String> = ways.flat_map(|(file, way)| [file, way]).collect();
        let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
        told.push(RULE);
        refused(&scene, &files, &told);
    }
}

#[test]
fn row_04_contents_that_nobody_reads_are_held() {
    let mut scene = Forgery::new();
    let token = scene.token(431);
    let folder = written(&scene, &[("gzip", token)]);
    let packed = std::fs::read(folder.join("gzip")).unwrap();
    // Noise that no form explains; an archive with a key; one of a form that is not read; one that is cut.
    let mut chance = crate::harness::chance(432);
    let noise: Vec<u8> = (0..8192).map(|_| chance() as u8).collect();
    let mut locked = b"PK\x03\x04\x14\0\x01\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    locked.extend([12, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0]);
    locked.extend(b"alocked bytes");
    let rar = [&b"Rar!\x1a\x07\x01\0"[..], &noise[..100]].concat();
    for (content, why) in [
        (
            noise.clone(),
            "it has no form that is known and cannot be told from chance",
        ),
        (locked, "it is encrypted"),
        (rar, "it is packed in a form that is not read"),
        (packed[..packed.len() / 2].to_vec(), "it is damaged"),
    ] {
        refused(
            &scene,
            &[("a.bin", content)],
            &["needs review", "not readable: a.bin", why],
        );
    }
}

#[test]
fn row_04_the_record_says_what_was_taken_apart() {
    let mut scene = Forgery::new();
    let words = [("nested", scene.token(441)), ("png", scene.token(442))];
    let folder = written(&scene, &words);
    let read = |form: &str| std::fs::read(folder.join(form)).unwrap();
    let cut = read("nested")[..60].to_vec();
    let files = [
        ("cut", cut),
        ("nested", read("nested")),
        ("png", read("png")),
    ];
    refused(&scene, &files, &["nested:", "png:", "not readable: cut"]);
    let records = crate::faults::records(&scene.world);
    let mut decisions = records.iter().filter(|record| record["kind"] == "decision");
    let coverage = &decisions.next().unwrap()["coverage"];
    let counted = |name: &str| coverage[name].as_u64().unwrap_or(0);
    // A tar in gzip, a zip in that, a file in that; the text of an image.
    assert!(counted("layers") >= 4, "{coverage}");
    assert!(counted("members") >= 2, "{coverage}");
    assert!(counted("decoded") > 10_000, "{coverage}");
    assert_eq!(counted("media"), 1, "{coverage}");
    assert_eq!(counted("not_scannable"), 1, "{coverage}");
    let config = scene.world.config();
    let listed = scene
        .world
        .exeat(&["audit", "list", "--config", &config.to_string_lossy()]);
    let line = listed.ok().stdout;
    assert!(
        line.contains("of 1 file no pixels, sounds or outlines, 1 not readable"),
        "{line}"
    );
}
