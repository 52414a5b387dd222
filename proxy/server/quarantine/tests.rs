//! Nothing that was done to a sealed pack goes unseen.

use super::*;

const HEAD: &[u8] = b"commands and capabilities";

fn key(digits: &str) -> MasterKey {
    MasterKey::read(&digits.repeat(KEY_BYTES)).unwrap()
}

fn opened(data: &Path) -> Quarantine {
    let keys = Keys::new(Some(key("07")), Vec::new());
    Quarantine::open(data, keys, 1 << 30).unwrap()
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

fn read(quarantine: &Quarantine, case: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut opened = quarantine
        .take_out(case)
        .map_err(|error| error.to_string())?;
    let mut pack = Vec::new();
    opened
        .read_to_end(&mut pack)
        .map_err(|error| error.to_string())?;
    Ok((opened.head().to_vec(), pack))
}

#[test]
fn what_is_put_in_comes_out_whatever_its_length() {
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    let piece = 1 << 20;
    for (number, length) in [
        0,
        1,
        piece - HEAD.len() - 1,
        piece - HEAD.len(),
        piece,
        3 * piece + 5,
    ]
    .into_iter()
    .enumerate()
    {
        let case = format!("P-{number}");
        let pack = content(length);
        let kept = quarantine
            .put(&case, HEAD, &pack[..], length as u64)
            .unwrap();
        let path = data.path().join(format!("quarantine/{case}.pack"));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), kept.bytes);
        let raw = std::fs::read(&path).unwrap();
        assert!(!raw.windows(HEAD.len()).any(|window| window == HEAD));
        assert_eq!(read(&quarantine, &case).unwrap(), (HEAD.to_vec(), pack));
    }
    let listed: Vec<String> = quarantine
        .list()
        .unwrap()
        .into_iter()
        .map(|(case, _)| case)
        .collect();
    assert_eq!(listed, ["P-0", "P-1", "P-2", "P-3", "P-4", "P-5"]);
    let again = quarantine.put("P-0", HEAD, &[][..], 0).unwrap_err();
    assert_eq!(again.to_string(), "the pack of P-0 is there already");
    for case in listed {
        quarantine.remove(&case).unwrap();
        quarantine.remove(&case).unwrap();
    }
    assert_eq!(quarantine.used(), 0);
    let absent = quarantine.take_out("P-0").unwrap_err();
    assert_eq!(absent.to_string(), "the pack of P-0 is not there any more");
}

#[test]
fn every_change_of_a_byte_and_every_cut_is_seen() {
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    let pack = content(200);
    quarantine.put("P-1", HEAD, &pack[..], 200).unwrap();
    let path = data.path().join("quarantine/P-1.pack");
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x20;
        std::fs::write(&path, &altered).unwrap();
        assert!(read(&quarantine, "P-1").is_err(), "byte {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(read(&quarantine, "P-1").is_err(), "cut at {at}");
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(read(&quarantine, "P-1").is_err());
    std::fs::write(&path, &whole).unwrap();
    assert!(read(&quarantine, "P-1").is_ok());
}

#[test]
fn pieces_and_files_cannot_change_places() {
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    let (piece, header) = ((1 << 20) + 16, 92);
    let pack = content(3 << 20);
    for case in ["P-1", "P-2"] {
        quarantine.put(case, b"", &pack[..], 3 << 20).unwrap();
    }
    let path = |case: &str| data.path().join(format!("quarantine/{case}.pack"));
    let whole = std::fs::read(path("P-1")).unwrap();
    let other = std::fs::read(path("P-2")).unwrap();
    let of = |file: &[u8], number: usize| {
        file[header + number * piece..][..piece.min(file.len() - header - number * piece)].to_vec()
    };
    let build = |pieces: [Vec<u8>; 4]| [whole[..header].to_vec(), pieces.concat()].concat();
    let pieces = || [0, 1, 2, 3].map(|number| of(&whole, number));
    assert_eq!(build(pieces()), whole);
    let mut swapped = pieces();
    swapped.swap(0, 1);
    let mut spliced = pieces();
    spliced[1] = of(&other, 1);
    for (what, file) in [
        ("swapped", build(swapped)),
        ("spliced", build(spliced)),
        ("another file", other.clone()),
    ] {
        std::fs::write(path("P-1"), file).unwrap();
        assert!(read(&quarantine, "P-1").is_err(), "{what}");
    }
    // A shorter file whose header says so: the lengths are bound as well.
    let mut shorter = whole[..header + 16].to_vec();
    shorter[24..32].copy_from_slice(&0_u64.to_be_bytes());
    std::fs::write(path("P-1"), shorter).unwrap();
    let error = read(&quarantine, "P-1").unwrap_err();
    assert_eq!(
        error,
        "the pack of P-1 cannot be used: it was altered, or belongs to another case"
    );
}

#[test]
fn keys_can_be_changed_and_are_told_apart() {
    let data = tempfile::tempdir().unwrap();
    opened(data.path())
        .put("P-1", HEAD, &b"pack"[..], 4)
        .unwrap();
    let open = |current: Option<MasterKey>, old: Vec<MasterKey>| {
        Quarantine::open(data.path(), Keys::new(current, old), 1 << 30).unwrap()
    };
    let error = read(&open(Some(key("08")), Vec::new()), "P-1").unwrap_err();
    let expected = format!(
        "the key that the pack of P-1 was sealed with is not configured (quarantine.old_keys): {}",
        key("07").name()
    );
    assert_eq!(error, expected);
    let both = open(Some(key("08")), vec![key("07")]);
    assert_eq!(read(&both, "P-1").unwrap().1, b"pack");
    both.put("P-2", HEAD, &b"new"[..], 3).unwrap();
    assert_eq!(
        read(&open(Some(key("08")), Vec::new()), "P-2").unwrap().1,
        b"new"
    );
    let none = open(None, vec![key("07")]);
    assert!(!none.can_hold());
    let error = none.put("P-3", HEAD, &b""[..], 0).unwrap_err();
    assert!(matches!(error, Error::NoKey));
    assert!(read(&none, "P-1").is_ok());
}

#[test]
fn there_is_a_ceiling_and_what_fails_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::new(Some(key("07")), Vec::new());
    let quarantine = Quarantine::open(data.path(), keys.clone(), 400).unwrap();
    quarantine.put("P-1", HEAD, &content(100)[..], 100).unwrap();
    let used = quarantine.used();
    let full = quarantine
        .put("P-2", HEAD, &content(200)[..], 200)
        .unwrap_err();
    assert_eq!(
        full.to_string(),
        "the packs that wait fill the quarantine (quarantine.bytes, 400 bytes)"
    );
    for (length, pack) in [(10, content(9)), (10, content(11))] {
        let wrong = quarantine.put("P-2", HEAD, &pack[..], length).unwrap_err();
        assert!(matches!(wrong, Error::File { .. }), "{wrong}");
    }
    let huge = quarantine.put("P-2", HEAD, &b""[..], u64::MAX).unwrap_err();
    assert!(matches!(huge, Error::Full { .. }), "{huge}");
    assert_eq!(quarantine.used(), used);
    let files = std::fs::read_dir(data.path().join("quarantine")).unwrap();
    assert_eq!(files.count(), 1);
    // Counted anew at the next start, without what was being written.
    std::fs::write(data.path().join("quarantine/P-9.new"), "half").unwrap();
    let again = Quarantine::open(data.path(), keys, 400).unwrap();
    assert_eq!((again.used(), again.list().unwrap().len()), (used, 1));
}

#[test]
fn names_lead_nowhere_else() {
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    for name in ["", "../P-1", "a/b", "P.1", "P-1\n", &"x".repeat(65)] {
        let error = quarantine.put(name, HEAD, &b""[..], 0).unwrap_err();
        assert!(matches!(error, Error::BadName(_)), "{name:?}");
        assert!(quarantine.take_out(name).is_err() && quarantine.remove(name).is_err());
    }
}

#[test]
fn what_is_removed_cannot_be_read_from_the_disk() {
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    quarantine.put("P-1", HEAD, &b"pack"[..], 4).unwrap();
    let path = data.path().join("quarantine/P-1.pack");
    let kept = data.path().join("kept");
    std::fs::hard_link(&path, &kept).unwrap();
    quarantine.remove("P-1").unwrap();
    std::fs::copy(&kept, &path).unwrap();
    let error = read(&quarantine, "P-1").unwrap_err();
    assert_eq!(
        error,
        "the pack of P-1 cannot be used: it is no pack of a quarantine"
    );
}

/// What the fuzz target begins with is still whole.
#[test]
fn the_seed_is_a_sealed_pack() {
    let seed = include_bytes!("../fuzz/corpus/quarantined/whole");
    let data = tempfile::tempdir().unwrap();
    let quarantine = opened(data.path());
    std::fs::create_dir(data.path().join("quarantine")).unwrap();
    std::fs::write(data.path().join("quarantine/P-FUZZED.pack"), seed).unwrap();
    assert_eq!(
        read(&quarantine, "P-FUZZED").unwrap(),
        (HEAD.to_vec(), b"a pack".to_vec())
    );
}
