//! Is the value of something called a password one?

use super::Subject;
use super::chance::Makeup;
use super::name;
use super::reference::{
    contains, is_binary, is_code, is_reference, is_repeated, is_stand_in, is_test,
};

/// Passwords that stand in examples more often than in use, and what is never one.
const COMMON: &[&[u8]] = &[
    b"password",
    b"passw0rd",
    b"p@ssw0rd",
    b"p@ssword",
    b"123456",
    b"qwerty",
    b"letmein",
    b"admin",
    b"root",
    b"secret",
    b"hunter2",
    b"correct",
    b"iloveyou",
    b"monkey",
    b"guest",
    b"pass",
    b"pwd",
    b"user",
    b"username",
    b"credential",
    b"token",
];

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = subject.secret().trim_ascii();
    let made = Makeup::of(value);
    if made.length < 4
        || made.distinct < 3
        || is_reference(value)
        || is_stand_in(value)
        || is_code(subject)
        || is_binary(subject)
        || is_repeated(subject)
    {
        return 0;
    }
    let (name, at) = subject.name();
    if name::is_about(name, at) {
        return 0;
    }
    let words = made.share_in_words();
    if is_common(value, &made) || value.contains(&b' ') && (words > 0.3 || made.digits == 0) {
        return 10;
    }
    if made.letters() == 0 {
        return if made.length >= 10 && made.distinct >= 6 {
            40
        } else {
            20
        };
    }
    let foreign = value.iter().filter(|byte| !byte.is_ascii()).count();
    let mut points = 60;
    if foreign * 4 > made.length {
        points -= 40;
    }
    points += match (made.kinds(), made.digits > 0) {
        (1, _) => 0,
        (2, true) => 10,
        (2, false) => 0,
        (3, _) => 15,
        _ => 20,
    };
    // Words, and what one writes besides them.
    if words > 0.9 {
        points -= if made.digits > 0 && made.other + made.upper > 0 {
            15
        } else {
            45
        };
    } else if words > 0.55 {
        points -= 30;
    } else if words > 0.35 {
        points -= 10;
    } else {
        points += 5;
    }
    if made.surprise > 4.9 {
        points += 5;
    } else if made.surprise < 3.9 && made.digits == 0 {
        points -= 15;
    }
    if made.length >= 12 && words < 0.3 {
        points += 5;
    }
    if is_test(subject) {
        points -= 10;
    }
    u8::try_from(points.clamp(0, 100)).unwrap_or(0)
}

/// One of the common ones, with no more than a few digits, signs and words around it.
fn is_common(value: &[u8], made: &Makeup) -> bool {
    let lower = value.to_ascii_lowercase();
    let Some(word) = COMMON
        .iter()
        .filter(|word| contains(&lower, word))
        .max_by_key(|word| word.len())
    else {
        return false;
    };
    let rest = made.letters().saturating_sub(word.len().max(made.worded));
    rest <= 2
}
