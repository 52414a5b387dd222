//! Files that rule files extend, from the folder they lie in.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path};

use crate::Source;
use crate::format::FILE_BYTES;

/// Opens the file that `from` names as `path` in `[extend]`. The name of `from` is its own path. Nothing outside its folder
/// is opened, by `..`, from the root or over a link.
///
/// # Errors
/// Why it is not opened, for the message that names both files.
pub fn beside(from: &Source, path: &str) -> Result<Source, String> {
    let relative = Path::new(path);
    if !is_below(path) {
        return Err("it must lie in the folder of this file, or below".to_owned());
    }
    let folder = Path::new(&from.name).parent().unwrap_or(Path::new(""));
    let file = folder.join(relative);
    let real = |path: &Path| fs::canonicalize(path).map_err(|error| error.to_string());
    let root = match folder.as_os_str().is_empty() {
        true => real(Path::new("."))?,
        false => real(folder)?,
    };
    let target = real(&file)?;
    if !target.starts_with(&root) {
        return Err("it leads out of the folder of this file".to_owned());
    }
    read(&target).map(|text| Source {
        name: file.display().to_string(),
        text,
    })
}

/// Whether a path of `[extend]` names something in the folder of its file, or below, as far as the path itself says.
pub fn is_below(path: &str) -> bool {
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    !path.is_empty() && Path::new(path).components().all(is_inside)
}

fn read(path: &Path) -> Result<String, String> {
    let facts = fs::metadata(path).map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    // One byte more than may be, so that what is too long is told as that.
    let mut file = file.take(FILE_BYTES as u64 + 1);
    file.read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_opened() {
        let home = std::env::temp_dir().join(format!("exeat-extend-{}", std::process::id()));
        let folder = home.join("rules");
        fs::create_dir_all(folder.join("below")).unwrap();
        fs::write(home.join("outside.toml"), "title = 'o'").unwrap();
        fs::write(folder.join("base.toml"), "title = 'b'").unwrap();
        fs::write(folder.join("below/base.toml"), "title = 'c'").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../outside.toml", folder.join("link.toml")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("below/base.toml", folder.join("inner.toml")).unwrap();
        let from = Source {
            name: folder.join("own.toml").display().to_string(),
            text: String::new(),
        };
        let opened = |path: &str| beside(&from, path).map(|source| source.text);
        assert_eq!(opened("base.toml").as_deref(), Ok("title = 'b'"));
        assert_eq!(opened("./below/base.toml").as_deref(), Ok("title = 'c'"));
        #[cfg(unix)]
        assert_eq!(opened("inner.toml").as_deref(), Ok("title = 'c'"));
        let absolute = home.join("outside.toml").display().to_string();
        for path in ["", "../outside.toml", "below/../../outside.toml", &absolute] {
            let error = opened(path).unwrap_err();
            assert!(error.contains("in the folder"), "{path}: {error}");
        }
        #[cfg(unix)]
        assert!(opened("link.toml").unwrap_err().contains("leads out"));
        assert!(opened("below").unwrap_err().contains("not a file"));
        assert!(opened("none.toml").is_err());
        let below = beside(&from, "below/base.toml").unwrap();
        assert!(beside(&below, "../base.toml").is_err());
        fs::remove_dir_all(home).unwrap();
    }
}
