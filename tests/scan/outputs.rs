//! Every output format: of the right form, complete, and without a secret.

use super::*;

/// A folder with findings of several kinds, one of them in an odd place, and something that cannot be read.
fn found() -> (Place, [String; 3]) {
    let place = Place::new();
    let secrets = [721, 722, 723].map(github_token);
    place.write("=cmd.txt", format!("\n  x {}\n", secrets[0]));
    place.write("a <&>\"'/b,c.env", format!("\u{fc}ber: {}\n", secrets[1]));
    place.write(&format!("by-{}-name", secrets[2]), "nothing\n");
    (place, secrets)
}

fn scanned(format: &str) -> Run {
    let (place, secrets) = found();
    let run = place.scan(&["--format", format, "."]);
    assert_eq!(run.status, 1, "{run}");
    for secret in &secrets {
        assert_untold(&run, secret);
    }
    run
}

fn value(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// How a document is validated, by the name of its schema in this repository.
const OUTPUTS: [(&str, &str); 4] = [(SCAN, JSON), (SARIF, JSON), (GITLAB, JSON), (JUNIT, XML)];
const SCAN: &str = "proxy/handbook/schemas/scan.json";
const SARIF: &str = "tests/scan/schemas/sarif.json";
const GITLAB: &str = "tests/scan/schemas/gitlab-secret-detection.json";
const JUNIT: &str = "tests/scan/schemas/junit.xsd";

/// Arguments: the schema, the document. Schemas beside it may be referred to by their names.
const JSON: &str = "import json, sys, jsonschema, pathlib, referencing\n\
    path = pathlib.Path(sys.argv[1])\n\
    beside = lambda uri: referencing.Resource.from_contents(json.loads((path.parent / uri).read_text()))\n\
    schema, document = (json.load(open(name)) for name in sys.argv[1:3])\n\
    kind = jsonschema.validators.validator_for(schema)\n\
    kind.check_schema(schema)\n\
    registry = referencing.Registry(retrieve=beside)\n\
    kind(schema, registry=registry, format_checker=jsonschema.FormatChecker()).validate(document)\n";

const XML: &str = "import sys, xmlschema\nxmlschema.XMLSchema(sys.argv[1]).validate(sys.argv[2])\n";

/// Rows and lines become an array of objects.
const ROWS: &str = "import csv, json, sys\n\
    rows = list(csv.DictReader(open(sys.argv[1], newline=''), strict=True))\n\
    json.dump(rows, open(sys.argv[2], 'w'))\n";

/// Validates what was printed by the schema of that path, and by the one that its authors publish, where it is at hand.
#[track_caller]
fn validate(run: &Run, schema: &str, published: Option<&str>) {
    let Some(python) = crate::clients::python() else {
        return;
    };
    let (_, script) = OUTPUTS.iter().find(|(name, _)| *name == schema).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document");
    fs::write(&document, &run.stdout).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut schemas = vec![here.join(schema)];
    schemas.extend(published.and_then(self::published));
    for schema in schemas {
        let mut command = Command::new(&python);
        command.args(["-c", script]).arg(schema).arg(&document);
        run_program(&mut command).ok();
    }
}

/// A schema out of the folder with those that others publish, which are not part of this repository.
fn published(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("EXEAT_SCHEMAS")?).join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// Validates each of `findings` by the schema of that name in the handbook.
#[track_caller]
fn validate_each(objects: &str, name: &str) {
    let Some(python) = crate::clients::python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document");
    fs::write(&document, objects).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy/handbook/schemas");
    let each = format!(r#"{{"type": "array", "minItems": 1, "items": {{"$ref": "{name}"}}}}"#);
    let schema = folder.path().join("each.json");
    fs::write(&schema, each).unwrap();
    fs::copy(here.join(name), folder.path().join(name)).unwrap();
    let mut command = Command::new(python);
    command.args(["-c", JSON]).arg(schema).arg(&document);
    run_program(&mut command).ok();
}

/// What a rule file of others says of its rules moves no cursor, and every document holds.
#[test]
fn words_of_hostile_rule_files() {
    let place = Place::new();
    let hostile = [
        "]]>\u{1b}[2J",
        "\u{202e}evil",
        "\u{fffe}\u{fdd0}",
        "=1\r\n+2",
        "<a b=\"'&",
        "\u{85}\u{2028}\u{7}",
    ];
    let (mut rules, mut text) = (String::new(), String::new());
    for (at, words) in hostile.iter().enumerate() {
        let words: String = words
            .chars()
            .map(|c| format!("\\U{:08X}", c as u32))
            .collect();
        let word = format!("hostile-word-{at}");
        rules += &format!(
            "[[rules]]\nid = \"r{at}\"\ndescription = \"{words} d {words}\"\nremedy = \"{words}\"\ntags = [\"{words}\"]\n\
             references = [\"https://a.example/{words}\"]\nregex = '{word}'\n"
        );
        text += &format!("{word}\n");
    }
    place.write("rules.toml", &rules);
    place.write("exeat.toml", "[rules]\nfiles = [\"rules.toml\"]\n");
    place.write("\u{1b}]]>\u{202e}=", &text);
    let run = |format| {
        let run = place.scan(&["--config", "exeat.toml", "--format", format, "."]);
        let is_moving = |c: char| {
            c.is_control() && !matches!(c, '\n' | '\r')
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{fffe}')
        };
        // JSON escapes what it holds, and tags are told there as they are.
        assert!(
            matches!(format, "sarif") || !run.stdout.contains(is_moving),
            "{format}: {run}"
        );
        assert_eq!(run.status, 1, "{format}: {run}");
        run
    };
    run("text");
    // Each word once more in the rule file.
    assert_eq!(run("csv").stdout.lines().count(), 1 + 2 * hostile.len());
    validate(&run("json"), SCAN, None);
    validate(&run("sarif"), SARIF, Some("sarif-schema-2.1.0.json"));
    validate(&run("junit"), JUNIT, None);
    validate(&run("gitlab"), GITLAB, None);
}

#[test]
fn schemas_refuse_what_is_wrong() {
    let run = scanned("sarif");
    validate(&run, SARIF, None);
    let Some(python) = crate::clients::python() else {
        return;
    };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scan/schemas/sarif.json");
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document");
    for (right, wrong) in [
        ("\"2.1.0\"", "\"2.2.0\""),
        ("\"startLine\": 2", "\"startLine\": 0"),
        ("\"ruleIndex\"", "\"rulesIndex\""),
    ] {
        assert!(run.stdout.contains(right), "{run}");
        fs::write(&document, run.stdout.replace(right, wrong)).unwrap();
        let mut command = Command::new(&python);
        command.args(["-c", JSON]).arg(&schema).arg(&document);
        assert_ne!(run_program(&mut command).status, 0, "{wrong}");
    }
}

#[test]
fn sarif() {
    let run = scanned("sarif");
    let log = value(&run);
    assert_eq!(log["version"], "2.1.0");
    let report = &log["runs"][0];
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), 3, "{run}");
    let rules = report["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(result["level"], "error");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "%3Dcmd.txt");
    assert_eq!(place["region"]["startLine"], 2);
    assert_eq!(place["region"]["startColumn"], 5);
    // Characters, where everything else counts bytes.
    let region = &results[1]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startColumn"], 7);
    assert_eq!(report["invocations"][0]["executionSuccessful"], true);
    validate(&run, SARIF, Some("sarif-schema-2.1.0.json"));
    // What was not read is told, and a clean scan is a whole document as well.
    let place = Place::new();
    let run = place.scan(&["--format", "sarif", "absent"]);
    assert_eq!(run.status, 2);
    let report = &value(&run)["runs"][0];
    assert_eq!(report["invocations"][0]["executionSuccessful"], false);
    assert_eq!(report["results"].as_array().unwrap().len(), 0);
    validate(&run, SARIF, Some("sarif-schema-2.1.0.json"));
}

#[test]
fn json() {
    let run = scanned("json");
    let whole = value(&run);
    assert_eq!(whole["findings"].as_array().unwrap().len(), 3);
    assert_eq!(whole["unread"].as_array().unwrap().len(), 0);
    assert_eq!(whole["rules_digest"].as_str().unwrap().len(), 64);
    assert!(whole["scanned_bytes"].as_u64().unwrap() > 80);
    validate(&run, SCAN, None);
    let place = Place::new();
    validate(&place.scan(&["--format", "json", "absent"]), SCAN, None);
}

#[test]
fn jsonl() {
    let run = scanned("jsonl");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{run}");
    validate_each(&format!("[{}]", lines.join(",")), "finding.json");
}

#[test]
fn csv() {
    let run = scanned("csv");
    let lines: Vec<&str> = run.stdout.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4, "{run}");
    assert!(lines[0].starts_with("rule,description,action,"), "{run}");
    assert!(lines[1].contains(",\"'=cmd.txt\",2,5,2,file,"), "{run}");
    assert!(lines[2].contains(",\"a <&>\"\"'/b,c.env\",1,8,1,"), "{run}");
    let Some(python) = crate::clients::python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [document, rows] = ["document.csv", "rows.json"].map(|name| folder.path().join(name));
    fs::write(&document, &run.stdout).unwrap();
    let mut command = Command::new(python);
    command.args(["-c", ROWS]).arg(document).arg(&rows);
    run_program(&mut command).ok();
    validate_each(&fs::read_to_string(rows).unwrap(), "scan-row.json");
}

#[test]
fn junit() {
    let run = scanned("junit");
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
        " tests=\"3\" failures=\"3\" errors=\"0\" ",
        "in a &lt;&amp;&gt;&quot;&apos;/b,c.env\"",
        "<failure type=\"block\" message=\"",
    ] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    validate(&run, JUNIT, Some("JUnit.xsd"));
    for arguments in [&["."][..], &["absent"]] {
        let place = Place::new();
        let run = place.scan(&[&["--format", "junit"], arguments].concat());
        assert!(run.stdout.contains("tests=\"1\""), "{run}");
        validate(&run, JUNIT, Some("JUnit.xsd"));
    }
}

#[test]
fn gitlab() {
    let run = scanned("gitlab");
    let report = value(&run);
    assert_eq!(report["version"], "15.0.0");
    let scan = &report["scan"];
    assert_eq!(
        (&scan["type"], &scan["status"]),
        (&"secret_detection".into(), &"success".into())
    );
    for time in ["start_time", "end_time"] {
        let time = scan[time].as_str().unwrap();
        assert!(time.len() == 19 && &time[10..11] == "T", "{time}");
    }
    for tool in ["analyzer", "scanner"] {
        for key in ["id", "name", "version"] {
            assert!(!scan[tool][key].as_str().unwrap().is_empty());
        }
        assert!(scan[tool]["vendor"]["name"].is_string());
    }
    let found = report["vulnerabilities"].as_array().unwrap();
    assert_eq!(found.len(), 3);
    let mut ids: Vec<&str> = found
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    for one in found {
        assert!(one["identifiers"][0]["value"].is_string());
        assert!(
            one["location"]["commit"]["sha"]
                .as_str()
                .is_some_and(|sha| sha.len() == 40)
        );
        let severity = one["severity"].as_str().unwrap();
        assert!(["Critical", "High", "Medium", "Low", "Info"].contains(&severity));
    }
    assert_eq!(found[0]["location"]["file"], "=cmd.txt");
    validate(&run, GITLAB, Some("secret-detection-report-format.json"));
}
