//! Is the value of something that is called no more than a key one? Most are names of things in maps.

use super::Subject;
use super::chance::Makeup;
use super::name;
use super::reference::is_test;
use super::token::of_value;

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    let made = Makeup::of(value);
    let (name, at) = subject.name();
    let is_long = made.length >= 24 && made.digits >= 3 && made.turns * 5 >= made.length;
    if !is_long || name::is_about(name, at) || name::is_hash(name) || made.share_in_words() > 0.3 {
        return 0;
    }
    let less = if is_test(subject) { 15 } else { 10 };
    of_value(value).saturating_sub(less)
}
