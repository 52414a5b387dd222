//! Which rules are worth asking at a keyword: one automaton over the beginnings of all built-in rules.
//!
//! Words such as `key` and `pass` are keywords of thirty rules each, and most places where they stand are none of a secret. To
//! ask every rule there took most of the time of a scan, and each of its workers built an automaton for each rule first. So
//! the build script makes one for all of them ([`determine`]). It reads a few bytes behind a keyword and names
//! the rules whose core may match there; only they are asked. It never leaves one out that would have matched.

#[cfg(test)]
mod determine;
#[cfg(test)]
mod nodes;

/// Most bytes that one walk reads.
pub(crate) const WALK: usize = 64;

/// A table as the build script writes it.
#[derive(Debug)]
pub(crate) struct Beginnings {
    classes: &'static [u8; 256],
    width: usize,
    /// Little-endian numbers of 16 bits: what follows each row by class, a row or behind the rows an answer.
    next: &'static [u8],
    /// The same: what is known where text or walk ends, by row.
    answers_of_rows: &'static [u8],
    answers: &'static [&'static [u16]],
    starts: &'static [Start],
}

#[derive(Debug)]
struct Start {
    keyword: &'static str,
    /// Bytes before the keyword in the words that open a core.
    before: usize,
    /// Behind another byte than a word's, and behind one.
    at: [u16; 2],
}

/// By the numbers of the entries of [`crate::compile::prepared`]; written by `build.rs`.
pub(crate) static BUILT_IN: Beginnings = include!(concat!(env!("OUT_DIR"), "/beginnings.rs"));

impl Beginnings {
    /// Where walks begin for a keyword, in lower case, that has so many bytes before it in the words that open a core.
    pub(crate) fn start(&self, keyword: &str, before: usize) -> Option<[u16; 2]> {
        let wanted = |start: &Start| (start.keyword, start.before).cmp(&(keyword, before));
        let at = self.starts.binary_search_by(wanted).ok()?;
        self.starts.get(at).map(|start| start.at)
    }

    /// The entries whose core may match at `place`. The bytes `from` there on decide: from the end of a keyword that stands right
    /// there, else from `place` itself.
    pub(crate) fn possible(
        &self,
        start: [u16; 2],
        text: &[u8],
        place: usize,
        from: usize,
    ) -> &'static [u16] {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let behind = place.checked_sub(1).and_then(|at| text.get(at));
        let mut state = match behind.is_some_and(is_word) {
            false => start[0],
            true => start[1],
        };
        let ahead = text.get(from..).unwrap_or_default();
        let rows = self.answers_of_rows.len() / 2;
        for &byte in ahead.iter().take(WALK) {
            let row = usize::from(state);
            if row >= rows {
                break;
            }
            let class = self.classes.get(usize::from(byte)).copied().unwrap_or(0);
            state = number(self.next, row * self.width + usize::from(class));
        }
        let answer = match usize::from(state).checked_sub(rows) {
            Some(answer) => answer,
            None => usize::from(number(self.answers_of_rows, usize::from(state))),
        };
        self.answers.get(answer).copied().unwrap_or_default()
    }
}

fn number(numbers: &[u8], at: usize) -> u16 {
    match numbers.get(2 * at..2 * at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::determine::{Beginning, Table};
    use super::*;
    use crate::probe::{Answer, Probe};
    use crate::random::Random;
    use crate::{RuleSet, dialect, shipped, template};

    fn built(table: &Table) -> Beginnings {
        let bytes = |numbers: &[u16]| -> &'static [u8] {
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            bytes.collect::<Vec<_>>().leak()
        };
        let starts = table.starts.iter().map(|((keyword, before), at)| Start {
            keyword: keyword.clone().leak(),
            before: *before,
            at: *at,
        });
        let answers = table.answers.iter();
        let answers = answers.map(|answer| -> &'static [u16] { answer.clone().leak() });
        Beginnings {
            classes: Box::leak(Box::new(table.classes)),
            width: table.width,
            next: bytes(&table.next),
            answers_of_rows: bytes(&table.answers_of_rows),
            answers: answers.collect::<Vec<_>>().leak(),
            starts: starts.collect::<Vec<_>>().leak(),
        }
    }

    /// Cores with their keyword and the bytes before it.
    const CORES: [(&str, &str, usize); 9] = [
        ("ab", "ab", 0),
        (r"\bab[ab]{0,20}=", "ab", 0),
        (r"(?m)^ab\b", "ab", 0),
        (r"(?i)ab_?c{3,12}(?:=|a)", "ab", 0),
        (r"(?:ab|cab)=[^=]{2}", "ab", 0),
        (r"(?:ab|cab)=[^=]{2}", "ab", 1),
        (r"ab\Bc+", "ab", 0),
        (r"(?s)ab.{30}=", "ab", 0),
        (r"(?-u:\b)[bc]ab$", "ab", 1),
    ];

    #[test]
    fn what_matches_is_always_possible_and_most_else_is_not() {
        let cores: Vec<_> = CORES
            .iter()
            .map(|it| dialect::parse(it.0).unwrap())
            .collect();
        let beginnings = CORES
            .iter()
            .zip(&cores)
            .map(|((_, keyword, before), core)| Beginning {
                core: core.clone(),
                openings: vec![((*keyword).to_owned(), *before)],
            });
        let table = Table::of(&beginnings.collect::<Vec<_>>());
        let beginnings = built(&table);
        let probes: Vec<_> = cores
            .iter()
            .map(|it| Probe::new(it, 1 << 20).unwrap())
            .collect();
        let mut caches: Vec<_> = probes.iter().map(Probe::cache).collect();
        let mut random = Random::from_word("beginnings");
        let (mut asked, mut possible) = (0, 0);
        for _ in 0..20_000 {
            let length = random.below(90);
            let text = random.text(length, "abcabcABC_= \n");
            let text = text.as_bytes();
            for (place, window) in text.windows(2).enumerate() {
                if !window.eq_ignore_ascii_case(b"ab") {
                    continue;
                }
                for (entry, (_, keyword, before)) in CORES.iter().enumerate() {
                    let Some(at) = place.checked_sub(*before) else {
                        continue;
                    };
                    let from = if *before == 0 { place + 2 } else { at };
                    let start = beginnings.start(keyword, *before).unwrap();
                    let answer = beginnings.possible(start, text, at, from);
                    let is_possible = answer.contains(&(entry as u16));
                    let mut budget = usize::MAX;
                    let truth = probes[entry].ask(&mut caches[entry], text, at, &mut budget);
                    asked += 1;
                    possible += usize::from(is_possible);
                    assert!(
                        is_possible || truth == Answer::Fails,
                        "{} at {at} of {:?}: {truth:?}",
                        CORES[entry].0,
                        String::from_utf8_lossy(text)
                    );
                }
            }
        }
        assert!(possible * 3 < asked, "{possible} of {asked}");
    }

    /// Every rule is asked where it matters: at its examples, as they are and with bytes exchanged, and at its keywords one after
    /// the other.
    #[test]
    fn no_built_in_rule_is_left_out() {
        let rules = RuleSet::compile(&shipped()).unwrap().rules;
        let mut random = Random::from_word("left out");
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for rule in rules.rules() {
            let mut text: Vec<u8> = Vec::new();
            for example in rule.examples.iter().chain(&rule.counter_examples) {
                text.extend(template::expand(example).unwrap().bytes());
                text.push(b'\n');
            }
            for keyword in &rule.keywords {
                text.extend(keyword.bytes());
                text.extend(random.text(3, " =:\"'_-.").bytes());
            }
            for _ in 0..3 {
                texts.push(text.clone());
                for _ in 0..text.len() / 20 {
                    let (at, from) = (random.below(text.len()), random.below(text.len()));
                    text[at] = text[from];
                }
            }
        }
        let mut caches: Vec<_> = rules.matchers.iter().map(|_| None).collect();
        let (mut matching, mut asked, mut all) = (0, 0, 0);
        for text in &texts {
            let mut candidates = std::collections::HashSet::new();
            rules
                .prefilter
                .candidates(text, 0..text.len(), |rule, place, _| {
                    candidates.insert((rule, place));
                });
            asked += candidates.len();
            rules.prefilter.each(text, |rule, place| {
                all += 1;
                let search = rules.matchers[rule as usize].search.as_ref();
                let Some(probe) = search.and_then(|search| search.probe.as_ref()) else {
                    assert!(candidates.contains(&(rule, place)));
                    return;
                };
                let probe = probe.get();
                let cache = caches[rule as usize].get_or_insert_with(|| probe.cache());
                let mut budget = usize::MAX;
                let mut answer = probe.ask(cache, text, place, &mut budget);
                if answer == Answer::GaveUp {
                    // An automaton that was cleared too often knows nothing of this place; a new one does.
                    *cache = probe.cache();
                    answer = probe.ask(cache, text, place, &mut budget);
                }
                if answer != Answer::Fails {
                    matching += 1;
                    let id = &rules.rule(rule as usize).id;
                    assert!(candidates.contains(&(rule, place)), "{id} at {place}");
                }
            });
        }
        assert!(matching > 3000, "{matching}");
        assert!(asked * 2 < all, "{asked} of {all}");
    }
}
