//! Rules whose judge decides what a match leads to.

use crate::{Action, Confidence, Dropped, Match, RuleSet, Scratch, Source, Trial};

const RULE: &str = "[[rules]]\nid='a'\nregex='''(?P<name>pw)=\"([^\"]*)\"'''\nsecretGroup=2\n\
                    keywords=['pw']\njudge='password'\n";

fn rules(text: &str) -> RuleSet {
    let source = Source {
        name: "t.toml".into(),
        text: text.into(),
    };
    RuleSet::compile(&[source]).unwrap().rules
}

fn found(rules: &RuleSet, text: &str) -> Vec<Match> {
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut Scratch::new(rules), &mut matches);
    assert!(!scan.truncated);
    matches
}

#[test]
fn how_certain_a_judge_is_decides_what_a_find_leads_to() {
    let strong = "pw=\"kT8#vq2Zx!p\"";
    let certainty = found(&rules(RULE), strong)[0].certainty.unwrap();
    let at = |block: u8, review: u8| {
        let text = format!("{RULE}block_from={block}\nreview_from={review}\n");
        let set = rules(&text);
        let matches = found(&set, strong);
        let of = |each: &Match| (set.action(each), set.confidence(each));
        matches.first().map(of)
    };
    assert_eq!(at(certainty, 10), Some((Action::Block, Confidence::High)));
    let review = Some((Action::Review, Confidence::Medium));
    assert_eq!(at(certainty + 1, certainty), review);
    assert_eq!(at(101, certainty + 1), None);
}

#[test]
fn a_rule_that_asks_for_less_stays_at_that() {
    let set = rules(&format!("{RULE}action='warn'\nblock_from=1\n"));
    let matches = found(&set, "pw=\"kT8#vq2Zx!p\"");
    assert_eq!(set.action(&matches[0]), Action::Warn);
}

#[test]
fn what_is_none_is_told_with_the_judge_who_says_so() {
    let set = rules(RULE);
    assert_eq!(found(&set, "pw=\"${PASSWORD}\""), []);
    let Trial::Matched(tried) = set.try_rule(0, b"pw=\"${PASSWORD}\"") else {
        panic!("no match");
    };
    assert_eq!(tried[0].found, Err(Dropped::Judge("password".into(), 0)));
}

#[test]
fn judges_and_their_thresholds_are_checked_where_they_are_written() {
    let error = |more: &str| {
        let source = Source {
            name: "t.toml".into(),
            text: format!("[[rules]]\nid='a'\nregex='x'\n{more}\n"),
        };
        RuleSet::compile(&[source]).unwrap_err().to_string()
    };
    assert!(error("judge='x'").contains("\"judge\" must be one of password, "));
    for wrong in ["block_from=0", "review_from=102", "note_from=0"] {
        assert!(error(wrong).contains("must be from 1 to 101"), "{wrong}");
    }
}

#[test]
fn from_note_from_on_a_find_is_counted_and_no_more() {
    let weak = "user=\"app\" pw=\"sesame\"";
    let certainty = found(&rules(&format!("{RULE}note_from=1\n")), weak)[0].certainty;
    let certainty = certainty.unwrap();
    assert!(certainty < crate::judges::REVIEW_FROM, "{certainty}");
    let at = |note: u8| {
        let set = rules(&format!("{RULE}note_from={note}\n"));
        let matches = found(&set, weak);
        let of = |each: &Match| (set.action(each), set.confidence(each));
        matches.first().map(of)
    };
    assert_eq!(at(certainty), Some((Action::Note, Confidence::Low)));
    assert_eq!(at(certainty + 1), None);
    assert_eq!(found(&rules(RULE), weak), []);
}
