//! What a partial clone leaves out, as git says it.
//!
//! Source: git-rev-list(1), `--filter`; `list-objects-filter-options.c`.

/// Filters that one `combine` may name.
const MOST: usize = 16;

/// Whether it is a filter that git knows. One of others (`combine:`) holds no further one of others.
pub(super) fn is_sound(words: &[u8]) -> bool {
    match words.strip_prefix(b"combine:") {
        None => is_single(words),
        Some(parts) => {
            let mut count = 0;
            parts.split(|byte| *byte == b'+').all(|part| {
                count += 1;
                count <= MOST && decoded(part).is_some_and(|part| is_single(&part))
            })
        }
    }
}

/// Calls `each` for the texts of a sound filter that may be anything.
pub(super) fn words(filter: &[u8], each: &mut dyn FnMut(&[u8])) {
    let mut told = |part: &[u8]| {
        if let Some(name) = part.strip_prefix(b"sparse:oid=") {
            each(name);
        }
    };
    match filter.strip_prefix(b"combine:") {
        None => told(filter),
        Some(parts) => {
            for part in parts.split(|byte| *byte == b'+') {
                told(&decoded(part).unwrap_or_default());
            }
        }
    }
}

fn is_single(words: &[u8]) -> bool {
    let is_number = |digits: &[u8]| {
        (1..=super::DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    };
    if let Some(limit) = words.strip_prefix(b"blob:limit=") {
        let (number, unit) = limit.split_at(limit.len().saturating_sub(1));
        let is_unit = matches!(unit, b"k" | b"K" | b"m" | b"M" | b"g" | b"G");
        return is_number(limit) || (is_number(number) && is_unit);
    }
    if let Some(depth) = words.strip_prefix(b"tree:") {
        return is_number(depth);
    }
    if let Some(name) = words.strip_prefix(b"sparse:oid=") {
        return super::is_text(name);
    }
    matches!(
        words,
        b"blob:none"
            | b"object:type=blob"
            | b"object:type=tree"
            | b"object:type=commit"
            | b"object:type=tag"
    )
}

/// With `%41` for `A`; nothing where the digits are none.
fn decoded(part: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&byte, behind)) = rest.split_first() {
        if byte != b'%' {
            text.push(byte);
            rest = behind;
            continue;
        }
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        text.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = behind.get(2..).unwrap_or_default();
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_22_filters_are_gits_own() {
        for filter in [
            "blob:none",
            "blob:limit=0",
            "blob:limit=10k",
            "blob:limit=1G",
            "tree:0",
            "object:type=commit",
            "sparse:oid=main:a b",
            "combine:blob:none+tree:3",
            "combine:tree%3a3+sparse%3aoid=x%2by",
        ] {
            assert!(is_sound(filter.as_bytes()), "{filter}");
        }
        for filter in [
            "",
            "blob",
            "blob:",
            "blob:all",
            "blob:limit=",
            "blob:limit=k",
            "blob:limit=10kk",
            "blob:limit=-1",
            "tree:x",
            "object:type=note",
            "sparse:path=a",
            "sparse:oid=",
            "combine:",
            "combine:blob:none+",
            "combine:combine:blob:none",
            "combine:combine%3Ablob:none",
            "combine:tree%3",
            "combine:tree%zz3",
            "combine:sparse:oid=a%00",
            "note to somebody",
        ] {
            assert!(!is_sound(filter.as_bytes()), "{filter}");
        }
        let many = format!("combine:{}blob:none", "tree:0+".repeat(MOST));
        assert!(!is_sound(many.as_bytes()));
        let mut told = Vec::new();
        words(b"combine:tree:1+sparse:oid=%41b", &mut |words| {
            told.extend_from_slice(words)
        });
        words(b"sparse:oid=main:x", &mut |words| {
            told.extend_from_slice(words)
        });
        words(b"blob:limit=3", &mut |words| told.extend_from_slice(words));
        assert_eq!(told, b"Abmain:x");
    }
}
