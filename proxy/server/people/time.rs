//! Times for people and programs: RFC 3339 in UTC, to the second.

use serde::Serializer;
use time::OffsetDateTime;

/// Unix milliseconds as `2026-01-02T03:04:05Z`.
pub fn text(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000);
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(time) => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        ),
        // Beyond the year 9999, where only a damaged row leads.
        Err(_) => format!("@{seconds}"),
    }
}

pub(super) fn one<S: Serializer>(milliseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*milliseconds))
}

pub(super) fn perhaps<S: Serializer>(
    milliseconds: &Option<i64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match milliseconds {
        Some(milliseconds) => one(milliseconds, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(1_767_323_045_678), "2026-01-02T03:04:05Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59Z");
        assert_eq!(text(i64::MAX), "@9223372036854775");
    }
}
