//! Pointers of Git LFS: small files that stand for others, which went another way.
//!
//! Source: the Git LFS specification, "The Pointer".

/// Bytes that a pointer has at most; git-lfs takes no larger file for one.
const MOST: usize = 1024;

/// Whether git-lfs would take this file for a pointer: by its first line, whatever stands in the others.
pub fn is_pointer(data: &[u8]) -> bool {
    const VERSIONS: [&[u8]; 3] = [
        b"version https://git-lfs.github.com/spec/",
        b"version https://hawser.github.com/spec/",
        b"version http://git-media.io/v/",
    ];
    if data.len() > MOST {
        return false;
    }
    let data = data.trim_ascii_start();
    VERSIONS.iter().any(|version| data.starts_with(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_21_pointers_are_known_by_their_first_line() {
        let digits = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
        let rest = format!("oid sha256:{digits}\nsize 12345\n");
        for version in [
            "https://git-lfs.github.com/spec/v1",
            "https://hawser.github.com/spec/v1",
            "http://git-media.io/v/2",
        ] {
            assert!(is_pointer(format!("version {version}\n{rest}").as_bytes()));
            assert!(is_pointer(
                format!("\nversion {version}\next-0-x y\n{rest}").as_bytes()
            ));
        }
        assert!(!is_pointer(rest.as_bytes()));
        assert!(!is_pointer(
            b"see version https://git-lfs.github.com/spec/v1\n"
        ));
        let long = format!(
            "version https://git-lfs.github.com/spec/v1\n{}",
            " ".repeat(1024)
        );
        assert!(!is_pointer(long.as_bytes()));
    }
}
