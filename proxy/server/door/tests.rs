//! What the door lets in, and what it refuses, by method, host and path.

use http::Request;

use super::*;
use crate::config::Config;

fn upstreams() -> Upstreams {
    let environment = [
        ("EXEAT__UPSTREAM__FORGE__URL", "https://forge.example"),
        ("EXEAT__UPSTREAM__FORGE__HOST", "forge.exeat.example"),
        ("EXEAT__UPSTREAM__OTHER__URL", "https://other.example"),
    ];
    let environment = environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (config, _) = Config::load(None, environment).unwrap();
    Upstreams::new(&config.upstreams, &config.limits).unwrap()
}

fn knock(method: &str, target: &str, host: &str) -> Result<Knock, Shut> {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", host)
        .body(())
        .unwrap();
    open(&request.into_parts().0, &upstreams())
}

fn opened(method: &str, target: &str) -> (String, String, Errand) {
    let knock = knock(method, target, "exeat.example").unwrap();
    (
        knock.upstream.name.clone(),
        knock.repository.encoded(),
        knock.errand,
    )
}

fn shut(method: &str, target: &str) -> StatusCode {
    knock(method, target, "exeat.example").unwrap_err().status
}

#[test]
fn git_requests_are_told_apart() {
    let cases = [
        (
            "GET",
            "/forge/org/repo.git/info/refs?service=git-receive-pack",
            Errand::Advertise(Service::ReceivePack),
        ),
        (
            "GET",
            "/forge/org/repo.git/info/refs?service=git-upload-pack",
            Errand::Advertise(Service::UploadPack),
        ),
        ("POST", "/forge/org/repo.git/git-receive-pack", Errand::Push),
        ("POST", "/forge/org/repo.git/git-upload-pack", Errand::Fetch),
        (
            "POST",
            "/forge/org/repo.git/info/lfs/objects/batch",
            Errand::LfsBatch,
        ),
        (
            "GET",
            "/forge/org/repo.git/HEAD",
            Errand::DumbFetch(vec!["HEAD".into()]),
        ),
    ];
    for (method, target, errand) in cases {
        let expected = ("forge".to_owned(), "org/repo.git".to_owned(), errand);
        assert_eq!(opened(method, target), expected, "{method} {target}");
    }
}

#[test]
fn a_repository_may_lie_deep_and_need_encoding() {
    let (_, repository, _) = opened("POST", "/forge/a/b/c%20d/_git/e/git-receive-pack");
    assert_eq!(repository, "a/b/c%20d/_git/e");
}

#[test]
fn a_virtual_host_is_one_upstream() {
    let request = "/org/repo/info/refs?service=git-receive-pack";
    let knock = knock("GET", request, "Forge.Exeat.Example.:8443").unwrap();
    assert_eq!(knock.upstream.name, "forge");
    assert_eq!(knock.repository.encoded(), "org/repo");
}

#[test]
fn row_34_path_tricks_are_refused() {
    for path in [
        "/forge/org/../other/repo/git-receive-pack",
        "/forge/org/%2e%2e/repo/git-receive-pack",
        "/forge/org/%2E./repo/git-receive-pack",
        "/forge/org%2frepo/git-receive-pack",
        "/forge/org%5crepo/git-receive-pack",
        "/forge/org/%252e%252e/repo/git-receive-pack",
        "/forge//org/repo/git-receive-pack",
        "/forge/org/repo/git-receive-pack/",
        "/forge/./org/repo/git-receive-pack",
        "/forge/org;x/repo/git-receive-pack",
        "/forge/org/re%00po/git-receive-pack",
        "/forge/org/re%0d%0apo/git-receive-pack",
        "/forge/org/re%zzpo/git-receive-pack",
        "/forge/org/repo%3fx/git-receive-pack",
        "/forge/org/repo%ff/git-receive-pack",
    ] {
        assert_eq!(shut("POST", path), StatusCode::BAD_REQUEST, "{path}");
    }
}

#[test]
fn row_38_other_verbs_and_paths_are_refused() {
    for method in [
        "PUT", "PROPFIND", "MKCOL", "LOCK", "MOVE", "DELETE", "HEAD", "OPTIONS",
    ] {
        let status = shut(method, "/forge/org/repo/info/refs");
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    for (method, target) in [
        ("GET", "/forge/org/repo"),
        ("GET", "/forge/org/repo/git-upload-archive"),
        ("POST", "/forge/org/repo/git-upload-archive"),
        ("GET", "/forge/org/repo/git-receive-pack"),
        ("POST", "/forge/org/repo/info/refs"),
        ("POST", "/forge/org/repo/git-receive-pack?x=1"),
        (
            "GET",
            "/forge/org/repo/info/refs?service=git-upload-archive",
        ),
        (
            "GET",
            "/forge/org/repo/info/refs?service=git-receive-pack&x=1",
        ),
        ("GET", "/forge/org/repo/info/refs?SERVICE=git-receive-pack"),
        ("GET", "/forge/org/repo/objects/xx/yy"),
        ("GET", "/forge/org/repo/config"),
        ("POST", "/forge/git-receive-pack"),
        ("POST", "/forge/org/repo/info/lfs/locks"),
    ] {
        assert_eq!(
            shut(method, target),
            StatusCode::FORBIDDEN,
            "{method} {target}"
        );
    }
}

#[test]
fn row_36_hosts_must_be_one_and_plain() {
    let target = "/forge/org/repo/git-receive-pack";
    for host in ["user@exeat.example", "a b", "exeat.example:port"] {
        let refused = knock("POST", target, host).unwrap_err();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{host}");
    }
    let absolute = "http://forge.exeat.example/org/repo/git-receive-pack";
    let refused = knock("POST", absolute, "exeat.example").unwrap_err();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let none = Request::builder().method("POST").uri(target).body(());
    assert!(open(&none.unwrap().into_parts().0, &upstreams()).is_err());
    let two = Request::builder()
        .method("POST")
        .uri(target)
        .header("host", "exeat.example")
        .header("host", "forge.exeat.example")
        .body(())
        .unwrap();
    assert!(open(&two.into_parts().0, &upstreams()).is_err());
}

#[test]
fn an_unknown_forge_is_told_with_the_known_ones() {
    let target = "/nowhere/org/repo/info/refs?service=git-receive-pack";
    let refused = knock("GET", target, "exeat.example").unwrap_err();
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(refused.service, Some(Service::ReceivePack));
    assert!(refused.text.contains("forge, other"), "{}", refused.text);
}

#[test]
fn transfer_codings_beneath_chunked_are_refused() {
    let open = |codings: &[&str]| {
        let mut request = Request::builder()
            .method("POST")
            .uri("/other/a/b.git/git-receive-pack")
            .header("host", "exeat.example");
        for coding in codings {
            request = request.header("transfer-encoding", *coding);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        super::open(&parts, &upstreams()).map_err(|shut| shut.status)
    };
    assert!(open(&["chunked"]).is_ok());
    for codings in [
        &["gzip, chunked"][..],
        &["gzip", "chunked"],
        &["chunked, chunked"],
    ] {
        assert_eq!(open(codings).unwrap_err(), StatusCode::BAD_REQUEST);
    }
}
