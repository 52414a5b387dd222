//! What is accepted, what it comes to, and the exact words for what is refused.

mod console;
mod egress;
mod example;
mod excuses;
mod notify;
mod overrides;
mod quarantine;
mod sources;

use std::path::Path;

use super::*;

type Loaded = Result<(Config, Vec<Warning>), Error>;

/// Loads `text` as `exeat.toml` of an empty folder, which the error texts do not show.
fn load(text: &str, variables: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), text, variables)
}

fn load_in(folder: &Path, text: &str, variables: &[(&str, &str)]) -> Loaded {
    let path = folder.join("exeat.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), variables)
}

fn accepted(text: &str) -> Config {
    load(text, &[]).unwrap().0
}

/// Checks the text of the refusal, one line per problem, the folder left out.
#[track_caller]
fn refused(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let error = load_in(folder.path(), text, variables)
        .unwrap_err()
        .to_string();
    let error = error.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
    assert!(error.is_ascii());
}

#[test]
fn nothing_configured_is_the_documented_start() {
    let config = Config::defaults().unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8443");
    assert_eq!(config.listen.tls, Tls::Development);
    assert_eq!(
        config.telemetry.address.unwrap().to_string(),
        "127.0.0.1:9464"
    );
    assert_eq!(config.data.directory, Path::new("exeat-data"));
    assert_eq!(config.rules.files, [RuleFile::Builtin]);
    assert_eq!(config.policy.block, Disposition::Refuse);
    assert_eq!(config.policy.review, Disposition::Hold);
    assert_eq!(config.policy.warn, Disposition::Warn);
    assert_eq!(config.policy.note, Disposition::Forward);
    assert_eq!(config.policy.unscannable, Disposition::Hold);
    assert_eq!(config.policy.existing, Disposition::Forward);
    let upstreams: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| {
            (
                upstream.name.as_str(),
                upstream.url.as_str(),
                upstream.forge,
            )
        })
        .collect();
    assert_eq!(
        upstreams,
        [
            ("bitbucket.org", "https://bitbucket.org/", Forge::Bitbucket),
            ("codeberg.org", "https://codeberg.org/", Forge::Gitea),
            ("github.com", "https://github.com/", Forge::GitHub),
            ("gitlab.com", "https://gitlab.com/", Forge::GitLab),
        ]
    );
    assert!(
        config
            .upstreams
            .iter()
            .all(|upstream| upstream.allows("any/repo.git"))
    );
    for (name, value) in config.limits.numbers() {
        let expected = Limits::DEFAULTS.iter().find(|(known, _)| *known == name);
        assert_eq!(Some(&(name, value)), expected);
    }
}

#[test]
fn an_upstream_that_is_named_is_the_only_one() {
    let config = accepted("[upstream.mine]\nurl = \"https://git.example:8443/\"\n");
    let [only] = config.upstreams.as_slice() else {
        panic!("{:?}", config.upstreams);
    };
    assert_eq!(only.authority, "git.example:8443");
    assert_eq!(only.forge, Forge::Other);
    assert!(config.upstream("mine").is_some());
    assert!(config.upstream("github.com").is_none());
}

#[test]
fn unknown_keys_are_named_with_the_nearest_valid_one() {
    refused(
        "[listen]\nadress = \"127.0.0.1:1\"\n\n[polcy]\nblock = \"hold\"\n[limits]\nx = 1\n",
        &[],
        &[
            "exeat.toml:2: listen.adress: unknown key; did you mean \"address\"?",
            "exeat.toml:4: polcy: unknown key; did you mean \"policy\"?",
            "exeat.toml:7: limits.x: unknown key; see the example file",
        ],
    );
    refused(
        "stray = 1\n[data]\nfolder = \"x\"\n",
        &[],
        &[
            "exeat.toml:1: stray: unknown key; expected \"listen\", \"console\", \"telemetry\", \"data\", \"rules\", \"policy\", \"quarantine\", \"notify\", \"identity\", \"upstream\" or \"limits\"",
            "exeat.toml:3: data.folder: unknown key; expected \"directory\"",
        ],
    );
    refused(
        "[upstream.github.com]\nurl = \"https://github.com\"\n",
        &[],
        &[
            "exeat.toml:1: upstream.github.com: unknown key; a name that holds dots needs quotes, as in [upstream.\"github.com\"]",
            "exeat.toml:1: upstream.github.url: missing; expected a server's address such as https://github.com",
        ],
    );
}

#[test]
fn wrong_types_are_named_with_what_was_expected() {
    refused(
        "listen = 3\n[telemetry]\naddress = 9464\n[rules]\nfiles = \"builtin\"\n[policy]\nblock = true\n\
         [data]\ndirectory = 1979-05-27\n[limits]\npushes = \"64\"\ncommands = 1.5\n\
         [upstream]\nx = 1\n[upstream.y]\nurl = []\nplaintext = \"true\"\nallow = [1]\n",
        &[],
        &[
            "exeat.toml:1: listen: expected a table, found 3",
            "exeat.toml:3: telemetry.address: expected a string, found 9464",
            "exeat.toml:5: rules.files: expected a list of strings, found \"builtin\"",
            "exeat.toml:7: policy.block: expected a string, found true",
            "exeat.toml:9: data.directory: expected a string, found a date",
            "exeat.toml:11: limits.pushes: expected a whole number from 1 to 400, found \"64\"",
            "exeat.toml:12: limits.commands: expected a whole number from 1 to 1000000, found another kind of number",
            "exeat.toml:14: upstream.x: expected a table, found 1",
            "exeat.toml:16: upstream.y.url: expected a string, found a list",
            "exeat.toml:17: upstream.y.plaintext: expected true or false, found \"true\"",
            "exeat.toml:18: upstream.y.allow: expected a list of strings, found a list",
        ],
    );
}

#[test]
fn addresses_and_encryption_are_checked() {
    refused(
        "[listen]\naddress = \"localhost:8443\"\ntls = \"of\"\n[telemetry]\naddress = \"239.0.0.1:1\"\n",
        &[],
        &[
            "exeat.toml:2: listen.address: expected an IP address and port such as 127.0.0.1:8443, found \"localhost:8443\"",
            "exeat.toml:3: listen.tls: expected \"development\", \"off\" or a table with certificate and key, found \"of\"",
            "exeat.toml:5: telemetry.address: expected an IP address and port such as 127.0.0.1:9464, or \"off\", found \"239.0.0.1:1\"",
        ],
    );
    refused(
        "[listen]\naddress = \"0.0.0.0:8443\"\ntls = \"off\"\n[telemetry]\naddress = \"0.0.0.0:8443\"\n",
        &[],
        &[
            "exeat.toml:3: listen.tls: \"off\" needs a loopback listen.address such as 127.0.0.1:8443, found 0.0.0.0:8443",
            "exeat.toml:5: telemetry.address: expected another address than listen.address: counters are not for git clients",
        ],
    );
    let config = accepted(
        "[listen]\naddress = \"[::1]:0\"\ntls = \"off\"\n[telemetry]\naddress = \"off\"\n",
    );
    assert_eq!(config.listen.tls, Tls::Off);
    assert_eq!(config.telemetry.address, None);
    let config = accepted("[telemetry]\naddress = \"127.0.0.1:0\"\n");
    assert_eq!(config.telemetry.address.unwrap().port(), 0);
}

#[test]
fn certificates_are_paths_from_the_file_on_and_a_pasted_key_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["c.pem", "k.pem", "a.pem", "r.pem"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let text = "[listen.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n\
                client_ca = \"a.pem\"\nclient_crl = \"r.pem\"\n";
    let (config, _) = load_in(folder.path(), text, &[]).unwrap();
    let expected = Tls::Files(Files {
        certificate: folder.path().join("c.pem"),
        key: folder.path().join("k.pem"),
        client_ca: Some(folder.path().join("a.pem")),
        client_crl: Some(folder.path().join("r.pem")),
    });
    assert_eq!(config.listen.tls, expected);
    refused(
        "[listen.tls]\ncertificate = \"c.pem\"\nkey = \"PASTED-PRIVATE-KEY\"\nca = \"x\"\n",
        &[],
        &[
            "exeat.toml:2: listen.tls.certificate: cannot read this file: No such file or directory (os error 2)",
            "exeat.toml:3: listen.tls.key: cannot read this file: No such file or directory (os error 2)",
            "exeat.toml:4: listen.tls.ca: unknown key; expected \"certificate\", \"key\", \"client_ca\" or \"client_crl\"",
        ],
    );
    refused(
        "[listen]\ntls = { key = 5 }\n",
        &[],
        &[
            "exeat.toml:2: listen.tls.certificate: missing; expected the path of a PEM file",
            "exeat.toml:2: listen.tls.key: expected a string, found something else (not shown)",
        ],
    );
}

#[test]
fn policy_words_are_checked_and_holes_are_warned_about() {
    refused(
        "[policy]\nblock = \"refused\"\nwarn = \"ignore\"\n",
        &[],
        &[
            "exeat.toml:2: policy.block: expected \"refuse\", \"hold\", \"warn\" or \"forward\", found \"refused\"; did you mean \"refuse\"?",
            "exeat.toml:3: policy.warn: expected \"refuse\", \"hold\", \"warn\" or \"forward\", found \"ignore\"",
        ],
    );
    let text = "[policy]\nblock = \"warn\"\nunscannable = \"forward\"\n";
    let (_, warnings) = load(text, &[]).unwrap();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(warnings[0].ends_with(
        "exeat.toml:2: policy.block: pushes that carry secrets beyond doubt are let through"
    ));
    assert!(warnings[1].ends_with(
        "exeat.toml:3: policy.unscannable: content that could not be read is let through unseen"
    ));
    assert_eq!(warnings.len(), 2);
}

#[test]
fn packs_are_chosen_by_name() {
    let text = "[rules]\npacks = [\"personal-data-us\", \"personal-data-eu\"]\n";
    let (config, warnings) = load(text, &[]).unwrap();
    assert_eq!(config.rules.packs, ["personal-data-us", "personal-data-eu"]);
    assert!(warnings.is_empty());
    let known = "\"licenses\", \"markers-cjk\", \"personal-data-africa\", \"personal-data-americas\", \"personal-data-asia-pacific\", \"personal-data-eu\", \
                 \"personal-data-uk\" or \"personal-data-us\"";
    refused(
        "[rules]\npacks = [\"personal-data-usa\", \"payments\", \"personal-data-uk\", \"personal-data-uk\"]\n",
        &[],
        &[
            &format!(
                "exeat.toml:2: rules.packs: expected {known}, found \"personal-data-usa\"; did you mean \"personal-data-us\"?"
            ),
            &format!("exeat.toml:2: rules.packs: expected {known}, found \"payments\""),
            "exeat.toml:2: rules.packs: \"personal-data-uk\" is named twice",
        ],
    );
}

#[test]
fn rules_without_the_built_in_ones_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("more.toml"), "").unwrap();
    let (config, warnings) =
        load_in(folder.path(), "[rules]\nfiles = [\"more.toml\"]\n", &[]).unwrap();
    assert_eq!(
        config.rules.files,
        [RuleFile::File(folder.path().join("more.toml"))]
    );
    let expected = "exeat.toml:2: rules.files: \"builtin\" is left out: only the rules of these files are looked for";
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].to_string().ends_with(expected),
        "{}",
        warnings[0]
    );
    let (_, warnings) = load_in(
        folder.path(),
        "[rules]\nfiles = [\"builtin\", \"more.toml\"]\n",
        &[],
    )
    .unwrap();
    assert!(warnings.is_empty());

    refused(
        "[rules]\nfiles = [\"builtin\", \"builtin\", \"absent.toml\", \"\"]\n",
        &[],
        &[
            "exeat.toml:2: rules.files: \"builtin\" is named twice",
            "exeat.toml:2: rules.files: cannot read \"absent.toml\": No such file or directory (os error 2)",
            "exeat.toml:2: rules.files: expected \"builtin\" or a path, found \"\"",
        ],
    );
    refused(
        "[rules]\nfiles = []\n",
        &[],
        &[
            "exeat.toml:2: rules.files: expected at least one of \"builtin\" and paths, found an empty list",
        ],
    );
}

#[test]
fn addresses_of_upstreams_are_checked() {
    let url = |url: &str, expected: &str| {
        let expected = format!("exeat.toml:2: upstream.u.url: {expected}");
        refused(
            &format!("[upstream.u]\nurl = \"{url}\"\n"),
            &[],
            &[&expected],
        );
    };
    url(
        "github.com",
        "expected a server's address such as https://github.com, found \"github.com\"",
    );
    url(
        "htps://github.com",
        "expected a server's address such as https://github.com, found \"htps://github.com\"; did you mean https?",
    );
    url(
        "ssh://github.com",
        "expected a server's address such as https://github.com, found \"ssh://github.com\"",
    );
    url(
        "http://github.com",
        "\"http://github.com\" is not encrypted; use https, or set plaintext = true here",
    );
    url(
        "https://github.com/org",
        "expected scheme, host and port only, found \"https://github.com/org\"",
    );
    url(
        "https://github.com?a",
        "expected scheme, host and port only, found \"https://github.com?a\"",
    );
    url(
        "https://github.com/#a",
        "expected scheme, host and port only, found \"https://github.com/#a\"",
    );
    url(
        "https://github.com:0",
        "expected a server's address such as https://github.com, found \"https://github.com:0\"",
    );
    url(
        "https://github.com.",
        "expected a server's address such as https://github.com, found \"https://github.com.\"",
    );
    let hidden = "expected a server's address such as https://github.com, without user name or password (value not shown)";
    url("https://me:pass@github.com", hidden);
    url("https://me@github.com", hidden);
    url("me:pass@github.com", hidden);

    refused(
        "[upstream.u]\nurl = \"https://x\"\nforge = \"githb\"\nhost = \"a:1\"\nca = \"absent.pem\"\n",
        &[],
        &[
            "exeat.toml:3: upstream.u.forge: expected \"github\", \"gitlab\", \"gitea\", \"bitbucket\" or \"other\", found \"githb\"; did you mean \"github\"?",
            "exeat.toml:4: upstream.u.host: expected a host name or address without port, such as github.exeat.example, found \"a:1\"",
            "exeat.toml:5: upstream.u.ca: cannot read the file: No such file or directory (os error 2)",
        ],
    );
    let config = accepted("[upstream.u]\nurl = \"http://127.0.0.1:8080\"\nplaintext = true\n");
    assert_eq!(config.upstreams[0].authority, "127.0.0.1:8080");
}

#[test]
fn names_and_hosts_of_upstreams_are_unambiguous() {
    refused(
        "[upstream.\".a\"]\nurl = \"https://a\"\n[upstream.\"a/b\"]\nurl = \"https://a\"\n\
         [upstream.X]\nurl = \"https://a\"\n[upstream.x]\nurl = \"https://a\"\n",
        &[],
        &[
            "exeat.toml:1: upstream.\".a\": expected a name of letters, digits, \".\", \"_\" and \"-\" that does not begin with a dot: it is a segment of the address that developers push to",
            "exeat.toml:3: upstream.\"a/b\": expected a name of letters, digits, \".\", \"_\" and \"-\" that does not begin with a dot: it is a segment of the address that developers push to",
            "exeat.toml:7: upstream.x: differs from upstream \"X\" only in case",
        ],
    );
    refused(
        "[upstream.a]\nurl = \"https://a\"\nhost = \"GIT.example\"\n[upstream.b]\nurl = \"https://b\"\nhost = \"git.example\"\n",
        &[],
        &["exeat.toml:6: upstream.b.host: \"git.example\" is the host of upstream \"a\" already"],
    );
    let host = |host: &str| {
        let text = format!("[upstream.a]\nurl = \"https://a\"\nhost = \"{host}\"\n");
        accepted(&text).upstreams[0].host.clone().unwrap()
    };
    assert_eq!(host("GIT.Example"), "git.example");
    assert_eq!(host("10.0.0.1"), "10.0.0.1");
    assert_eq!(host("::1"), "[::1]");
    assert_eq!(host("[::1]"), "[::1]");
}

#[test]
fn authorities_of_an_upstream_are_read_with_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["ca.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate.pem().repeat(2)).unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let text = "[upstream.u]\nurl = \"https://x\"\nca = \"ca.pem\"\n";
    let (config, _) = load_in(folder.path(), text, &[]).unwrap();
    let authorities = config.upstreams[0].ca.as_ref().unwrap();
    assert_eq!(authorities.certificates.len(), 2);
    assert_eq!(&authorities.certificates[0], certificate.der());
    assert_eq!(authorities.path, folder.path().join("ca.pem"));

    let error = load_in(folder.path(), &text.replace("ca.pem", "empty.pem"), &[]).unwrap_err();
    let expected = "exeat.toml:3: upstream.u.ca: expected PEM certificates in the file, found none";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn allowed_repositories_are_matched_by_segment() {
    let upstream = |forge: &str, allow: &str| {
        let text =
            format!("[upstream.u]\nurl = \"https://x\"\nforge = \"{forge}\"\nallow = {allow}\n");
        accepted(&text).upstreams.remove(0)
    };
    let forge = upstream(
        "gitlab",
        "[\"finos/*\", \"Deep/**\", \"org/repo.git\", \"a/**/z\"]",
    );
    for repository in [
        "finos/x",
        "finos/x.git",
        "FINOS/X.GIT",
        "deep/a",
        "deep/a/b/c.git",
        "org/repo",
        "ORG/REPO.git",
        "a/z",
        "a/b/c/z",
    ] {
        assert!(forge.allows(repository), "{repository}");
    }
    for repository in [
        "finos",
        "finos/",
        "finos/x/y",
        "xfinos/x",
        "deep",
        "org/repo.git.git",
        "org/repox",
        "org",
        "",
        "org/repo/",
        "a/b",
        "/finos/x",
        "finos/.git/x",
    ] {
        assert!(!forge.allows(repository), "{repository}");
    }
    let exact = upstream("other", "[\"org/repo\"]");
    assert!(exact.allows("org/repo.git"));
    assert!(!exact.allows("Org/repo"));
    assert!(!exact.allows("org/repo.GIT"));
    assert!(!upstream("other", "[]").allows("org/repo"));

    let pattern = |pattern: &str, expected: &str| {
        let text =
            format!("[upstream.u]\nurl = \"https://x\"\nallow = [\"fine/*\", \"{pattern}\"]\n");
        let expected =
            format!("exeat.toml:3: upstream.u.allow: expected {expected}, found \"{pattern}\"");
        refused(&text, &[], &[&expected]);
    };
    pattern(
        "/org/x",
        "a repository such as org/repo, without server or leading slash",
    );
    pattern(
        "https://x/y",
        "a repository such as org/repo, without server or leading slash",
    );
    pattern(
        "org/",
        "segments between single slashes, none of them empty, . or ..",
    );
    pattern(
        "org/../x",
        "segments between single slashes, none of them empty, . or ..",
    );
    pattern(
        "",
        "segments between single slashes, none of them empty, . or ..",
    );
    pattern(
        "org/a**",
        "** as a whole segment, as in org/**; within a segment * does it",
    );
    pattern("org/[a", "a pattern whose brackets and braces are closed");
}

#[test]
fn limits_stay_within_reason() {
    refused(
        "[limits]\npushes = 0\ncommands = -1\ndelta_depth = 65536\npack_bytes = 99999999999999\n",
        &[],
        &[
            "exeat.toml:2: limits.pushes: expected a whole number from 1 to 400, found 0",
            "exeat.toml:3: limits.commands: expected a whole number from 1 to 1000000, found -1",
            "exeat.toml:4: limits.delta_depth: expected a whole number from 1 to 65535, found 65536",
            "exeat.toml:5: limits.pack_bytes: expected a whole number from 1 to 1099511627776, found 99999999999999",
        ],
    );
    refused(
        "[limits]\nspool_bytes = 1_000\nresolved_bytes = 1\npush_seconds = 10\n",
        &[],
        &[
            "exeat.toml:2: limits.spool_bytes: expected at least limits.pack_bytes (2147483648), found 1000",
            "exeat.toml:3: limits.resolved_bytes: expected at least limits.object_bytes (536870912), found 1",
            "exeat.toml:4: limits.push_seconds: expected at least limits.inspect_seconds (300), found 10",
        ],
    );
    let config = accepted("[limits]\ndrain_seconds = 5\nhead_bytes = 0x1000\n");
    assert_eq!(
        config.limits.drain_seconds,
        std::time::Duration::from_secs(5)
    );
    assert_eq!(config.limits.head_bytes, 4096);
}

#[test]
fn what_is_not_toml_is_refused_without_quoting_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let error = load_in(folder.path(), "[listen]\nkey = hunter2\n", &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("exeat.toml:2: not TOML: "), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(error.lines().count(), 1);
    let absent =
        Config::load(Some(Path::new("absent/exeat.toml")), std::iter::empty()).unwrap_err();
    let expected =
        "absent/exeat.toml: cannot read the configuration: No such file or directory (os error 2)";
    assert_eq!(absent.to_string(), expected);
}

#[test]
fn pipes_and_devices_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [&pipe, Path::new("/dev/zero"), folder.path()] {
        let error = Config::load(Some(path), std::iter::empty()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("it is not a file"), "{error}");
    }
    for section in ["rules", "policy"] {
        let text = format!("[{section}]\nfiles = [\"pipe.toml\"]\n");
        let error = load_in(folder.path(), &text, &[]).unwrap_err().to_string();
        let expected = format!("{section}.files: cannot read \"pipe.toml\": it is not a file");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn variables_win_over_the_file() {
    let text = "[listen]\naddress = \"127.0.0.1:1\"\n[limits]\npushes = 3\n\
                [upstream.\"git.example-x.com\"]\nurl = \"https://a\"\n";
    let variables = [
        ("EXEAT__LISTEN__ADDRESS", "127.0.0.1:2"),
        ("EXEAT__LIMITS__PUSHES", "5"),
        ("EXEAT__RULES__FILES", "builtin"),
        (
            "EXEAT__UPSTREAM__GIT_EXAMPLE_X_COM__ALLOW",
            "org/*, other/repo",
        ),
        ("EXEAT__UPSTREAM__GIT_EXAMPLE_X_COM__PLAINTEXT", "true"),
        ("EXEAT__UPSTREAM__SECOND__URL", "https://b"),
        ("EXEAT__POLICY__WARN", "hold"),
        ("EXEAT_SERVICE_HOST", "not ours"),
        ("PATH", "not ours"),
    ];
    let (config, _) = load(text, &variables).unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:2");
    assert_eq!(config.limits.pushes, 5);
    assert_eq!(config.policy.warn, Disposition::Hold);
    let [first, second] = config.upstreams.as_slice() else {
        panic!("{:?}", config.upstreams);
    };
    assert_eq!(first.name, "git.example-x.com");
    assert!(first.plaintext && first.allows("org/x") && !first.allows("third/x"));
    assert_eq!(
        first.allow.as_ref().unwrap().patterns(),
        ["org/*", "other/repo"]
    );
    assert_eq!(second.name, "second");

    let variables = [(
        "EXEAT__LISTEN__ADDRESS".to_owned(),
        "127.0.0.1:3".to_owned(),
    )];
    let (config, _) = Config::load(None, variables.into_iter()).unwrap();
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:3");
}

#[test]
fn variables_replace_words_by_tables_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["c.pem", "k.pem"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let files = [
        ("EXEAT__LISTEN__TLS__CERTIFICATE", "c.pem"),
        ("EXEAT__LISTEN__TLS__KEY", "k.pem"),
    ];
    let (config, _) = load_in(folder.path(), "[listen]\ntls = \"off\"\n", &files).unwrap();
    assert!(matches!(config.listen.tls, Tls::Files { .. }));
    let text = "[listen.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n";
    let (config, _) = load_in(folder.path(), text, &[("EXEAT__LISTEN__TLS", "off")]).unwrap();
    assert_eq!(config.listen.tls, Tls::Off);
}

#[test]
fn wrong_variables_are_named() {
    refused(
        "[limits]\npushes = 3\n",
        &[
            ("EXEAT__LISTEN__ADRESS", "127.0.0.1:2"),
            ("EXEAT__LIMITS__PUSHES", "many"),
            ("EXEAT__LISTEN__TLS__KEY", "pasted"),
            ("EXEAT__UPSTREAM__X__PLAINTEXT", "yes"),
            ("EXEAT__", "x"),
            ("EXEAT__POLICY", "x"),
        ],
        &[
            "environment variable EXEAT__: \"\": expected EXEAT__SECTION__KEY, such as EXEAT__LISTEN__ADDRESS",
            "environment variable EXEAT__LIMITS__PUSHES: limits.pushes: expected a whole number from 1 to 400, found \"many\"",
            "environment variable EXEAT__LISTEN__ADRESS: listen.adress: unknown key; did you mean \"address\"?",
            "environment variable EXEAT__LISTEN__TLS__KEY: listen.tls.certificate: missing; expected the path of a PEM file",
            "environment variable EXEAT__LISTEN__TLS__KEY: listen.tls.key: cannot read this file: No such file or directory (os error 2)",
            "environment variable EXEAT__POLICY: policy: expected a table, found \"x\"",
            "environment variable EXEAT__UPSTREAM__X__PLAINTEXT: upstream.x.plaintext: expected true or false, found \"yes\"",
            "environment variable EXEAT__UPSTREAM__X__PLAINTEXT: upstream.x.url: missing; expected a server's address such as https://github.com",
        ],
    );
    refused(
        "",
        &[("EXEAT__DATA", "x"), ("EXEAT__DATA__DIRECTORY", "y")],
        &[
            "environment variable EXEAT__DATA__DIRECTORY: data: expected a table, found \"x\"",
            "environment variable EXEAT__DATA__DIRECTORY: data.directory: another variable sets the same key or a part of it",
        ],
    );
}

#[test]
fn what_is_shown_loads_to_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["c.pem", "k.pem", "more.toml"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let text = "[listen]\ntls = { certificate = \"c.pem\", key = \"k.pem\" }\n[telemetry]\naddress = \"off\"\n\
                [rules]\nfiles = [\"more.toml\"]\npacks = [\"personal-data-us\"]\n[limits]\npushes = 7\n[policy]\nwarn = \"hold\"\n\
                [upstream.u]\nurl = \"https://a\"\nallow = [\"x/*\"]\nhost = \"h.example\"\n";
    let (config, _) = load_in(folder.path(), text, &[]).unwrap();
    let (again, _) = load(&config.show(), &[]).unwrap();
    assert_eq!(again.show(), config.show());
    assert_eq!(again.digest(), config.digest());
    assert_ne!(again.digest(), Config::defaults().unwrap().digest());
    assert_eq!(config.digest().len(), 64);
}

#[test]
fn what_is_shown_has_every_section_and_no_secret() {
    let shown = Config::defaults().unwrap().show();
    let expected = "[listen]\naddress = \"127.0.0.1:8443\"\ntls = \"development\"\n\n\
                    [console]\naddress = \"off\"\ntls = \"development\"\n\n\
                    [telemetry]\naddress = \"127.0.0.1:9464\"\n\n\
                    [data]\ndirectory = \"exeat-data\"\n\n\
                    [rules]\nfiles = [\"builtin\"]\npacks = []\nwatch = true\ndrafts = false\n\n\
                    [policy]\nfiles = []\ndrafts = false\nblock = \"refuse\"\nreview = \"hold\"\nwarn = \"warn\"\nnote = \"forward\"\nunscannable = \"hold\"\nopaque = \"hold\"\nexisting = \"forward\"\nquiet_after = 10\nquiet_minutes = 60\n\n\
                    [quarantine]\nbytes = 53687091200\ndays = 14\ncontents_days = 90\n\n[notify]\nretry_seconds = 10\ngive_up_seconds = 86400\n\n[notify.mail]\nserver = \"off\"\n\n\
                    [identity]\nsources = []\nrequired = []\ncache_seconds = 300\nmail_domains = []\nmail_domains_action = \"off\"\nnot_pusher_action = \"off\"\nsign_off_action = \"off\"\nsignature_action = \"off\"\nbots = []\n\n\
                    [upstream.\"bitbucket.org\"]\nurl = \"https://bitbucket.org\"\nplaintext = false\nprivate = false\nvia = \"off\"\nforge = \"bitbucket\"\n\n";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(shown.ends_with("drain_seconds = 30\n"), "{shown}");
}
