//! Is the value of something called a key, token or secret one that a machine made?

use super::Subject;
use super::chance::Makeup;
use super::reference::{is_reference, is_stand_in};

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    let made = Makeup::of(value);
    if made.length < 8 || made.distinct < 5 || is_reference(value) || is_stand_in(value) {
        return 0;
    }
    let words = made.share_in_words();
    let mut points = 45;
    points += if subject.is_quoted() { 5 } else { -5 };
    if made.digits > 0 && made.letters() > 0 {
        points += 15;
    }
    if made.turns * 3 >= made.length {
        points += 10;
    }
    if words > 0.5 {
        points -= 45;
    } else if words < 0.2 {
        points += 10;
    }
    if made.surprise > 5.0 {
        points += 10;
    }
    if made.length >= 20 {
        points += 5;
    }
    u8::try_from(points.clamp(0, 100)).unwrap_or(0)
}
