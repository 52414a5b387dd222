//! The way out: the form of addresses, proxies, what may lead inside, and wikis.

use super::{accepted, load, load_in, refused};

#[test]
fn addresses_are_written_as_addresses() {
    for (url, address) in [
        ("https://2130706433", "127.0.0.1"),
        ("https://0x7f000001", "127.0.0.1"),
        ("https://0177.0.0.1", "127.0.0.1"),
        ("https://127.1", "127.0.0.1"),
        ("https://0xa.0.0.1:8443", "10.0.0.1"),
        ("https://\u{ff11}27.0.0.1", "127.0.0.1"),
    ] {
        let shown = url.replace('\u{ff11}', "\\u{ff11}");
        let expected = format!(
            "exeat.toml:2: upstream.u.url: \"{shown}\" is the address {address}; write it that way"
        );
        let text = format!("[upstream.u]\nurl = \"{url}\"\n");
        refused(&text, &[], &[&expected]);
    }
    for url in [
        "https://127.0.0.1",
        "https://10.0.0.1:8443",
        "https://[::1]:8443",
    ] {
        accepted(&format!("[upstream.u]\nurl = \"{url}\"\n"));
    }
    // A name in other letters is shown as the name that is asked for.
    let config = accepted("[upstream.u]\nurl = \"https://f\u{f6}rge.example\"\n");
    assert_eq!(config.upstreams[0].authority, "xn--frge-5qa.example");
}

#[test]
fn a_name_is_public_unless_said_otherwise() {
    let config = accepted(
        "[upstream.u]\nurl = \"https://a\"\n[upstream.v]\nurl = \"https://b\"\nprivate = true\n",
    );
    let private: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| upstream.private)
        .collect();
    assert_eq!(private, [false, true]);
}

#[test]
fn a_proxy_is_an_address_and_its_credentials_are_never_repeated() {
    let expected = "exeat.toml:3: upstream.u.via: expected a proxy's address such as http://proxy.example:3128, or \"off\" (value not shown); ";
    for (via, why) in [
        (
            "https://ada:hidden@proxy:1",
            "only proxies in plain HTTP are used",
        ),
        (
            "socks5://ada:hidden@proxy:1",
            "only proxies in plain HTTP are used",
        ),
        ("http://ada:hidden@proxy/x", "it has a path"),
        ("ada:hidden@proxy", "only proxies in plain HTTP are used"),
        ("proxy", "it is no URL"),
    ] {
        let text = format!("[upstream.u]\nurl = \"https://a\"\nvia = \"{via}\"\n");
        refused(&text, &[], &[&format!("{expected}{why}")]);
    }
    let text =
        "[upstream.u]\nurl = \"https://a\"\nvia = \"http://ada:hidden@proxy.example:3128\"\n";
    let config = accepted(text);
    let via = config.upstreams[0].via.as_ref().unwrap();
    assert_eq!(via.authority(), "proxy.example:3128");
    assert!(via.credential().is_some());
    let shown = format!("{}{config:?}", config.show());
    assert!(
        shown.contains("via = \"http://proxy.example:3128\""),
        "{shown}"
    );
    assert!(
        !shown.contains("hidden") && !shown.contains("ada"),
        "{shown}"
    );
}

#[test]
fn credentials_for_a_proxy_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("good"), "ada:hidden\n").unwrap();
    std::fs::write(folder.path().join("bad"), "hidden\n").unwrap();
    let with = |file: &str, via: &str| {
        let text = format!(
            "[upstream.u]\nurl = \"https://a\"\nvia = \"{via}\"\nvia_credentials = \"{file}\"\n"
        );
        load_in(folder.path(), &text, &[])
            .map(|(config, _)| config)
            .map_err(|error| error.to_string())
    };
    let config = with("good", "http://proxy:1").unwrap();
    assert!(
        config.upstreams[0]
            .via
            .as_ref()
            .unwrap()
            .credential()
            .is_some()
    );
    for (file, via, why) in [
        (
            "bad",
            "http://proxy:1",
            "expected one line user:password in the file (not shown)",
        ),
        ("absent", "http://proxy:1", "cannot read the file"),
        ("good", "off", "there is no proxy that it is for"),
    ] {
        let error = with(file, via).unwrap_err();
        assert!(error.contains(why) && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn the_environment_names_a_proxy_for_upstreams_without_one() {
    let text = "[upstream.a]\nurl = \"https://a.example\"\n[upstream.b]\nurl = \"https://b.example\"\nvia = \"http://own:1\"\n\
        [upstream.c]\nurl = \"https://c.example\"\nvia = \"off\"\n[upstream.d]\nurl = \"https://d.example\"\n\
        [upstream.e]\nurl = \"http://e.example\"\nplaintext = true\n";
    let variables = [
        ("https_proxy", "http://ada:hidden@proxy:3128"),
        ("no_proxy", "d.example"),
    ];
    let (config, _) = load(text, &variables).unwrap();
    let via: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| upstream.via.as_ref().map(|via| via.authority().to_string()))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(via, [some("proxy:3128"), some("own:1"), None, None, None]);
    let (defaults, _) = load("", &variables).unwrap();
    assert!(
        defaults
            .upstreams
            .iter()
            .all(|upstream| upstream.via.is_some())
    );
    let wrong = load(text, &[("HTTPS_PROXY", "socks5://ada:hidden@proxy")])
        .unwrap_err()
        .to_string();
    assert!(
        wrong.contains("the variable HTTPS_PROXY (value not shown)"),
        "{wrong}"
    );
    assert!(!wrong.contains("hidden"), "{wrong}");
}

#[test]
fn row_35_a_wiki_is_a_decision_of_its_own() {
    let upstream = |allow: &str| {
        let text = format!("[upstream.u]\nurl = \"https://x\"\nallow = {allow}\n");
        accepted(&text).upstreams.remove(0)
    };
    let all = upstream("[\"org/*\", \"group/**\"]");
    assert!(all.allows("org/repo") && all.allows("org/wiki") && all.allows("group/a/b"));
    for wiki in [
        "org/repo.wiki",
        "org/repo.wiki.git",
        "org/repo.WIKI",
        "group/a/b.wiki.git",
    ] {
        assert!(!all.allows(wiki), "{wiki}");
    }
    let wikis = upstream("[\"org/*.wiki\", \"org/repo\"]");
    assert!(wikis.allows("org/repo.wiki.git") && wikis.allows("org/repo"));
    assert!(!wikis.allows("org/other"));
}
