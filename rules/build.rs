//! Lists the rule packs, so that adding a pack is adding a file.

use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=packs");
    println!("cargo::rerun-if-changed=build.rs");
    let packs = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("packs");
    let mut names = Vec::new();
    for entry in fs::read_dir(&packs)? {
        let name = entry?
            .file_name()
            .into_string()
            .map_err(|name| format!("{name:?} is not a name for a pack"))?;
        if name.ends_with(".toml") {
            names.push(name);
        }
    }
    names.sort();

    let mut list = String::from("&[\n");
    for name in names {
        let path = packs.join(&name);
        println!("cargo::rerun-if-changed={}", path.display());
        list += &format!(
            "    ({name:?}, include_str!({:?})),\n",
            path.display().to_string()
        );
    }
    list += "]\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("packs.rs"), list)?;
    Ok(())
}
