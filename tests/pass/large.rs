//! A push of 100 MB, and the way back.

use exeat::demo::forge::Hash;

use super::Pair;
use crate::harness::{Options, World, gits, incompressible};

#[test]
fn a_pack_of_a_hundred_megabytes() {
    let world = World::start(Options::default());
    let pair = Pair::new(&world, gits().last().unwrap(), Hash::Sha1);
    // Not compressing what does not compress anyway keeps the test quick.
    pair.run(&["config", "core.compression", "0"]);
    let noise = incompressible(100, 100 << 20);
    pair.commit("noise", &noise);
    pair.push(&["-q"], &["main"]);
    let clone = world.clone_work(&pair.through, "clone");
    assert!(
        std::fs::read(clone.join("noise")).unwrap() == noise,
        "what came back is not what was sent"
    );
}

#[test]
fn a_pack_of_many_small_objects() {
    let world = World::start(Options::default());
    let pair = Pair::new(&world, gits().last().unwrap(), Hash::Sha1);
    for index in 0..5000 {
        let folder = pair.work.join(format!("{}", index % 50));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join(format!("{index}")),
            format!("file number {index}\n"),
        )
        .unwrap();
    }
    pair.commit("last", "last\n");
    pair.push(&["-q"], &["main"]);
}
