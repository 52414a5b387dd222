//! Names of refs: git's check-ref-format, for the full names of a push.

/// Why a name cannot name a pushed ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("it does not start with refs/")]
    OutsideRefs,
    #[error("it has an empty part between slashes")]
    EmptyPart,
    #[error("a part of it starts with a dot")]
    LeadingDot,
    #[error("a part of it ends with .lock")]
    LockSuffix,
    #[error("it ends with a dot")]
    TrailingDot,
    #[error("it has two dots in a row")]
    TwoDots,
    #[error("it has the sequence @{{")]
    AtBrace,
    #[error("it has a character that git forbids: a control, space, or one of ~^:?*[\\")]
    Forbidden,
}

/// Checks a full ref name as `git check-ref-format` does, and that it starts with `refs/`, as receive-pack asks.
///
/// Names right below `refs/` pass (`refs/stash`): receive-pack deletes such refs, and answers a creation
/// with an `ng` of its own without failing the rest of the push.
pub fn check(name: &[u8]) -> Result<(), Error> {
    let below = name.strip_prefix(b"refs/").ok_or(Error::OutsideRefs)?;
    below.split(|byte| *byte == b'/').try_for_each(check_part)?;
    if below.ends_with(b".") {
        return Err(Error::TrailingDot);
    }
    Ok(())
}

fn check_part(part: &[u8]) -> Result<(), Error> {
    if part.is_empty() {
        return Err(Error::EmptyPart);
    }
    if part.starts_with(b".") {
        return Err(Error::LeadingDot);
    }
    if part.ends_with(b".lock") {
        return Err(Error::LockSuffix);
    }
    if part.iter().any(|byte| is_forbidden(*byte)) {
        return Err(Error::Forbidden);
    }
    part.windows(2).try_for_each(|pair| match pair {
        b".." => Err(Error::TwoDots),
        b"@{" => Err(Error::AtBrace),
        _ => Ok(()),
    })
}

fn is_forbidden(byte: u8) -> bool {
    matches!(
        byte,
        0..=b' ' | 0x7f | b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\'
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn names_what_is_wrong() {
        let cases: [(&[u8], Result<(), Error>); 17] = [
            (b"refs/heads/main", Ok(())),
            (b"refs/stash", Ok(())),
            (b"refs/for/main%topic=x", Ok(())),
            ("refs/heads/grün".as_bytes(), Ok(())),
            (b"HEAD", Err(Error::OutsideRefs)),
            (b"refs", Err(Error::OutsideRefs)),
            (b"", Err(Error::OutsideRefs)),
            (b"refs/", Err(Error::EmptyPart)),
            (b"refs/heads//x", Err(Error::EmptyPart)),
            (b"refs/heads/", Err(Error::EmptyPart)),
            (b"refs/heads/.x", Err(Error::LeadingDot)),
            (b"refs/heads/x.lock", Err(Error::LockSuffix)),
            (b"refs/x.lock/y", Err(Error::LockSuffix)),
            (b"refs/heads/x.", Err(Error::TrailingDot)),
            (b"refs/heads/x..y", Err(Error::TwoDots)),
            (b"refs/heads/@{1}", Err(Error::AtBrace)),
            (b"refs/heads/a\nb", Err(Error::Forbidden)),
        ];
        for (name, expected) in cases {
            assert_eq!(check(name), expected, "{}", name.escape_ascii());
        }
    }

    /// Parts that matter to git's rules, put together at random.
    const PIECES: [&[u8]; 28] = [
        b"a",
        b"B9",
        b"-",
        b"@",
        b"@{",
        b"{",
        b".",
        b"..",
        b"/",
        b"//",
        b".lock",
        b".lock/",
        b"lock",
        b"~",
        b"^",
        b":",
        b"?",
        b"*",
        b"[",
        b"]",
        b"\\",
        b" ",
        b"\t",
        b"\n",
        b"\x7f",
        b"\xc3\xbc",
        b"\xff",
        b"%",
    ];

    #[test]
    fn agrees_with_git() {
        let mut random = crate::fuzz_targets::corpus::Random::new(7);
        let mut passed = 0;
        for _ in 0..600 {
            let mut name = b"refs/".to_vec();
            for _ in 0..=random.below(5) {
                name.extend_from_slice(PIECES[random.below(PIECES.len())]);
            }
            let ours = check(&name).is_ok();
            assert_eq!(ours, git_agrees(&name), "{}", name.escape_ascii());
            passed += usize::from(ours);
        }
        assert!(
            (50..550).contains(&passed),
            "{passed} of 600 names passed: the test does not test"
        );
    }

    fn git_agrees(name: &[u8]) -> bool {
        let git = Command::new("git")
            .arg("check-ref-format")
            .arg(OsStr::from_bytes(name))
            .status();
        git.unwrap().success()
    }

    #[test]
    fn every_byte_is_treated_as_git_treats_it() {
        for byte in 1..=255_u8 {
            let name = [b"refs/heads/a", &[byte][..], b"b"].concat();
            assert_eq!(check(&name).is_ok(), git_agrees(&name), "byte {byte:#x}");
        }
        assert_eq!(check(b"refs/heads/a\0b"), Err(Error::Forbidden));
    }
}
