//! Is the value of something called a password one?

use super::Subject;
use super::chance::Makeup;
use super::reference::{contains, is_reference, is_stand_in};

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    let made = Makeup::of(value);
    if made.length < 4 || made.distinct < 3 || is_reference(value) || is_stand_in(value) {
        return 0;
    }
    let lower = value.to_ascii_lowercase();
    let is_about = [
        &b"passw"[..],
        b"pwd",
        b"secret",
        b"token",
        b"credential",
        b"username",
    ];
    if made.digits + made.other == 0 && is_about.iter().any(|word| contains(&lower, word)) {
        return 0;
    }
    let words = made.share_in_words();
    let mut points = 50;
    points += if subject.is_quoted() { 5 } else { -10 };
    points += match made.kinds() {
        1 => -10,
        2 => 5,
        3 => 15,
        _ => 20,
    };
    if made.digits > 0 && made.letters() > 0 {
        points += 10;
    }
    if words > 0.7 {
        points -= 30;
    } else if words < 0.3 {
        points += 10;
    }
    if made.surprise > 5.0 {
        points += 10;
    } else if made.surprise < 4.0 && made.letters() * 2 > made.length {
        points -= 10;
    }
    if value.contains(&b' ') {
        points -= 30;
    }
    u8::try_from(points.clamp(0, 100)).unwrap_or(0)
}
