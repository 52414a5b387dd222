//! Layers of whole texts.

use std::io::{Read, Write};

use super::*;

/// The layers of a text with the way to each.
#[derive(Default)]
pub struct Seen {
    pub layers: Vec<(String, Vec<u8>)>,
}

/// `base64, zip:name`.
pub fn way(trail: &Trail<'_>) -> String {
    let step = match trail.step.name {
        Some(name) => format!("{}:{}", trail.step.kind, String::from_utf8_lossy(name)),
        None => trail.step.kind.to_owned(),
    };
    match trail.up {
        Some(up) => format!("{}, {step}", way(up)),
        None => step,
    }
}

impl See for Seen {
    fn text(&mut self, text: &[u8], trail: &Trail<'_>) {
        self.layers.push((way(trail), text.to_vec()));
    }

    fn long(&mut self, text: &mut dyn Read, trail: &Trail<'_>) -> std::io::Result<()> {
        let mut held = Vec::new();
        text.read_to_end(&mut held)?;
        self.layers.push((way(trail), held));
        Ok(())
    }
}

/// The layers of `text` under the default bounds.
pub fn layers(text: &[u8]) -> (Vec<(String, Vec<u8>)>, Summary) {
    let mut seen = Seen::default();
    let limits = Limits {
        manifests: true,
        ..Limits::default()
    };
    let alone = (text.len() > limits.held).then(Alone::wait);
    let summary = look_into(text, alone, &limits, &mut seen);
    (seen.layers, summary)
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn base64_is_decoded_in_its_line() {
    let text = format!(
        "a: 1\npassword: {} # ours\nb: 2\n",
        base64(b"the word is mellon")
    );
    let (layers, summary) = layers(text.as_bytes());
    let [(way, layer)] = layers.as_slice() else {
        panic!("{layers:?}");
    };
    assert_eq!(way, "base64");
    assert_eq!(layer, b"a: 1\npassword: the word is mellon # ours");
    assert_eq!((summary.layers, summary.members), (1, 0));
}

#[test]
fn what_is_packed_again_and_again_is_reached() {
    let inner = gzip(b"the word is mellon");
    let text = format!("x = \"{}\"", base64(&gzip(base64(&inner).as_bytes())));
    let (layers, _) = layers(text.as_bytes());
    let ways: Vec<&str> = layers.iter().map(|(way, _)| way.as_str()).collect();
    let expected = [
        "base64",
        "base64, gzip",
        "base64, gzip, base64",
        "base64, gzip, base64, gzip",
    ];
    assert_eq!(ways, expected);
    assert_eq!(layers.last().unwrap().1, b"the word is mellon");
}

/// A table of numbers in a program.
fn table(bytes: &[u8]) -> String {
    let lines = bytes.chunks(12).map(|line| {
        let numbers = line.iter().map(|byte| format!("0x{byte:02x}, "));
        format!("    {}\n", numbers.collect::<String>())
    });
    format!("char data[] = {{\n{}}};\n", lines.collect::<String>())
}

#[test]
fn the_beginning_of_a_form_in_a_table_of_numbers_is_no_file() {
    let noise: Vec<u8> = base64(&gzip(&[0; 64]))
        .bytes()
        .chain((0..9_000_u32).flat_map(|number| number.wrapping_mul(0x9e37_79b1).to_be_bytes()))
        .collect();
    let packed = gzip(&noise);
    let pack = [
        archive::PACK,
        &[0, 0, 0, 9],
        b"\x91\x78\x9c and some more of it",
    ]
    .concat();
    let why = |text: &[u8]| {
        let (_, summary) = layers(text);
        summary.unread.first().map(|unread| unread.why)
    };
    // As a file it is damaged, whatever its length; in a table that is long, too.
    for damaged in [&pack, &packed[..700], &packed[..3000], &packed[..5000]] {
        assert_eq!(why(damaged), Some(Why::Broken));
    }
    assert_eq!(why(table(&pack).as_bytes()), None);
    assert_eq!(why(table(&packed[..700]).as_bytes()), None);
    assert_eq!(why(table(&packed[..3000]).as_bytes()), Some(Why::Unknown));
    assert_eq!(why(table(&packed[..5000]).as_bytes()), Some(Why::Broken));
    // What is whole is read, and what is encrypted or not read is told, however short.
    assert_eq!(why(table(&gzip(b"the word is mellon")).as_bytes()), None);
    let rar = [&b"Rar!\x1a\x07\x01\0"[..], &[b'x'; 50]].concat();
    assert_eq!(why(table(&rar).as_bytes()), Some(Why::Unsupported));
    // The mark alone, as lists of such marks have it.
    assert_eq!(why(table(&rar[..12]).as_bytes()), None);
    assert_eq!(why(&rar[..12]), Some(Why::Unsupported));
}

#[test]
fn a_bound_is_told() {
    let mut text = b"the word is mellon".to_vec();
    for _ in 0..9 {
        text = gzip(&text);
    }
    let (_, summary) = layers(&text);
    let [unread] = summary.unread.as_slice() else {
        panic!("{summary:?}");
    };
    assert_eq!((unread.why, unread.steps.len()), (Why::TooDeep, 9));

    let bomb = gzip(&gzip(&vec![b' '; 300 << 20]));
    let (_, summary) = layers(&bomb);
    let whys: Vec<Why> = summary.unread.iter().map(|unread| unread.why).collect();
    assert_eq!(whys, [Why::TooMuch]);
    assert!(summary.bytes < 300 << 20);
}

/// What `script` writes, run by Python with `input`; `None` where there is no Python.
pub fn python(script: &str, input: &[u8]) -> Option<Vec<u8>> {
    let program = std::env::var_os("EXEAT_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut child = std::process::Command::new(program)
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{script}");
        Some(output.stdout)
    })
}
