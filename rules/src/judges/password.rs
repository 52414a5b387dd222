//! Is the value of something called a password one?

use super::Subject;
use super::account;
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
    let (name, at) = subject.name();
    if made.length < 4
        || made.distinct < 3
        || is_reference(value)
        || is_code(subject)
        || is_binary(subject)
        || name::is_about(name, at)
    {
        return 0;
    }
    let points = match is_stand_in(value) || is_repeated(subject) {
        true => 0,
        false => of_value(value, &made, subject),
    };
    let is_text = value.iter().filter(|byte| **byte == b' ').count() > 1;
    let may_be_weak = points < account::WEAK && !is_text && !account::is_empty(value);
    match may_be_weak && is_beside_account(subject) {
        true => account::WEAK,
        false => points,
    }
}

/// Whether something called a user, a login, an account or an address is given a value on the lines before.
fn is_beside_account(subject: &Subject<'_>) -> bool {
    const NAMES: [&[u8]; 5] = [b"user", b"login", b"uid", b"account", b"email"];
    let before = subject.lines_before(3).to_ascii_lowercase();
    let is_given = |from: usize| {
        let behind = before.get(from..).unwrap_or_default();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_- \t".contains(byte);
        let next = behind.iter().take(12).find(|byte| !is_name(byte));
        next.is_some_and(|byte| b"=:\"'`],>\\".contains(byte))
    };
    let is_there = |name: &&[u8]| {
        let mut places = before.windows(name.len()).enumerate();
        places.any(|(at, word)| word == *name && is_given(at + name.len()))
    };
    NAMES.iter().any(is_there)
}

/// What the value says, and the line on which it stands.
fn of_value(value: &[u8], made: &Makeup, subject: &Subject<'_>) -> u8 {
    let words = made.share_in_words();
    if is_common(value, made) || value.contains(&b' ') && (words > 0.3 || made.digits == 0) {
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
