//! Whether git reads submodules from a file: read as `.gitmodules` is, up to the first character that git does not accept there.
//!
//! Nearly every file ends that in its first line, so that it can be asked of each, whatever its name. Source: git's `config.c`.

use std::iter::Peekable;

/// Whether a section of submodules stands in `data` before anything that is no configuration.
pub fn are_in(data: &[u8]) -> bool {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let mut rest = data.iter().copied().peekable();
    loop {
        let is_read = match rest.next() {
            None => return false,
            Some(byte) if is_space(byte) => Some(()),
            Some(b'#' | b';') => {
                line(&mut rest);
                Some(())
            }
            Some(b'[') => match section(&mut rest) {
                Some(Section::Submodule) => return true,
                Some(Section::Other) => Some(()),
                None => None,
            },
            Some(byte) if byte.is_ascii_alphabetic() => key(&mut rest),
            Some(_) => None,
        };
        if is_read.is_none() {
            return false;
        }
    }
}

enum Section {
    Submodule,
    Other,
}

/// The name of a section behind its bracket, `submodule "name"` or as it was once written `submodule.name`, in any case.
fn section(rest: &mut Peekable<impl Iterator<Item = u8>>) -> Option<Section> {
    const NAME: &[u8] = b"submodule";
    let mut letters = NAME.iter();
    let mut is_submodule = true;
    let end = loop {
        let byte = rest.next()?;
        if !is_key(byte) && byte != b'.' {
            break byte;
        }
        if let Some(letter) = letters.next() {
            is_submodule &= byte.eq_ignore_ascii_case(letter);
        }
    };
    if is_submodule && letters.next().is_none() {
        return Some(Section::Submodule);
    }
    match end {
        b']' => Some(Section::Other),
        b'\n' => None,
        byte if is_space(byte) => subsection(rest).map(|()| Section::Other),
        _ => None,
    }
}

/// What stands in quotes behind the name of a section, and the bracket that closes it.
fn subsection(rest: &mut Peekable<impl Iterator<Item = u8>>) -> Option<()> {
    while rest
        .next_if(|&byte| is_space(byte) && byte != b'\n')
        .is_some()
    {}
    if rest.next()? != b'"' {
        return None;
    }
    loop {
        match rest.next()? {
            b'"' => break,
            b'\n' => return None,
            b'\\' => {
                rest.next()?;
            }
            _ => {}
        }
    }
    (rest.next()? == b']').then_some(())
}

/// The rest of a key's name, and its value.
fn key(rest: &mut Peekable<impl Iterator<Item = u8>>) -> Option<()> {
    while rest.next_if(|&byte| is_key(byte)).is_some() {}
    while rest
        .next_if(|&byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .is_some()
    {}
    match rest.next()? {
        b'\n' => Some(()),
        b'=' => value(rest),
        _ => None,
    }
}

/// A value to the end of its line, or of the last one that it goes on in.
fn value(rest: &mut Peekable<impl Iterator<Item = u8>>) -> Option<()> {
    let mut is_quoted = false;
    loop {
        match rest.next()? {
            b'\n' if is_quoted => return None,
            b'\n' => return Some(()),
            b'#' | b';' if !is_quoted => {
                line(rest);
                return Some(());
            }
            b'"' => is_quoted = !is_quoted,
            b'\\' => {
                // A line goes on behind `\r\n` as well.
                let escaped = rest.next()?;
                let _end = rest.next_if(|&byte| escaped == b'\r' && byte == b'\n');
            }
            _ => {}
        }
    }
}

/// All that is left of a line.
fn line(rest: &mut Peekable<impl Iterator<Item = u8>>) {
    while rest.next().is_some_and(|byte| byte != b'\n') {}
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// As git takes it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    /// Whether git itself finds a key of a submodule there.
    fn git_finds(text: &[u8]) -> bool {
        let mut git = Command::new("git")
            .args(["config", "--file", "-", "--list"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It may have ended before it has read all.
        let _written = git.stdin.take().unwrap().write_all(text);
        let told = git.wait_with_output().unwrap().stdout;
        told.split(|&byte| byte == b'\n')
            .any(|line| line.starts_with(b"submodule."))
    }

    #[test]
    fn where_git_finds_submodules_they_are_read() {
        const PARTS: [&str; 22] = [
            "[submodule \"a\"]",
            "[SubModule \"a\\\"b]\"]",
            "[submodule.a]",
            "\n\turl = \"x;y\" # z\n",
            "\nurl=a\\\nb\n",
            "\r\nurl = a\\\r\nb\r\n",
            "\npath\n",
            "[core]",
            "[a \"b]\"]",
            "[a  \t\"b\"] ",
            "[a b]",
            "k = v ; [submodule\n",
            "# [submodule \"c\"]\n",
            "\n",
            "k = \"a\nb\"\n",
            "import x\n",
            "{",
            "\u{feff}",
            " ",
            "a-1 =\n",
            "k = \\\"\n",
            "[a.b]",
        ];
        let (mut state, mut found) = (1_u32, 0);
        let mut next = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % below
        };
        for _ in 0..800 {
            let parts = (0..1 + next(7)).map(|_| PARTS[next(PARTS.len())]);
            let text: String = parts.collect();
            if git_finds(text.as_bytes()) {
                found += 1;
                assert!(are_in(text.as_bytes()), "{text:?}");
            }
        }
        assert!(found > 50, "{found}");
    }

    #[test]
    fn what_is_no_configuration_is_not_read_on() {
        for text in [
            "// [submodule \"a\"]",
            "import a\n[submodule \"a\"]",
            "{\n[submodule \"a\"]",
            "# [submodule \"a\"]",
            "[core]\n\tk = v ; [submodule \"a\"]\n",
            "[core]\nk = \"\n[submodule \"a\"]",
            "",
        ] {
            assert!(!are_in(text.as_bytes()), "{text:?}");
        }
    }
}
