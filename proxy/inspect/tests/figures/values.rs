//! What people write where a secret belongs: keys of usual lengths, generated passwords, passwords that they choose.

use crate::random::{BASE62, BASE64URL, HEX, LOWER, Random, base64};

/// A kind of values that stand behind a name, and what makes one; if asked to, one that needs no quotes.
pub type Kind = (&'static str, fn(&mut Random, bool) -> String);

pub const PASSWORDS: &[Kind] = &[
    ("password, generated", generated),
    ("password, chosen", chosen),
];

pub const KEYS: &[Kind] = &[
    ("key, hex", |random, _| {
        let length = [32, 40, 48, 64][random.below(4)];
        random.text(length, HEX)
    }),
    ("key, base64", |random, _| {
        let length = [24, 32, 48, 64][random.below(4)];
        base64(&random.bytes(length))
    }),
    ("key, letters and digits", |random, _| {
        let length = [20, 24, 32, 40, 48][random.below(5)];
        random.text(length, BASE62)
    }),
    ("key, base64 for URLs", |random, _| {
        let length = [27, 43, 64][random.below(3)];
        format!(
            "{}{}",
            random.one(&["s", "K", "q", "7"]),
            random.text(length - 1, BASE64URL)
        )
    }),
];

/// What a password manager makes.
fn generated(random: &mut Random, safe: bool) -> String {
    let symbols = if safe { "_-.@%+" } else { "!@#%^*_-+=.?" };
    let length = 10 + random.below(12);
    let plain = random.below(3) == 0;
    let mut text = random.text(1, BASE62);
    for _ in 1..length {
        let alphabet = match !plain && random.below(6) == 0 {
            true => symbols,
            false => BASE62,
        };
        text += &random.text(1, alphabet);
    }
    // Generators ask for a digit.
    text + &random.text(1, "23456789")
}

const WORDS: &[&str] = &[
    "dragon",
    "monkey",
    "purple",
    "bicycle",
    "thunder",
    "coffee",
    "winter",
    "sommer",
    "Fruehling",
    "matrix",
    "guitar",
    "chelsea",
    "arsenal",
    "banana",
    "phoenix",
    "tiger",
    "panther",
    "london",
    "Berlin",
    "madrid",
    "oscar",
    "bella",
    "jessica",
    "michael",
    "andrea",
    "stefan",
    "olivia",
    "rocket",
    "pirate",
    "ninja",
    "silver",
    "golden",
    "harley",
    "maverick",
    "cowboy",
    "falcon",
    "dolphin",
    "orange",
    "pepper",
    "ginger",
    "snoopy",
    "batman",
    "starwars",
    "pokemon",
    "spider",
    "castle",
    "forest",
    "river",
    "island",
    "velvet",
    "copper",
    "marble",
    "lobster",
    "penguin",
    "walrus",
];

/// What people make of words they remember.
fn chosen(random: &mut Random, safe: bool) -> String {
    let word = random.one(WORDS);
    let other = random.one(WORDS);
    let mut capital = word.to_owned();
    capital.get_mut(..1).unwrap().make_ascii_uppercase();
    let year = 1975 + random.below(50);
    let number = random.below(1000);
    let mark = random.one(if safe {
        &["", "_", "-", "."]
    } else {
        &["!", "#", "?", "!!", "*"]
    });
    match random.below(9) {
        0 => format!("{capital}{year}{mark}"),
        1 => format!("{word}{number}"),
        2 => format!("{capital}{other}{}", random.below(100)),
        3 => format!("{}{mark}{number}", leet(word)),
        4 => format!("{word}-{other}-{}", random.one(WORDS).to_lowercase()),
        5 => format!("{capital}@{year}"),
        6 => format!("{}{}", leet(word), leet(other)),
        7 => format!("{}{word}{}", random.below(100), random.below(100)),
        _ => format!("{}{capital}{mark}{number}", random.text(2, LOWER)),
    }
}

fn leet(word: &str) -> String {
    word.replace('a', "4")
        .replace('e', "3")
        .replace('i', "1")
        .replace('o', "0")
}

/// Names in words, for the styles of languages.
pub const PASSWORD_NAMES: &[&[&str]] = &[
    &["db", "password"],
    &["password"],
    &["mysql", "root", "password"],
    &["smtp", "password"],
    &["smtp", "pass"],
    &["admin", "password"],
    &["redis", "password"],
    &["ldap", "bind", "password"],
    &["keystore", "password"],
    &["ftp", "passwd"],
    &["user", "pwd"],
    &["rabbitmq", "default", "pass"],
    &["grafana", "admin", "password"],
    &["backup", "passphrase"],
    &["vpn", "password"],
    &["elastic", "password"],
];

pub const KEY_NAMES: &[&[&str]] = &[
    &["api", "key"],
    &["secret", "key"],
    &["client", "secret"],
    &["access", "token"],
    &["auth", "token"],
    &["jwt", "secret"],
    &["encryption", "key"],
    &["signing", "key"],
    &["webhook", "secret"],
    &["session", "secret"],
    &["refresh", "token"],
    &["app", "secret"],
    &["consumer", "secret"],
    &["private", "token"],
    &["payment", "api", "key"],
    &["deploy", "token"],
    &["mail", "api", "secret"],
    &["storage", "access", "key"],
    &["cookie", "secret"],
    &["token"],
];

/// Fills the names and the value into a line: `{N}` is NAME_IN_CAPITALS, `{n}` name_in_words, `{c}` camelCase, `{P}` PascalCase,
/// `{k}` with-hyphens, `{d}` with.dots, `{v}` the value.
pub fn fill(form: &str, name: &[&str], value: &str) -> String {
    let capital = |word: &&str| {
        let mut word = (*word).to_owned();
        word.get_mut(..1).unwrap().make_ascii_uppercase();
        word
    };
    let pascal: String = name.iter().map(capital).collect();
    let camel = format!("{}{}", name[0], &pascal[name[0].len()..]);
    form.replace("{N}", &name.join("_").to_uppercase())
        .replace("{n}", &name.join("_"))
        .replace("{c}", &camel)
        .replace("{P}", &pascal)
        .replace("{k}", &name.join("-"))
        .replace("{d}", &name.join("."))
        .replace("{v}", value)
}

/// Whether the value stands in quotes in this form.
pub fn is_quoted(form: &str) -> bool {
    ["\"{v}", "'{v}", "`{v}"]
        .iter()
        .any(|quote| form.contains(quote))
}
