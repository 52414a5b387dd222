//! Is the value of something called a key, token or secret one that a machine made?

use super::Subject;
use super::chance::Makeup;
use super::name;
use super::reference::{is_binary, is_code, is_reference, is_repeated, is_stand_in, is_test};
use super::web_token;

/// What machines make to last is as long as this, in bytes.
const SHORT: usize = 16;
/// The certainty of what is shorter, at most: somebody may have typed it.
const SHORT_AT_MOST: i32 = 79;

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = bare(subject.secret());
    if is_code(subject) || is_binary(subject) || is_repeated(subject) {
        return 0;
    }
    let (name, at) = subject.name();
    if name::is_about(name, at) || name::is_hash(name) || web_token::read(value) == Some(0) {
        return 0;
    }
    let mut points = i32::from(of_value(value));
    if value.len() < SHORT {
        points = points.min(SHORT_AT_MOST);
    }
    if is_test(subject) {
        points -= 10;
    }
    u8::try_from(points.clamp(0, 100)).unwrap_or(0)
}

/// The strongest piece of a text, such as JSON that is itself a token.
pub(super) fn of_pieces(subject: &Subject<'_>) -> u8 {
    let is_part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_' | b'-' | b'=');
    let pieces = subject.secret().split(|byte| !is_part(byte));
    let long = pieces.filter(|piece| piece.len() >= 16);
    long.map(of_value).max().unwrap_or(0)
}

/// Somewhere in a sentence, where it takes more to believe it.
pub(super) fn in_prose(subject: &Subject<'_>) -> u8 {
    let made = Makeup::of(subject.secret());
    let mut pieces = subject
        .secret()
        .split(|byte| matches!(byte, b'_' | b'-' | b'.'));
    let is_one = pieces.any(|piece| piece.len() >= 20);
    match is_one && made.digits >= 3 && made.turns * 5 >= made.length {
        true => of_value(subject.secret()).saturating_sub(10),
        false => 0,
    }
}

/// Without the word that says how a header is meant.
fn bare(value: &[u8]) -> &[u8] {
    let schemes: [&[u8]; 5] = [b"bearer ", b"token ", b"basic ", b"apikey ", b"key "];
    let lower = value.to_ascii_lowercase();
    let scheme = schemes.into_iter().find(|scheme| lower.starts_with(scheme));
    scheme
        .and_then(|scheme| value.get(scheme.len()..))
        .unwrap_or(value)
        .trim_ascii()
}

/// The address of an account or a contract (EIP-55): 20 bytes, which everybody may see.
fn is_address(value: &[u8]) -> bool {
    value
        .strip_prefix(b"0x")
        .is_some_and(|digits| digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// What the value alone says.
pub(super) fn of_value(value: &[u8]) -> u8 {
    let made = Makeup::of(value);
    let has_blank = value.iter().any(|byte| byte.is_ascii_whitespace());
    if made.length < 8
        || made.distinct < 5
        || has_blank
        || is_reference(value)
        || is_stand_in(value)
    {
        return 0;
    }
    if made.letters() == 0 {
        return if made.length >= 16 && made.distinct >= 8 {
            40
        } else {
            10
        };
    }
    let foreign = value.iter().filter(|byte| !byte.is_ascii()).count();
    if foreign > 0 {
        return 0;
    }
    let words = made.share_in_words();
    let is_hex = value.iter().all(u8::is_ascii_hexdigit) && (made.lower == 0 || made.upper == 0);
    if is_address(value) {
        return 0;
    }
    if is_uuid(value) {
        return 66;
    }
    if is_hex {
        return if made.length >= 24 && made.distinct >= 8 {
            80
        } else {
            60
        };
    }
    let mut points = 55;
    if words > 0.6 {
        points -= 50;
    } else if words > 0.35 {
        points -= 25;
    } else if words < 0.15 {
        points += 10;
    }
    points += match (made.digits > 0, made.kinds()) {
        (true, 2) => 10,
        (true, _) => 15,
        (false, 1 | 2) => -5,
        (false, _) => 0,
    };
    if made.turns * 4 >= made.length {
        points += 5;
    }
    if made.surprise > 4.9 {
        points += 5;
    } else if made.surprise < 4.1 {
        points -= 10;
    }
    if made.length >= 20 {
        points += 5;
    }
    u8::try_from(points.clamp(0, 100)).unwrap_or(0)
}

fn is_uuid(value: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    value.len() == 36 && value.iter().enumerate().all(fits)
}
