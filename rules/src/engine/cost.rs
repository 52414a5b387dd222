//! What each rule costs on texts: time, and counts that are the same on every machine.

use std::time::{Duration, Instant};

use super::{Run, Scratch};
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
    /// Bytes that the rule's automata read, once for each time that one read them ([`Work`](crate::Work)).
    pub steps: u64,
    /// Times that a lazy automaton gave up and a slower engine took over.
    pub fallbacks: u64,
    /// Texts that were not read to their end, because the rule had taken all the steps it is granted.
    pub unread: u64,
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
            .each(text, |rule, place| hits.push((rule as usize, place)));
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
        self.prefilter.each(text, |each, place| {
            if each as usize == rule {
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
                    Answer::GaveUp => {
                        cost.fallbacks += 1;
                        progress.whole = true;
                    }
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
            let mut run = Run::new(search, text, 0..text.len(), cache, &mut slots);
            let mut keep = |slots: &[Option<_>]| {
                cost.matches += u64::from(matcher.judge(rule, text, slots).is_some());
                true
            };
            let places = std::mem::take(&mut progress.places);
            match progress.whole {
                true => run.everywhere(&mut keep),
                false => run.near(&places, &mut keep),
            }
            let work = std::mem::take(&mut run.cache.work);
            cost.steps += work.bytes;
            cost.fallbacks += work.fallbacks;
            cost.unread += u64::from(run.exhausted);
        }
        cost.time += begun.elapsed();
        scratch.settle();
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
