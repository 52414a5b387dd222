//! What each rule costs on texts: time, and counts that are the same on every machine.

use std::time::{Duration, Instant};

use super::{Run, Scratch, group};
use crate::probe::Answer;
use crate::{RuleIndex, RuleSet};

/// What the rules of one set cost on the texts measured so far.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    /// Bytes of all texts.
    pub bytes: u64,
    pub texts: u64,
    /// The one pass that looks for the keywords of all rules.
    pub keywords: Duration,
    /// By rule index.
    pub rules: Vec<Cost>,
}

/// What one rule costs.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    pub time: Duration,
    /// Times that one of its keywords stands in a text.
    pub keyword_hits: u64,
    /// Places where the core of the regex matched at the keyword, so that the regex itself was run; texts, for a rule
    /// that reads whole texts.
    pub regex_runs: u64,
    /// Bytes that the rule's automata were given to read.
    pub steps: u64,
    /// Finds after entropy, validator and allowlists; paths and required rules aside.
    pub matches: u64,
}

impl RuleSet {
    /// Runs every rule for itself over `text` and adds what that took. Finds what [`RuleSet::scan`] finds; `scratch` must
    /// have been made for this set.
    pub fn measure(&self, text: &[u8], scratch: &mut Scratch, costs: &mut Costs) {
        costs.rules.resize(self.rules.len(), Cost::default());
        costs.bytes += text.len() as u64;
        costs.texts += 1;
        let begun = Instant::now();
        let mut hits: Vec<(RuleIndex, usize)> = Vec::new();
        self.prefilter
            .each(text, |gate, place| hits.push((gate.rule as usize, place)));
        costs.keywords += begun.elapsed();
        hits.extend(self.always.iter().map(|&rule| (rule, 0)));
        // The sort keeps a rule's places in their order.
        hits.sort_by_key(|&(rule, _)| rule);
        for hits in hits.chunk_by(|left, right| left.0 == right.0) {
            let Some(&(rule, _)) = hits.first() else {
                continue;
            };
            let places: Vec<usize> = hits.iter().map(|&(_, place)| place).collect();
            if let Some(cost) = costs.rules.get_mut(rule) {
                self.run_measured(rule, &places, text, scratch, cost);
            }
        }
    }

    /// What one rule costs on one text; `scratch` must have been made for this set.
    pub fn measure_rule(&self, rule: RuleIndex, text: &[u8], scratch: &mut Scratch) -> Cost {
        let mut places = Vec::new();
        self.prefilter.each(text, |gate, place| {
            if gate.rule as usize == rule {
                places.push(place);
            }
        });
        let mut cost = Cost::default();
        if !places.is_empty() || self.always.contains(&rule) {
            self.run_measured(rule, &places, text, scratch, &mut cost);
        }
        cost
    }

    fn run_measured(
        &self,
        rule: RuleIndex,
        places: &[usize],
        text: &[u8],
        scratch: &mut Scratch,
        cost: &mut Cost,
    ) {
        let Some(matcher) = self.matchers.get(rule) else {
            return;
        };
        let Some(search) = &matcher.search else {
            return;
        };
        if !self.always.contains(&rule) {
            cost.keyword_hits += places.len() as u64;
        }
        // What is compiled at the first use is no cost of this text.
        let probe = search.probe.as_ref().map(|probe| probe.get());
        let mut begun = Instant::now();
        let Some(progress) = scratch.wake(rule, search.probe.is_none(), text) else {
            return;
        };
        if let Some(probe) = probe {
            let full = progress.budget;
            for &place in places {
                let cache = progress
                    .probe
                    .get_or_insert_with(|| Box::new(probe.cache()));
                match probe.ask(cache, text, place, &mut progress.budget) {
                    Answer::Fails | Answer::Ends => {}
                    Answer::Matches => progress.places.push(place),
                    Answer::Unknown => progress.whole = true,
                }
                if progress.whole {
                    break;
                }
            }
            cost.steps += full.saturating_sub(progress.budget) as u64;
        }
        progress.places.sort_unstable();
        progress.places.dedup();
        let runs = match progress.whole {
            true => 1,
            false => progress.places.len() as u64,
        };
        cost.regex_runs += runs;
        if runs > 0 {
            cost.time += begun.elapsed();
            search.regex.get();
            begun = Instant::now();
            let cache = progress
                .search
                .get_or_insert_with(|| Box::new(search.regex.get().create_cache()));
            let mut slots = vec![None; search.regex.get().group_info().slot_len()];
            let mut run = Run {
                search,
                text,
                starts: 0..text.len(),
                cache,
                slots: &mut slots,
            };
            let mut matched = 0;
            let mut keep = |slots: &[Option<_>]| {
                matched += group(slots, 0).map_or(0, |span| span.len()) as u64;
                cost.matches += u64::from(matcher.judge(rule, text, slots).is_some());
                true
            };
            let places = std::mem::take(&mut progress.places);
            match progress.whole {
                true => run.everywhere(&mut keep),
                false => run.near(&places, &mut keep),
            }
            cost.steps += match (progress.whole, search.before_max) {
                (true, _) => text.len() as u64,
                // The core is the whole regex, so a search at its place matches; what lies in a match is not searched again.
                (false, Some(0)) => matched,
                (false, _) => search.reach(&places, text.len()),
            };
        }
        cost.time += begun.elapsed();
        scratch.settle();
    }
}

impl crate::compile::Search {
    /// Bytes that searches near `places` are given to read at most: each byte once, as [`Run::near`] joins what overlaps.
    fn reach(&self, places: &[usize], length: usize) -> u64 {
        let reach = self.max_length.unwrap_or(usize::MAX);
        let mut done = 0;
        let mut read = 0;
        for &place in places {
            let first = self.before_max.map_or(0, |max| place.saturating_sub(max));
            let end = place.saturating_add(reach).min(length);
            let first = first.max(done);
            read += end.saturating_sub(first) as u64;
            done = done.max(end);
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Match, Source};

    #[test]
    fn counts_are_those_of_a_scan() {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='near'\nregex='''key=\\d+'''\nkeywords=['key']\n\
                   [[rules]]\nid='whole'\nregex='''\\w+@[a-z]+'''\nkeywords=['ex']\n\
                   [[rules]]\nid='always'\nregex='''\\d{3}'''\n"
                .into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut scratch = Scratch::new(&rules);
        let mut costs = Costs::default();
        let texts = ["key=12 key=x KEY=345", "a@ex b@ex", "nothing 99"];
        let mut found: Vec<Match> = Vec::new();
        for text in texts {
            rules.measure(text.as_bytes(), &mut scratch, &mut costs);
            let _ = rules.scan(text.as_bytes(), &mut scratch, &mut found);
        }
        assert_eq!((costs.texts, costs.bytes), (3, 39));
        let counts = |cost: &Cost| (cost.keyword_hits, cost.regex_runs, cost.matches);
        let counted: Vec<_> = costs.rules.iter().map(counts).collect();
        assert_eq!(counted, [(3, 1, 1), (2, 1, 2), (0, 3, 1)]);
        for (rule, cost) in costs.rules.iter().enumerate() {
            let scanned = found.iter().filter(|found| found.rule == rule).count();
            assert_eq!(cost.matches, scanned as u64);
        }
    }
}
