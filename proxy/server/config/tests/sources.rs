//! By what pushers are known: what is accepted, where forges are asked, and the exact words for what is refused.

use super::super::*;
use super::{accepted, load, refused};

fn api(text: &str) -> Option<String> {
    let config = accepted(&format!(
        "[upstream.a]\n{text}\n[upstream.a.identity]\nsources = [\"forge\"]\n"
    ));
    let api = config.upstream("a").unwrap().api.clone();
    api.map(|api| format!("{} at {}", api.url, api.authority))
}

#[test]
fn nobody_is_asked_where_nothing_is_said() {
    let config = Config::defaults().unwrap();
    for upstream in &config.upstreams {
        assert_eq!(upstream.sources, Sources::default());
        assert!(upstream.api.is_none());
    }
    assert!(config.sources.accepted.is_empty());
    assert_eq!(config.sources.cache.as_secs(), 300);
}

#[test]
fn each_forge_is_asked_where_its_vendor_says() {
    let at = |url: &str, forge: &str| api(&format!("url = \"{url}\"\nforge = \"{forge}\""));
    for (url, forge, expected) in [
        (
            "https://github.com",
            "github",
            "https://api.github.com/ at api.github.com",
        ),
        (
            "https://git.bank.example:8443",
            "github",
            "https://git.bank.example:8443/api/v3 at git.bank.example:8443",
        ),
        (
            "https://bank.ghe.com",
            "github",
            "https://api.bank.ghe.com/ at api.bank.ghe.com",
        ),
        (
            "https://gitlab.com",
            "gitlab",
            "https://gitlab.com/api/v4 at gitlab.com",
        ),
        (
            "https://codeberg.org",
            "gitea",
            "https://codeberg.org/api/v1 at codeberg.org",
        ),
        (
            "https://bitbucket.org",
            "bitbucket",
            "https://api.bitbucket.org/2.0 at api.bitbucket.org",
        ),
    ] {
        assert_eq!(at(url, forge).as_deref(), Some(expected));
    }
    let own =
        "url = \"https://a.example\"\nforge = \"gitea\"\napi = \"https://b.example/git/api/v1\"";
    let expected = "https://b.example/git/api/v1 at b.example";
    assert_eq!(api(own).as_deref(), Some(expected));
    // All the forges that there are without a word.
    let config = accepted("[identity]\nsources = [\"forge\"]\n");
    assert!(
        config
            .upstreams
            .iter()
            .all(|upstream| upstream.api.is_some())
    );
}

#[test]
fn the_api_is_asked_through_the_proxy_for_its_own_host() {
    let via = |text: &str, exceptions: &str| {
        let text = format!(
            "[upstream.a]\nurl = \"https://github.com\"\n{text}[identity]\nsources = [\"forge\"]\n"
        );
        let variables = [
            ("https_proxy", "http://me:word@proxy.example:3128"),
            ("no_proxy", exceptions),
        ];
        let (config, _) = load(&text, &variables).unwrap();
        let upstream = config.upstream("a").unwrap();
        let shown = |via: &Option<Via>| via.as_ref().map(|via| via.authority().to_string());
        (
            shown(&upstream.via),
            shown(&upstream.api.as_ref().unwrap().via),
        )
    };
    let (proxy, own) = (
        || Some("proxy.example:3128".to_owned()),
        || Some("own.example:80".to_owned()),
    );
    assert_eq!(via("", ""), (proxy(), proxy()));
    // `github.com` excepts what is below it as well.
    assert_eq!(via("", "api.github.com"), (proxy(), None));
    assert_eq!(via("", "github.com"), (None, None));
    assert_eq!(via("via = \"off\"\n", ""), (None, None));
    assert_eq!(via("via = \"http://own.example\"\n", "*"), (own(), own()));
}

#[test]
fn upstreams_say_what_differs() {
    let text = "[identity]\nsources = [\"token\", \"forge\", \"token\"]\nrequired = [\"token\"]\ncache_seconds = 0\n\
                [upstream.a]\nurl = \"https://github.com\"\n\
                [upstream.b]\nurl = \"https://b.example\"\n[upstream.b.identity]\nsources = [\"token\"]\n\
                [upstream.c]\nurl = \"https://c.example\"\n[upstream.c.identity]\nsources = []\nrequired = []\n";
    let (config, warnings) = Config::of_text(text).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let of = |name: &str| config.upstream(name).unwrap().sources.clone();
    assert_eq!(of("a"), config.sources);
    assert_eq!(of("a").accepted, [Source::Forge, Source::Token]);
    assert_eq!(of("b").accepted, [Source::Token]);
    assert_eq!(of("b").required, [Source::Token]);
    assert!(of("c").accepted.is_empty());
    assert!(of("c").cache.is_zero());
    let (again, _) = Config::of_text(&config.show()).unwrap();
    assert_eq!(again.show(), config.show());
    assert_eq!(again.upstream("b").unwrap().sources, of("b"));
    let variables = [("EXEAT__IDENTITY__SOURCES", "token, certificate")];
    let (config, warnings) = load("", &variables).unwrap();
    let both = [Source::Certificate, Source::Token];
    assert_eq!(config.upstreams[0].sources.accepted, both);
    assert!(warnings[0].to_string().contains("no client_ca"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    refused(
        "[identity]\nsources = [\"forge\", \"tokens\"]\nrequired = [\"certificate\"]\ncache_seconds = 601\n\
         [upstream.a]\nurl = \"https://github.com\"\n[upstream.a.identity]\nsources = [\"forge\"]\nrequired = []\n",
        &[],
        &[
            "exeat.toml:2: identity.sources: expected \"forge\", \"certificate\" or \"token\", found \"tokens\"; \
             did you mean \"token\"?",
            "exeat.toml:3: identity.required: \"certificate\" is not among the sources; add it there",
            "exeat.toml:4: identity.cache_seconds: expected a whole number from 0 to 600, found 601",
        ],
    );
    refused(
        "[identity]\nsources = [\"forge\"]\n[upstream.a]\nurl = \"https://a.example\"\n\
         [upstream.b]\nurl = \"https://b.example\"\nforge = \"bitbucket\"\n\
         [upstream.c]\nurl = \"https://c.example\"\napi = \"https://c.example/api/v4\"\n\
         [upstream.d]\nurl = \"https://github.com\"\napi = \"http://d.example\"\n\
         [upstream.e]\nurl = \"https://github.com\"\napi = \"https://me:word@e.example\"\n",
        &[],
        &[
            "exeat.toml:3: upstream.a.api: missing; expected the address below which this forge answers /user, \
             because \"forge\" is among the sources and this forge has no usual one; forge may need a word too",
            "exeat.toml:5: upstream.b.api: missing; expected the address below which this forge answers /user, \
             because \"forge\" is among the sources and this forge has no usual one; forge may need a word too",
            "exeat.toml:8: upstream.c.forge: \"other\" has no question for whose a credential is; set it to what \
             this forge is, or take \"forge\" from the sources",
            "exeat.toml:13: upstream.d.api: expected an address such as https://git.example/api/v3, below which \
             /user is asked, found \"http://d.example\"",
            "exeat.toml:16: upstream.e.api: expected an address such as https://git.example/api/v3, below which \
             /user is asked, without user name or password (value not shown)",
        ],
    );
    refused(
        "[identity]\nsources = [\"certificate\"]\nrequired = [\"certificate\"]\n",
        &[],
        &[
            "exeat.toml:1: identity: \"certificate\" is required, and listen.tls has no client_ca: nobody could push",
        ],
    );
    let unused = "[upstream.a]\nurl = \"https://github.com\"\napi = \"https://api.github.com\"\n";
    let (_, warnings) = load(unused, &[]).unwrap();
    assert!(warnings[0].to_string().contains("nobody is asked there"));
}
