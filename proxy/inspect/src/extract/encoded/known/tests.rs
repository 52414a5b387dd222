//! Texts built from others are found to have what they have when they are looked through.

use super::*;
use crate::extract::encoded::{Hints, Other};

/// Chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// Some of what triggers any look, whole or cut.
    fn piece(&mut self) -> Vec<u8> {
        let again = |text: &str, times| text.repeat(times).into_bytes();
        let times = 1 + self.below(40);
        let mut piece = match self.below(24) {
            0 => again(r"\x41\u0042", times),
            1 => again(r"\n\t", times),
            2 => again("%41%2d ", times),
            3 => again("https://a.example/%20/path?x=%41&y=", times),
            4 => again("&lt;&#65;", times),
            5 => again("=41=42", times),
            6 => format!("{}=\n", "x".repeat(55 + self.below(30))).into_bytes(),
            7 => b"=?utf-8?B?YWJjZGVm?= ".to_vec(),
            8 => again("\"ab\" + \"c\" +\n  ", times),
            9 => again("'a', ", times),
            10 => again("  - a\n", times),
            11 => format!("key: >\n{}", "  word\n".repeat(times)).into_bytes(),
            12 => again("65, 66, 67,   ", times),
            13 => again("{0x41, 0x42, ", times),
            14 => again("48 65 6c 6c 6f ", times),
            15 => again("0000010: 4865 6c6c 6f20 776f  Hello wo\n", 1 + times / 8),
            16 => again("dGhlIHdvcmQgaXMgbWVsbG9u", 1 + times / 4),
            17 => again("3a5f0c9e7b1d2468", 1 + times / 4),
            18 => again(
                "sha512-q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA/b_c-d\n",
                1 + times / 8,
            ),
            19 => b"<~87cURD]j~> <~87cURD]j".to_vec(),
            20 => b"PK\x03\x04 BZh9 %PDF-1.4 ".to_vec(),
            21 => again("export FOO=bar \\\n", 1 + times / 8),
            22 => format!("0{}1,", " ".repeat(60 + self.below(60))).into_bytes(),
            _ => b"a\0b\0c\0d\0e\0f\0g\0".to_vec(),
        };
        if self.below(3) == 0 {
            piece.truncate(self.below(piece.len() + 1));
        }
        piece
    }

    fn text(&mut self, length: usize) -> Vec<u8> {
        let words: [&[u8]; 12] = [
            b"let",
            b" value",
            b" = ",
            b"(self)",
            b";\n",
            b"\n    ",
            b"the_name_of_it",
            b"// ",
            b"getTheOther",
            b"\n\n",
            b" a bad face",
            b"x",
        ];
        let mut text = Vec::new();
        // Dense here, and nothing for long there.
        let dense = self.below(60);
        while text.len() < length {
            if self.below(60) < dense / 8 {
                text.extend(self.piece());
            } else {
                text.extend_from_slice(self.pick(&words));
            }
        }
        text
    }

    /// A text built from another one, and what of it was copied.
    fn change(&mut self, text: &[u8]) -> (Vec<u8>, Vec<Copied>) {
        let (mut new, mut copied) = (Vec::new(), Vec::new());
        let mut from = 0;
        while from < text.len() {
            let length = (1 + self.below(20_000)).min(text.len() - from);
            copied.push(Copied {
                from,
                to: new.len(),
                length,
            });
            new.extend_from_slice(&text[from..from + length]);
            from += length;
            match self.below(4) {
                0 => new.extend(self.piece()),
                1 => {
                    let more = self.below(50);
                    new.extend(self.text(more));
                }
                2 => from += self.below(3000),
                _ => from = from.saturating_sub(self.below(2000)),
            }
            if new.len() > 4 * text.len() {
                break;
            }
        }
        (new, copied)
    }
}

fn all(hints: &Hints<'_>) -> String {
    format!("{hints:?}")
}

#[test]
fn what_is_built_from_another_text_has_what_it_has_by_itself() {
    let mut chance = Chance(7);
    let mut taken_over = 0;
    for round in 0..1500 {
        let length = 2000 + chance.below(60_000);
        let mut text = chance.text(length);
        let (_, mut known) = Hints::of_built(&text, None);
        for _ in 0..4 {
            let Some(other) = &known else { break };
            let (new, copied) = chance.change(&text);
            let other = Other {
                known: other,
                copied: &copied,
            };
            let (built, built_known) = Hints::of_built(&new, Some(other));
            let (alone, alone_known) = Hints::of_built(&new, None);
            assert_eq!(all(&built), all(&alone), "{round}");
            assert_eq!(built_known, alone_known, "{round}");
            assert_eq!(all(&Hints::of(&new)), all(&alone), "{round}");
            taken_over += copied.iter().filter(|part| part.length >= LEAST).count();
            (text, known) = (new, alone_known);
        }
    }
    assert!(taken_over > 5000, "{taken_over}");
}

/// What stands beyond the reach of a look, and far before its trigger, does not matter.
#[test]
fn looks_read_no_farther_than_they_say() {
    let mut chance = Chance(11);
    let mut count = 0;
    for _ in 0..300 {
        let text = chance.text(3000);
        for (at, extent) in super::super::hints::looks(&text) {
            let (from, reach) = (at.saturating_sub(BACK), extent.reach);
            if reach > text.len() {
                continue;
            }
            count += 1;
            for _ in 0..3 {
                let mut other = text[..reach].to_vec();
                let more = chance.below(400);
                other.extend(chance.text(more));
                let before = chance.text(from);
                other.splice(..from, before[..from].iter().copied());
                let looks = super::super::hints::looks(&other);
                let same = looks.iter().find(|look| look.0 == at);
                let range = |extent: &super::super::Extent| (extent.range.clone(), extent.next);
                assert_eq!(
                    same.map(|(_, extent)| range(extent)),
                    Some(range(&extent)),
                    "{:?}",
                    bstr::BStr::new(&text[from..reach])
                );
            }
        }
    }
    assert!(count > 3_000, "{count}");
}
