//! Each encoding as people and programs write it.

use bstr::ByteSlice as _;

use crate::extract::tests::layers;

/// The layer of `text` behind the steps `way`.
#[track_caller]
fn layer(text: &[u8], way: &str) -> String {
    let (layers, summary) = layers(text);
    let found = layers.iter().find(|(steps, _)| steps == way);
    let Some((_, layer)) = found else {
        panic!(
            "{way} is not in {layers:?} of {:?}: {summary:?}",
            bstr::BStr::new(text)
        );
    };
    String::from_utf8_lossy(layer).into_owned()
}

/// `text` decodes to `expected` in place by `way`.
#[track_caller]
fn check(way: &str, text: &str, expected: &str) {
    assert_eq!(layer(text.as_bytes(), way), expected, "{text}");
}

/// There is nothing in `text`.
#[track_caller]
fn nothing(text: &str) {
    assert_eq!(layers(text.as_bytes()).0, [], "{text}");
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// `the word is mellon`.
const WORD: &str = "dGhlIHdvcmQgaXMgbWVsbG9u";

#[test]
fn base64_of_all_kinds() {
    check(
        "base64",
        &format!("a = '{WORD}'"),
        "a = 'the word is mellon'",
    );
    for tied in [
        "name-",
        "some_name_",
        "key.",
        "a/b/",
        "export_TOKEN_of_mine_",
    ] {
        check(
            "base64",
            &format!("{tied}{WORD} x"),
            &format!("{tied}the word is mellon x"),
        );
    }
    check(
        "base64",
        &format!("data:text/plain;base64,{WORD}"),
        "data:text/plain;base64,the word is mellon",
    );
    check(
        "base64",
        &format!("{WORD}_name_b "),
        "the word is mellon_name_b ",
    );
    // Padding or none, both alphabets.
    check(
        "base64",
        "x YSBzaG9ydGVyIHdvcmQ/Pw== y",
        "x a shorter word?? y",
    );
    check(
        "base64",
        "x YSBzaG9ydGVyIHdvcmQ_Pw y",
        "x a shorter word?? y",
    );
    nothing(
        "a_very_long_name_of_a_function_that_is_none/and/a/path/of/some/file/ThatHasALongName.java",
    );
    nothing(
        "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709 sha512 cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    );
}

#[test]
fn base64_in_lines_of_all_kinds() {
    let words = "the word is mellon, and whoever knows it may enter the gates of moria, friend or not, by day and by night, as he likes";
    let run = base64(words.as_bytes());
    for width in [40, 64, 75, 76] {
        let lines: Vec<&str> = run
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        for between in [
            "\n",
            "\r\n",
            "\n    ",
            "\\n",
            "\\r\\n",
            "\\\\n",
            "\n# ",
            "\n> ",
            "\\\n",
            "\" +\n  \"",
            "\\n\" +\n  \"",
            "\",\n  \"",
            "\"\n\"",
            "\\n\" \\\n  \"",
        ] {
            let text = format!("\"{}\"", lines.join(between));
            check("base64", &text, &format!("\"{words}\""));
        }
    }
    let short: Vec<&str> = run
        .as_bytes()
        .chunks(20)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    check(
        "base64",
        &format!("\"{}\"", short.join("\" + \"")),
        &format!("\"{words}\""),
    );
}

#[test]
fn hex_of_all_kinds() {
    check(
        "hex",
        "k=74686520776f7264206973206d656c6c6f6e;",
        "k=the word is mellon;",
    );
    check(
        "hex",
        "k=0x74686520776F7264206973206D656C6C6F6E;",
        "k=0xthe word is mellon;",
    );
    check(
        "hex",
        "X'74686520776f7264206973206d656c6c6f6e'",
        "X'the word is mellon'",
    );
    check(
        "hex",
        "data_74686520776f7264206973206d656c6c6f6e",
        "data_the word is mellon",
    );
    check(
        "hex bytes",
        "{ 0x74, 0x68, 0x65,0x20,\n  0x77, 0x6f, 0x72, 0x64 }",
        "{ the word }",
    );
    check(
        "hex dump",
        "k = 74:68:65:20:77:6f:72:64:20:69:73:20:6d:65:6c;",
        "k = the word is mel;",
    );
    check(
        "hex dump",
        "74 68 65 20 77 6f 72 64 20 69 73 20 6d 65 6c 6c\n6f 6e 20\n",
        "the word is mellon ",
    );
    check("hex dump", "b: 74 68 65 20 77 6f 72 64\n", "b: the word");
    let xxd = "00000000: 7468 6520 776f 7264 2069 7320 6d65 6c6c  the word is mell\n00000010: 6f6e 2c20 6672 6965 6e64 0a              on, friend.\n";
    assert!(
        layer(xxd.as_bytes(), "hex dump").contains("the word is mellon, friend\n"),
        "{:?}",
        layers(xxd.as_bytes())
    );
    let canonical = "00000000  74 68 65 20 77 6f 72 64  20 69 73 20 6d 65 6c 6c  |the word is mell|\n00000010  6f 6e 2c 20 66 72 69 65  6e 64 0a                 |on, friend.|\n0000001b\n";
    assert!(layer(canonical.as_bytes(), "hex dump").contains("the word is mellon, friend\n"));
    let words =
        "0000000 6874 2065 6f77 6472 6920 2073 656d 6c6c\n0000020 6e6f 202c 7266 6569 646e 000a\n";
    assert!(layer(words.as_bytes(), "hex dump").contains("the word is mellon, friend\n"));
    check(
        "decimal bytes",
        "[116, 104, 101, 32, 119, 111, 114, 100]",
        "[the word]",
    );
    check(
        "decimal bytes",
        "{116,104,101,32,119,111,114,100,\n 33}",
        "{the word!}",
    );
    nothing("{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 300, 400, 5000}");
    nothing("de ad be ef de ad be ef de ad be ef 12 34 12 34 12 34");
}

#[test]
fn escapes_of_all_kinds() {
    check(
        "escapes",
        r#"a "\x6d\x65\x6c\x6c\x6f\x6e""#,
        r#"a "mellon""#,
    );
    check(
        "escapes",
        r#"a "\155\145\154\154\157\156""#,
        r#"a "mellon""#,
    );
    check("escapes", r#"a "\u006d\u0065l\u006con""#, r#"a "mellon""#);
    check(
        "escapes",
        r#"a "\\u006d\\u0065l\\u006con""#,
        r#"a "mellon""#,
    );
    check(
        "escapes",
        r#"a "\u{6d}\x{65}l\U0000006con""#,
        r#"a "mellon""#,
    );
    check("escapes", r"a: '\00006d\000065 l\6c'", r"a: 'mel\6c'");
    check("escapes", r"a: '\6d\65\6c\6c\6f\6e'", "a: 'mellon'");
    check("escapes", r"a: '\6d \65 \6c \6c \6f \6e'", "a: 'mellon'");
    check(
        "escapes",
        r#""\ud83d\ude00\u006d\n\u0065""#,
        "\"\u{1f600}m\ne\"",
    );
    nothing(r#"printf("\033[0m\n\t\0"); s/\(a\)/\1\2/; "\u00e9\u4e2d" "\x00\x1b""#);
}

#[test]
fn escapes_of_urls_and_markup() {
    check("percent", "?a=%6d%65l%6Con&b=c%20d", "?a=mellon&b=c d");
    check("percent", "key%3Dmellon%20x%26y.", "key=mellon x&y.");
    nothing("printf(\"%2d %4d%%\\n\") a%20b");
    check(
        "entities",
        "a=&quot;m&#101;&#x6c;l&#111;n&quot;&nbsp;",
        "a=\"mellon\" ",
    );
    nothing("a && b &c &#228; &auml;");
}

#[test]
fn mail() {
    check("quoted-printable", "key=3Dmellon =\n", "key=mellon =");
    check("quoted-printable", "a =6D=65=6C=6C=6F=6E", "a mellon");
    let line = "a line of a mail as long as it can be with a key that goes on: key=3Dmel=\r\nlon, and more";
    check(
        "quoted-printable",
        line,
        "a line of a mail as long as it can be with a key that goes on: key=mellon, and more",
    );
    check(
        "encoded word",
        "Subject: =?UTF-8?B?a2V5PW1l?= =?utf-8?q?ll=6Fn_x?=",
        "Subject: key=mellon x",
    );
}

#[test]
fn other_bases() {
    check(
        "base32",
        "a ORUGKIDXN5ZGIIDJOMQG2ZLMNRXW4=== b",
        "a the word is mellon b",
    );
    check(
        "ascii85",
        "a <~FD,5.GAhM4+DGm>D.RO\"Df,~> b",
        "a the word is mellon b",
    );
}

#[test]
fn wide_characters() {
    for (name, low_first) in [
        ("utf-16", true),
        ("utf-16", false),
        ("utf-32", true),
        ("utf-32", false),
    ] {
        let width = if name == "utf-16" { 2 } else { 4 };
        let wide = |text: &str| -> Vec<u8> {
            let units = text.chars().flat_map(|character| {
                let mut unit = u32::from(character).to_be_bytes()[4 - width..].to_vec();
                if low_first {
                    unit.reverse();
                }
                unit
            });
            units.collect()
        };
        let marked = wide("\u{feff}the w\u{f6}rd is\nmellon");
        assert_eq!(layer(&marked, name), "the w\u{f6}rd is\nmellon");
        for before in [
            &b"\x01"[..],
            b"\x7fELF\x02\x03",
            b"a\0\0\0\0b\x03\0",
            b"\0\0\0\x05",
        ] {
            let text = [before, &wide("mellon is it"), &[0xff, 3, 4]].concat();
            let found = layer(&text, name);
            assert!(found.contains("ellon is i"), "{name} {low_first} {found:?}");
        }
    }
}

#[test]
fn literals_are_joined() {
    for joint in [
        "\" \"",
        "\"\n    \"",
        "\" + \"",
        "\" .\n \"",
        "\"\r\n  + \"",
        "\" & \"",
        "\" || \"",
        "\" .. \"",
        "\" \\\n  \"",
        "\" + '",
        "\"\n  f\"",
    ] {
        let text = format!("x = \"mel_{joint}lon_friend\"");
        let close = if joint.ends_with('\'') { "'" } else { "\"" };
        let text = text.strip_suffix('"').unwrap().to_owned() + close;
        check(
            "joined literals",
            &text,
            &format!("x = \"mel_lon_friend{close}"),
        );
    }
    nothing("puts(\"the word is \"\n     \"mellon\"); f(' ', 'a'); x = \"abcdef\", \"ghijkl\"");
}

#[test]
fn short_literals_are_joined_where_they_are_many() {
    let word = "mellon_friend_enters";
    for joint in ["\"+\"", "' + '", "\" .\n \"", "\" \"", "\" .. \"", "' || '"] {
        let (open, close) = (&joint[..1], &joint[joint.len() - 1..]);
        for length in 1..=3 {
            let pieces: Vec<_> = word.as_bytes().chunks(length).collect();
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_str_lossy()).collect();
            check(
                "joined literals",
                &format!("x = {close}{}{open};", pieces.join(joint)),
                &format!("x = {close}{word}{open};"),
            );
        }
    }
    nothing("x = 'a' + 'b' + 'c' + 'd' + 'e'; y = \"a\" + b + \"c\" + d;");
}

/// `mark` between all characters of a word, within `open` and `close`, is joined to `expected`.
#[track_caller]
fn check_characters(open: &str, mark: &str, close: &str, expected: &str) {
    let word = "mellon_friend_enters";
    let characters: Vec<String> = word.chars().map(String::from).collect();
    check(
        "joined characters",
        &format!("{open}{}{close}", characters.join(mark)),
        &expected.replace('?', word),
    );
}

#[test]
fn single_characters_are_joined() {
    check_characters("a = ['", "','", "'].join('')", "a = '?'].join('')");
    check_characters("\"a\": [\n  \"", "\",\n  \"", "\"\n]", "\"a\": \"?\"");
    check_characters("char a[] = {'", "', '", "', 0};", "char a[] = '?', 0};");
    check_characters("a: &[u8] = &[b'", "', b'", "'];", "a: &[u8] = &'?'];");
    check_characters("let a = ['", "'; '", "'];;", "let a = '?'];;");
    check_characters("f('", "', '", "')", "f('?')");
    check_characters("f('x', \"abc\", '", "', '", "')", "f('x', \"abc\", '?')");
    nothing("['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o']");
    nothing(
        "{'a': 'b', 'c': 'd', 'e': 'f', 'g': 'h', 'i': 'j', 'k': 'l', 'm': 'n', 'o': 'p', 'q': 'r'}",
    );
    nothing(
        "a = [' ', ',', ';', '(', ')', '{', '}', '[', ']', '<', '>', '|', '`', ' ', ' ', ' ', ' ']",
    );
}

#[test]
fn items_of_single_characters_are_joined() {
    for line in ["\n", "\r\n"] {
        for indent in ["", "    "] {
            let mark = format!("{line}{indent}- ");
            check_characters(
                &format!("b: 1\na:{mark}"),
                &mark,
                &format!("{line}c: 2\n"),
                &format!("b: 1\na: ?{}", line.trim_end_matches('\n')),
            );
        }
        check_characters("- ", &format!("{line}- "), "", "- ?");
    }
    // A digit has quotes.
    check(
        "joined characters",
        "a:\n- '7'\n- m\n- e\n- l\n- l\n- o\n- n\n- f\n- r\n- i\n- \"1\"\n- n\n- d\n- _\n- e\n- n\n- '0'\n",
        "a: 7mellonfri1nd_en0'",
    );
    nothing(
        "- a\n- b\n- c\n- d\n- e\n- f\n- g\n- h\n- i\n- j\n- k\n- l\n- m\n- n\n- o\n  - p\n- q\n",
    );
    nothing(
        "x - a\nx - b\nx - c\nx - d\nx - e\nx - f\nx - g\nx - h\nx - i\nx - j\nx - k\nx - l\nx - m\nx - n\nx - o\nx - p\n",
    );
}

#[test]
fn folded_words_are_joined() {
    for (mark, line) in [(">", "\n"), (">-", "\r\n"), (">2-", "\n")] {
        check(
            "yaml block",
            &format!("password: {mark}{line}  mell{line}  on_fri{line}  end_enters{line}b: 1"),
            &format!(
                "password: mellon_friend_enters{}",
                line.trim_end_matches('\n')
            ),
        );
    }
    check(
        "yaml block",
        "  a: >\n    mellon_friend\n    enters",
        "  a: mellon_friendenters",
    );
    nothing("a: >\n  the\n  word\n  is\n  mellon and\n  more\n");
    nothing("a: >\n  --mell\n  --frie\n  --ente\n");
    nothing("a: >\n  mel\n    lon_friend\n  enters\n");
    nothing("a: |\n  mellon\n  friend\n  enters\n");
}

#[test]
fn lines_are_joined() {
    check("joined lines", "x=mel_\\\nlon_friend\n", "x=mel_lon_friend");
    check(
        "joined lines",
        "run --password \\\n    mellon \\\n  --other\n",
        "run --password mellon \\",
    );
    for mark in [">", ">-", "|", "|-", "|2"] {
        check(
            "yaml block",
            &format!("password: {mark}\n  mellon_1\nb: 1"),
            "password: mellon_1",
        );
    }
    nothing("#define A(x) \\\n  do { x } \\\n  while (0)\nrun: |\n  make all\n");
}

#[test]
fn one_in_the_other() {
    let inner = base64(b"the word is mellon");
    let escaped: String = inner.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    check(
        "escapes, base64",
        &format!("a = '{escaped}'"),
        "a = 'the word is mellon'",
    );
    let halves = inner.split_at(10);
    check(
        "joined literals, base64",
        &format!("a = '{}' + '{}'", halves.0, halves.1),
        "a = 'the word is mellon'",
    );
    let percent = inner.replace('d', "%64");
    check(
        "percent, base64",
        &format!("a = '{percent}'"),
        "a = 'the word is mellon'",
    );
}

#[test]
fn whatever_is_repeated_is_gone_through_once() {
    let line = format!("\"{}\" +\n", base64(&[0x9d; 48]));
    let blank = format!("1,{}", " ".repeat(78));
    let pieces = [
        &line,
        &blank,
        WORD,
        "aB3_",
        "aBcDeFgH",
        "ff00ff00ff00ff00z",
        "68 65 ",
        "fff 00 1 ",
        "fff:",
        "1,",
        "1,,",
        ",",
        "999, ",
        "1,2,3,4,5,6,7,\n300,",
        "2024-01-02 ",
        ",0x41",
        "0x41, ",
        "\\x4",
        "\\",
        "\\u",
        "%4",
        "%2d",
        "&#",
        "=4",
        "=?u?b?",
        "<~",
        "\" ",
        "' +",
        "a\\\n",
        ": >-",
        ": >-\n a",
        " a\n",
        "- a\n",
        "- 'a'\n",
        "'a',",
        "'a'+",
        "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o';",
        "h\0",
        "h\0\0\0",
        "\0",
        "a\0\0",
    ];
    // Were anything looked at again for each piece, this would take days.
    for piece in pieces {
        layers(piece.repeat((1 << 19) / piece.len()).as_bytes());
    }
}

#[test]
fn a_list_begins_with_its_first_number() {
    for before in ["x = [", "300, 7;", "", "1 2 3 ", "999,\n", "x\n  "] {
        for gap in ["", " ", "\n    ", "\n\t\t"] {
            let numbers: Vec<String> = WORD.bytes().map(|byte| byte.to_string()).collect();
            let text = format!("{before}{}", numbers.join(&format!(",{gap}")));
            let (told, _) = layers(text.as_bytes());
            let found = told.iter().find(|(way, _)| way == "decimal bytes");
            let decoded = found.unwrap_or_else(|| panic!("{text:?}: {told:?}"));
            assert!(decoded.1.ends_with(WORD.as_bytes()), "{text:?}");
        }
    }
}

#[test]
fn a_run_of_sixteen_is_found_at_every_place() {
    let word = "c2l4dGVlbiBzaWdu";
    for before in 0..200 {
        let text = format!("{} {word} .", ".".repeat(before));
        let (told, _) = layers(text.as_bytes());
        let decoded = told.iter().any(|(way, layer)| {
            way == "base64" && layer.windows(12).any(|part| part == b"sixteen sign")
        });
        assert!(decoded, "{before}: {told:?}");
    }
}

#[test]
fn what_stands_behind_many_places_is_found() {
    let many = "'some' + 'word';\n".repeat(40_000);
    let run = "68656c6c6f2074686572650a ".repeat(40_000);
    let text = format!("{many}{run}a = '\\x6d\\x65\\x6c\\x6c\\x6f\\x6e' %6d%65%6c%6c%6f%6e {WORD}");
    let (told, _) = layers(text.as_bytes());
    for (kind, end) in [
        ("escapes", "mellon'"),
        ("percent", "mellon"),
        ("base64", "the word is mellon"),
    ] {
        let found = told
            .iter()
            .any(|(way, layer)| way == kind && layer.find(end.as_bytes()).is_some());
        assert!(found, "{kind}");
    }
    let joined = told.iter().find(|(way, _)| way == "joined literals");
    assert_eq!(
        joined.map_or(0, |(_, layer)| layer.find_iter("someword").count()),
        40_000
    );
}
