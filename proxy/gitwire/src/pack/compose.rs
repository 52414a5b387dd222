//! Packs of our own making: whole objects, not compressed, for content that only has to look as if it were pushed.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use gix_hash::Kind as HashKind;

use super::{Error, Kind};

/// A pack of these objects in this order, as `gitformat-pack` describes it.
///
/// # Errors
/// [`Error::Collision`] where the content was made to collide under SHA-1.
pub fn compose(hash: HashKind, objects: &[(Kind, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(objects.len()).expect("because each object is in memory");
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend(count.to_be_bytes());
    for (kind, data) in objects {
        header(*kind, data.len(), &mut pack);
        let mut encoder = ZlibEncoder::new(pack, Compression::none());
        let written = encoder.write_all(data).and_then(|()| encoder.finish());
        pack = written.expect("because writing to memory does not fail");
    }
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(&pack);
    let trailer = hasher.try_finalize().map_err(|_| Error::Collision)?;
    pack.extend_from_slice(trailer.as_slice());
    Ok(pack)
}

/// Kind and size: four bits of the size beside the kind, then groups of seven, the lowest first.
fn header(kind: Kind, size: usize, pack: &mut Vec<u8>) {
    let kind: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut byte = kind << 4 | (size & 15) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        pack.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    pack.push(byte);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn git_takes_it() {
        for (hash, name) in [(HashKind::Sha1, "sha1"), (HashKind::Sha256, "sha256")] {
            let objects: Vec<(Kind, Vec<u8>)> = [0, 1, 15, 16, 2047, 2048, 70_000]
                .map(|size| (Kind::Blob, vec![b'x'; size]))
                .into();
            let pack = compose(hash, &objects).unwrap();
            let folder =
                std::env::temp_dir().join(format!("exeat-compose-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("it.pack"), &pack).unwrap();
            let git = Command::new("git")
                .args([
                    "index-pack",
                    "--strict",
                    &format!("--object-format={name}"),
                    "it.pack",
                ])
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .current_dir(&folder)
                .output()
                .unwrap();
            assert!(git.status.success(), "{git:?}");
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}
