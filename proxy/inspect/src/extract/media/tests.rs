//! Media with words in them, built by hand and by Python.

use std::io::Write;

use super::super::{
    Summary,
    tests::{layers, python},
};

const WORD: &[u8] = b"the word is mellon";

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

/// What is told of `file`, which says that it holds `media`; each of its beginnings is looked into as well.
fn told(file: &[u8], media: &str) -> Vec<(String, String)> {
    for end in 0..file.len().min(2000) {
        layers(&file[..end]);
    }
    let (layers, summary) = layers(file);
    assert_eq!(summary.unread, []);
    assert_eq!(summary.media.get(media), Some(&1), "{summary:?}");
    let text = |(way, text): (String, Vec<u8>)| (way, String::from_utf8_lossy(&text).into_owned());
    layers.into_iter().map(text).collect()
}

fn has(told: &[(String, String)], way: &str, part: &str) {
    let holds = |(found, text): &(String, String)| found == way && text.contains(part);
    assert!(told.iter().any(holds), "{way}: {told:?}");
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], kind, data, &[0; 4]].concat()
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn texts_of_png_are_read() {
    let packed = deflated(WORD);
    let mut file = [
        PNG,
        &chunk(b"IHDR", &[0; 13]),
        &chunk(b"tEXt", b"Author\0plain"),
        &chunk(b"zTXt", &[b"Comment\0\0", &packed[..]].concat()),
        &chunk(
            b"iTXt",
            &[b"XML:com.adobe.xmp\0\x01\0en\0key\0", &packed[..]].concat(),
        ),
        &chunk(b"iTXt", b"Title\0\0\0\0\0short"),
        &chunk(b"IDAT", &[7; 50]),
        &chunk(b"IEND", b""),
    ]
    .concat();
    file.extend_from_slice(b"<p>mel<b>lon</b></p>");
    let told = told(&file, "pixels of PNG");
    for text in [
        "Author: plain\n",
        "Comment: the word is mellon\n",
        "xmp: key the word is mellon\n",
        "Title:  short\n",
    ] {
        has(&told, "png text", text);
    }
    has(&told, "behind the end, markup", "mellon");
}

#[test]
fn a_png_that_blows_up_is_bounded() {
    let bomb = deflated(&vec![b' '; 8 << 20]);
    let text = chunk(b"zTXt", &[b"a\0\0", &bomb[..]].concat());
    let file = [PNG, &text.repeat(50), &chunk(b"IEND", b"")].concat();
    let (_, Summary { bytes, unread, .. }) = layers(&file);
    assert!(bytes < 5 << 20 && unread.len() == 1, "{bytes} {unread:?}");
}

#[test]
fn comments_of_gif_are_put_together() {
    let long = [&[b'x'; 250][..], WORD].concat();
    let mut file = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x21\xfe".to_vec();
    for block in long.chunks(255) {
        file.push(u8::try_from(block.len()).unwrap());
        file.extend_from_slice(block);
    }
    file.extend_from_slice(b"\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3bbehind it");
    let told = told(&file, "pixels of GIF");
    has(&told, "gif text", "xxthe word is mellon\n");
    has(&told, "behind the end", "behind it");
}

#[test]
fn segments_of_jpeg_are_put_together() {
    let segment = |marker: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 2).unwrap();
        [&[0xff, marker][..], &length.to_be_bytes(), data].concat()
    };
    let xmp = |part: &[u8]| {
        segment(
            0xe1,
            &[
                b"http://ns.adobe.com/xmp/extension/\0",
                &[b'0'; 40][..],
                part,
            ]
            .concat(),
        )
    };
    let file = [
        &[0xff, 0xd8][..],
        &segment(0xe0, b"JFIF\0"),
        &xmp(b"<a>mel"),
        &xmp(b"lon</a>"),
        &segment(0xfe, WORD),
        &segment(0xda, &[0; 10]),
        b"pixels\xff\0more\xff\xd0\xff\xd9behind it",
    ]
    .concat();
    let told = told(&file, "pixels of JPEG");
    has(&told, "xmp", "mellon");
    has(&told, "jpeg comment", "mellon");
    has(&told, "behind the end", "behind it");
}

#[test]
fn tags_of_sound_are_read() {
    let packed = deflated(WORD);
    let frame = [
        &b"COMM"[..],
        &u32::try_from(packed.len() + 4).unwrap().to_be_bytes(),
        &[0, 0x80, 0, 0, 0, 18],
        &packed,
    ]
    .concat();
    let file = [
        b"ID3\x03\0\0\0\0",
        &[0, u8::try_from(frame.len()).unwrap()][..],
        &frame,
        &[0xff, 0xfb, 0x90, 0],
    ]
    .concat();
    has(&told(&file, "samples of MP3"), "id3", "mellon");
    let stuffed = b"ID3\x04\0\x80\0\0\0\x20TXXX\0\0\0\x0a\0\0\x00\xff\0\xfemellon              ";
    has(
        &told(stuffed, "samples of MP3"),
        "id3",
        "\u{fffd}\u{fffd}mellon",
    );

    let mut packet = b"OpusTags".to_vec();
    packet.extend([b'x'; 255 * 255 - 12]);
    packet.extend_from_slice(WORD);
    let page = |lengths: &[u8], data: &[u8]| {
        let count = u8::try_from(lengths.len()).unwrap();
        [b"OggS\0", &[0; 21][..], &[count], lengths, data].concat()
    };
    let (first, second) = packet.split_at(255 * 255);
    let file = [
        page(&[255; 255], first),
        page(&[u8::try_from(second.len()).unwrap()], second),
    ]
    .concat();
    has(
        &told(&file, "samples of Ogg"),
        "ogg comment",
        "the word is mellon",
    );
}

#[test]
fn names_of_fonts_are_read() {
    let name: Vec<u8> = "mellon".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let table = [
        &[0, 0, 0, 1, 0, 18, 0, 3, 0, 1, 4, 9, 0, 1, 0, 12, 0, 0][..],
        &name,
    ]
    .concat();
    let head = [
        &b"\0\x01\0\0\0\x01\0\0\0\0\0\0name"[..],
        &[0; 4],
        &28_u32.to_be_bytes(),
        &30_u32.to_be_bytes(),
    ]
    .concat();
    has(
        &told(
            &[head.clone(), table.clone()].concat(),
            "outlines of OpenType",
        ),
        "font names",
        "mellon\n",
    );
    let font = [head.clone(), table.clone()].concat();
    let mut eot = vec![0; 100];
    eot[8..12].copy_from_slice(&0x0002_0001_u32.to_le_bytes());
    eot[34..36].copy_from_slice(b"LP");
    eot.extend_from_slice(&font);
    let (whole, inner) = (eot.len() as u32, font.len() as u32);
    eot[..4].copy_from_slice(&whole.to_le_bytes());
    eot[4..8].copy_from_slice(&inner.to_le_bytes());
    has(
        &told(&eot, "outlines of EOT"),
        "eot, font names",
        "mellon\n",
    );
    let script = "import sys,zlib,struct\n\
        t = sys.stdin.buffer.read(); p = zlib.compress(t); m = zlib.compress(b'<metadata>mel<b/>lon</metadata>')\n\
        sys.stdout.buffer.write(b'wOFF' + bytes(8) + struct.pack('>HHIHHIIIII', 1, 0, 0, 0, 0, 64 + len(p), len(m), 31, 0, 0)\n\
        + b'name' + struct.pack('>IIII', 64, len(p), len(p) + 1, 0) + p + m)";
    if let Some(file) = python(script, &table) {
        let told = told(&file, "outlines of WOFF");
        has(&told, "font names", "mellon\n");
        has(&told, "woff", "<metadata>mel");
    }
}

#[test]
fn what_stands_as_it_is_is_left_to_the_plain_search() {
    let riff = b"RIFF\x24\0\0\0WEBPEXIFmellon";
    assert_eq!(told(riff, "pixels of WebP"), []);
    assert_eq!(
        told(b"\0\0\0\x18ftypheic\0\0\0\0mif1heicmeta", "pixels of HEIC"),
        []
    );
}

#[test]
fn two_frames_are_sound() {
    let mut frames = vec![0_u8; 417 * 2];
    for at in [0, 417] {
        frames[at..at + 4].copy_from_slice(&[0xff, 0xfb, 0x90, 0]);
    }
    assert_eq!(told(&frames, "samples of MP3"), []);
    frames[418] = 0;
    assert!(layers(&frames).1.media.is_empty());
}

#[test]
fn images_one_behind_the_other_are_read_in_turn() {
    let image = [
        &[0xff, 0xd8, 0xff, 0xfe, 0, 8][..],
        b"mellon",
        b"\xff\xda\0\x04\0\0pixels\xff\xd9",
    ]
    .concat();
    let file = [
        &image.repeat(40)[..],
        PNG,
        &chunk(b"IEND", b""),
        b"behind it",
    ]
    .concat();
    let (layers, summary) = layers(&file);
    assert_eq!(summary.unread, []);
    assert_eq!(summary.media.get("pixels of JPEG"), Some(&40));
    assert_eq!(summary.media.get("pixels of PNG"), Some(&1));
    assert_eq!(
        layers.last().unwrap(),
        &("behind the end".to_owned(), b"behind it".to_vec())
    );
}

/// A directory of EXIF with one field of bytes: the title, comment or author that Windows writes in UTF-16.
fn exif(tag: u16, text: &[u8]) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend(tag.to_le_bytes());
    exif.extend([1, 0]);
    exif.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    exif.extend([26, 0, 0, 0, 0, 0, 0, 0]);
    exif.extend(text);
    exif
}

fn wide(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| [byte, 0]).collect()
}

/// Whether `file` holds the word in the clear, or in a layer by any of these ways.
#[track_caller]
fn assert_found(file: &[u8], ways: &[&str]) {
    let (layers, summary) = layers(file);
    assert_eq!(summary.unread, []);
    let holds = |text: &[u8]| bstr::ByteSlice::find(text, WORD).is_some();
    let found = layers.iter().filter(|(_, text)| holds(text));
    let found: Vec<&str> = found.map(|(way, _)| way.as_str()).collect();
    match ways {
        [] => assert!(holds(file)),
        ways => assert!(ways.iter().any(|way| found.contains(way)), "{found:?}"),
    }
}

#[test]
fn what_cameras_and_editors_note_is_found() {
    let segment = |marker: u8, data: &[u8]| {
        let length = u16::try_from(data.len() + 2).unwrap();
        [&[0xff, marker][..], &length.to_be_bytes(), data].concat()
    };
    let jpeg = |segments: &[u8]| {
        let scan = segment(0xda, &[0; 10]);
        [&[0xff, 0xd8][..], segments, &scan, b"pixels\xff\xd9"].concat()
    };
    // XPTitle and XPComment, at even and odd places.
    for (tag, before) in [(0x9c9b, &b""[..]), (0x9c9c, b"!")] {
        let note = [before, &wide(WORD)].concat();
        let fields = exif(tag, &note);
        assert_found(
            &jpeg(&segment(0xe1, &[b"Exif\0\0", &fields[..]].concat())),
            &["utf-16"],
        );
        let note = [
            &b"EXIF"[..],
            &u32::try_from(fields.len()).unwrap().to_le_bytes(),
            &fields,
        ]
        .concat();
        let size = u32::try_from(note.len() + 4).unwrap().to_le_bytes();
        assert_found(&[&b"RIFF"[..], &size, b"WEBP", &note].concat(), &["utf-16"]);
        assert_found(&fields, &["utf-16"]);
        assert_found(&[PNG, &chunk(b"eXIf", &fields)].concat(), &["utf-16"]);
    }
    // The description of EXIF and a caption of IPTC, as they are.
    let fields = exif(0x010e, WORD);
    assert_found(
        &jpeg(&segment(0xe1, &[b"Exif\0\0", &fields[..]].concat())),
        &[],
    );
    let caption = [
        &b"8BIM\x04\x04\0\0\0\0\0\x17\x1c\x02\x78\0\x12"[..],
        WORD,
        b"\0",
    ]
    .concat();
    assert_found(
        &jpeg(&segment(0xed, &[b"Photoshop 3.0\0", &caption[..]].concat())),
        &[],
    );
    // XMP with letters that XML writes as references.
    let references: String = WORD.iter().map(|byte| format!("&#{byte};")).collect();
    let xmp = format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc:title>{references}</dc:title></x:xmpmeta>"
    );
    let head = b"http://ns.adobe.com/xap/1.0/\0";
    assert_found(
        &jpeg(&segment(0xe1, &[&head[..], xmp.as_bytes()].concat())),
        &["entities"],
    );
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", xmp.as_bytes()].concat();
    assert_found(&[PNG, &chunk(b"iTXt", &text)].concat(), &["entities"]);
    let note = [
        &b"XMP "[..],
        &u32::try_from(xmp.len()).unwrap().to_le_bytes(),
        xmp.as_bytes(),
    ]
    .concat();
    let size = u32::try_from(note.len() + 4).unwrap().to_le_bytes();
    assert_found(
        &[&b"RIFF"[..], &size, b"WEBP", &note].concat(),
        &["entities"],
    );
    // The packet of a PDF, as it is and packed.
    let pdf = |filter: &str, stream: &[u8]| {
        let length = stream.len();
        let object =
            format!("1 0 obj\n<</Type/Metadata/Subtype/XML{filter}/Length {length}>>stream\n");
        [
            b"%PDF-1.4\n",
            object.as_bytes(),
            stream,
            b"\nendstream\nendobj\ntrailer<<>>\n%%EOF\n",
        ]
        .concat()
    };
    let packet = [b"<dc:title>", WORD, b"</dc:title>"].concat();
    assert_found(&pdf("", &packet), &[]);
    assert_found(
        &pdf("/Filter/FlateDecode", &deflated(&packet)),
        &["pdf stream", "pdf text", "pdf"],
    );
    // What ImageMagick makes of such fields in a PNG: digits, in lines, packed.
    let digits: Vec<String> = exif(0x010e, WORD)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let lines: Vec<String> = digits.chunks(36).map(|line| line.concat()).collect();
    let profile = format!("\nexif\n{:8}\n{}\n", digits.len(), lines.join("\n"));
    let text = [
        b"Raw profile type exif\0\0",
        &deflated(profile.as_bytes())[..],
    ]
    .concat();
    assert_found(&[PNG, &chunk(b"zTXt", &text)].concat(), &["png text, hex"]);
}
