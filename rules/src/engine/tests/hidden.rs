//! What imported allowlists and filters hide, and how much of it is told.

use super::*;
use crate::engine::MAX_HIDDEN;

const RULE: &str = "[[rules]]\nid = 'r'\nregex = 'k=([a-z0-9]+)'\nkeywords = ['k=']\n";

fn standings(rules: &RuleSet, text: &str, path: &str) -> Vec<Standing> {
    let site = Site {
        path: Some(path.as_bytes()),
        commit: Some("0123"),
    };
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut Scratch::new(rules), &mut matches);
    assert!(!scan.truncated);
    matches
        .iter()
        .map(|found| rules.standing(found, &site))
        .collect()
}

const BY_WORD: Standing = Standing::Hidden(Hiding::Stopword);

/// What each way to write it makes of a match at `docs/a` and at `src/a`; `None`: it is not told at all.
#[test]
fn paths_and_words_hide_and_the_rest_discards() {
    let (stands, by_path, by_word) = (Some(Standing::Stands), Some(BY_PATH), Some(BY_WORD));
    let allowed = Some(Standing::Allowed);
    let cases = [
        ("[[rules.allowlists]]\npaths = ['^docs/']", by_path, stands),
        (
            "[[rules.allowlists]]\nstopwords = ['hook']",
            by_word,
            by_word,
        ),
        ("[[rules.allowlists]]\nregexes = ['hook']", None, None),
        (
            "[[rules.allowlists]]\nregexes = ['hook']\nstopwords = ['hook']",
            None,
            None,
        ),
        (
            "[[rules.allowlists]]\nregexes = ['none']\nstopwords = ['hook']",
            by_word,
            by_word,
        ),
        ("[[rules.allowlists]]\ncommits = ['0123']", allowed, allowed),
        (
            "[[rules.allowlists]]\ncommits = ['0123']\npaths = ['^docs/']",
            allowed,
            allowed,
        ),
        (
            "[[rules.allowlists]]\ncondition = 'AND'\ncommits = ['0123']\npaths = ['^docs/']",
            by_path,
            stands,
        ),
        (
            "[[rules.allowlists]]\ncondition = 'AND'\nregexes = ['hook']\npaths = ['^docs/']",
            by_path,
            stands,
        ),
        (
            "[[rules.allowlists]]\ncondition = 'AND'\nregexes = ['hook']\nstopwords = ['hook']",
            by_word,
            by_word,
        ),
        (
            "filter = '''containsAny(finding[\"secret\"], [\"hook\"])'''",
            by_word,
            by_word,
        ),
        (
            "filter = '''containsAny(finding[\"line\"], [\"hook\"])'''",
            None,
            None,
        ),
        (
            "filter = '''matchesAny(get(attributes, \"path\", \"\"), [`^docs/`])'''",
            by_path,
            stands,
        ),
        (
            "prefilter = '''matchesAny(attributes[\"path\"], [`^docs/`])'''",
            by_path,
            stands,
        ),
        (
            "filter = '''attributes[\"git.sha\"] == \"0123\"'''",
            allowed,
            allowed,
        ),
        (
            "filter = '''attributes[\"git.author_name\"] == \"x\" || entropy(finding[\"secret\"]) > 1'''",
            None,
            None,
        ),
        (
            "filter = '''attributes[\"git.author_name\"] == \"x\" && entropy(finding[\"secret\"]) > 1'''",
            stands,
            stands,
        ),
    ];
    for (list, in_docs, in_src) in cases {
        let rules = set(&format!("{RULE}{list}\n"));
        for (path, expected) in [("docs/a", in_docs), ("src/a", in_src)] {
            let found = standings(&rules, "k=hook", path);
            assert_eq!(found.first().copied(), expected, "{list} at {path}");
        }
    }
}

#[test]
fn the_top_of_a_file_speaks_about_its_rules() {
    let top = "prefilter = '''matchesAny(attributes[\"path\"], [`^docs/`])'''\n\
               filter = '''finding[\"rule_id\"] == \"r\" && finding[\"secret\"] in [\"hook\"]'''\n";
    let rules = set(&format!(
        "{top}{RULE}[[rules]]\nid = 's'\nregex = 'k=hook'\n[[rules]]\nid = 'p'\npath = 'a$'\n"
    ));
    assert_eq!(standings(&rules, "k=hook", "docs/a"), [BY_PATH]);
    assert_eq!(standings(&rules, "k=hook", "src/a"), [Standing::Stands]);
    let mut judged = Vec::new();
    rules.judge_path(b"docs/a", &mut judged);
    rules.judge_path(b"src/a", &mut judged);
    assert_eq!(judged, [(2, BY_PATH), (2, Standing::Stands)]);
    let mut matched = Vec::new();
    rules.match_path(b"docs/a", &mut matched);
    assert!(matched.is_empty());
}

#[test]
fn what_ships_with_us_hides_nothing() {
    let pack = crate::builtin()
        .into_iter()
        .find(|pack| pack.text.contains("allowlists"))
        .unwrap();
    let name = "copy.toml".to_owned();
    let lists = |text: String| {
        let source = Source {
            name: name.clone(),
            text,
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let lists = rules.matchers.iter().flat_map(|rule| &rule.allowlists);
        let imported: Vec<bool> = lists.map(|list| list.imported).collect();
        imported
    };
    assert!(lists(pack.text.clone()).iter().all(|imported| !imported));
    assert!(lists(pack.text + "\n").iter().all(|imported| *imported));
}

#[test]
fn a_flood_of_hidden_matches_is_told_in_part_and_counts_for_nothing() {
    let rules = set(&format!(
        "{RULE}[[rules.allowlists]]\nstopwords = ['hook']\n"
    ));
    let text = "k=hook ".repeat(3 * MAX_HIDDEN) + &"k=x ".repeat(5);
    let mut scratch = Scratch::with_max_matches(&rules, 5);
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut scratch, &mut matches);
    assert!(!scan.truncated);
    assert_eq!(matches.len(), MAX_HIDDEN + 5);
    let (windowed, carried) =
        windows::in_windows(&rules, &mut scratch, text.as_bytes(), 1100, || 300);
    assert_eq!(windowed, matches);
    assert!(!carried.is_truncated());
}

/// Filters see around a match what they would see of the whole text.
#[test]
fn filters_in_windows() {
    let rules = set(&format!(
        "{RULE}filter = '''let around = finding[\"fragment_raw\"][\
         max(finding[\"match_start_idx\"] - 150, finding[\"match_line_start_idx\"]):\
         min(finding[\"match_end_idx\"] + 50, finding[\"match_line_end_idx\"])];\n\
         matchesAny(around, [`ab`]) || matchesAny(finding[\"line\"], [`^a.*b$`]) || containsAny(finding[\"secret\"], [\"00\"])'''\n"
    ));
    let mut random = crate::random::Random::from_word("filters");
    let mut scratch = Scratch::new(&rules);
    let mut found = 0;
    for round in 0..20 {
        let alphabet = ["k=0ab\n ", "k==00c      ", "kkk===cb0\n"][round % 3];
        let text = random.text(20_000, alphabet).into_bytes();
        let mut expected = Vec::new();
        let _ = rules.scan(&text, &mut scratch, &mut expected);
        let (matches, _) = windows::in_windows(&rules, &mut scratch, &text, 20_100, || 900);
        assert_eq!(matches, expected);
        found += expected.len();
    }
    assert!(found > 500, "{found}");
}
