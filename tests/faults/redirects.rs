//! Repositories under other names, and everything else by which a forge could lead a client elsewhere.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::forge::{Asked, Forge, LIST, Then};
use super::upstream::{Scene, assert_told, endings};
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, World, github_token};

const DISCOVERY: &str = "info/refs?service=git-receive-pack";

fn redirect(asked: &mut Asked<'_>, status: u16, to: &str) -> Then {
    if asked.is_push() {
        asked.read(asked.length());
    }
    let head = format!(
        "{status} Moved\nLocation: {to}\nRefresh: 0; url=https://elsewhere.example\nAlt-Svc: h2=\":1\""
    );
    asked.answer(&head, "moved")
}

/// The requests but for their versions and credentials.
fn lines(forge: &Forge) -> Vec<String> {
    let line = |asked: String| asked.split(" HTTP").next().unwrap_or_default().to_owned();
    forge.asked().into_iter().map(line).collect()
}

/// Repositories move from `old` by hops of this name, both ways of asking.
fn moving(asked: &mut Asked<'_>) -> Then {
    let tail = match asked.is_push() {
        true => "git-receive-pack",
        false => DISCOVERY,
    };
    let to = |name: &str| format!("/{name}.git/{tail}");
    match (asked.repository().as_str(), asked.is_push()) {
        ("org/old", false) => redirect(asked, 301, &to("org/new")),
        ("org/three", false) => redirect(asked, 302, &to("org/two")),
        ("org/two", false) => redirect(asked, 307, &to("org/old")),
        ("org/four", false) => redirect(asked, 308, &to("org/three")),
        ("org/circle", false) => redirect(asked, 301, &to("org/circle")),
        ("org/leaving", false) => redirect(asked, 301, &to("closed/secret")),
        ("org/late", true) => redirect(asked, 308, &to("org/new")),
        ("org/late-leaving", true) => redirect(asked, 307, &to("closed/secret")),
        ("org/late-elsewhere", true) => redirect(
            asked,
            307,
            "https://elsewhere.example/x.git/git-receive-pack",
        ),
        ("org/late-old", true) => redirect(asked, 301, &to("org/new")),
        (_, false) => asked.list_refs(),
        (_, true) => asked.take_push(),
    }
}

#[test]
fn row_35_a_renamed_repository_is_pushed_to_by_its_new_name_if_that_is_allowed() {
    let forge = Forge::start(moving);
    let mut scene = Scene::new(Options {
        behind: Some(forge.address),
        upstream: "allow = [\"org/*\"]",
        credentials: Some(("ada", "correct-horse-battery")),
        ..Options::default()
    });
    let get = |name: &str| format!("GET /{name}.git/{DISCOVERY}");
    let post = |name: &str| format!("POST /{name}.git/git-receive-pack");
    let asked_by = |scene: &Scene, name: &str| {
        let before = forge.asked().len();
        let run = scene.push(name);
        (run, lines(&forge).split_off(before))
    };

    let (run, asked) = asked_by(&scene, "org/old");
    run.ok();
    assert_eq!(asked, [get("org/old"), get("org/new"), post("org/new")]);
    scene.next_commit();
    let (run, asked) = asked_by(&scene, "org/three");
    run.ok();
    assert_eq!(asked[..2], [get("org/three"), get("org/two")]);
    assert_eq!(asked.last(), Some(&post("org/new")));

    for name in ["org/four", "org/circle"] {
        let (run, asked) = asked_by(&scene, name);
        assert_told(&run, &["it redirects more than 3 times", "E-2023"]);
        assert_eq!(asked.len(), 4, "{asked:?}");
    }
    let (run, asked) = asked_by(&scene, "org/leaving");
    assert_told(
        &run,
        &[
            "redirects to closed/secret.git",
            "not on the list",
            "E-2023",
        ],
    );
    assert_eq!(asked, [get("org/leaving")]);
    let (run, asked) = asked_by(&scene, "org/old.wiki");
    assert_told(&run, &["org/old.wiki.git is not on the list"]);
    assert!(asked.is_empty(), "{asked:?}");

    // Where only the push itself is redirected, it is judged anew for the new name and sent there.
    scene.next_commit();
    let (run, asked) = asked_by(&scene, "org/late");
    run.ok();
    assert_eq!(asked[..2], [get("org/late"), post("org/late")]);
    assert_eq!(asked.last(), Some(&post("org/new")));
    scene.next_commit();
    let (run, asked) = asked_by(&scene, "org/late-leaving");
    assert_told(
        &run,
        &["did not take the push", "closed/secret.git", "E-2023"],
    );
    assert_eq!(asked, [get("org/late-leaving"), post("org/late-leaving")]);
    let (run, _) = asked_by(&scene, "org/late-elsewhere");
    assert_told(
        &run,
        &["it redirects to https://elsewhere.example", "E-2023"],
    );
    // 301 asks for a GET in its place, which is no push.
    let (run, _) = asked_by(&scene, "org/late-old");
    assert_told(&run, &["answered 301"]);
    let expected = [
        "accepted",
        "accepted",
        "accepted",
        "not-sent",
        "not-sent",
        "not-taken",
    ];
    assert_eq!(endings(&mut scene.world), expected);
}

#[test]
fn a_fetch_goes_on_under_the_new_name() {
    let forge = Forge::start(|asked| {
        let to = "/org/new.git/info/refs?service=git-upload-pack";
        match (asked.repository().as_str(), asked.is_push()) {
            ("org/old", false) => redirect(asked, 301, to),
            ("org/late", true) => redirect(asked, 307, "/org/new.git/git-upload-pack"),
            ("org/circle", true) => redirect(asked, 308, "/org/circle.git/git-upload-pack"),
            ("org/elsewhere", true) => redirect(
                asked,
                308,
                "https://elsewhere.example/x.git/git-upload-pack",
            ),
            ("org/still", true) => {
                asked.read(asked.length());
                asked.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0005");
                asked.stand_still()
            }
            (_, false) => {
                let list = [
                    &b"001e# service=git-upload-pack\n0000"[..],
                    b"000eversion 2\n0013fetch=shallow\n0000",
                ]
                .concat();
                asked.answer(
                    "200 OK\nContent-Type: application/x-git-upload-pack-advertisement",
                    list,
                )
            }
            (_, true) => {
                asked.read(asked.length());
                asked.answer(
                    "200 OK\nContent-Type: application/x-git-upload-pack-result",
                    "0000",
                )
            }
        }
    });
    let world = World::start(Options {
        behind: Some(forge.address),
        settings: "[limits]\nupstream_idle_seconds = 3\n",
        ..Options::default()
    });
    let get = "GET /forge.test/org/old.git/info/refs?service=git-upload-pack HTTP/1.1";
    assert_eq!(world.ask(get, b"").status, 200);
    let post = "POST /forge.test/org/old.git/git-upload-pack HTTP/1.1\n\
        Content-Type: application/x-git-upload-pack-request\nContent-Length: 4";
    assert_eq!(world.ask(post, b"0000").status, 200);
    let last = || lines(&forge).pop().unwrap_or_default();
    assert_eq!(last(), "POST /org/new.git/git-upload-pack");
    // Where only the question itself is redirected, a short one is asked again.
    let post = post.replace("old", "late");
    assert_eq!(world.ask(&post, b"0000").status, 200);
    assert_eq!(last(), "POST /org/new.git/git-upload-pack");
    let endless = post.replace("late", "circle");
    let answer = world.ask(&endless, b"0000");
    assert!(
        answer.text().contains("redirects more than 3 times"),
        "{}",
        answer.text()
    );
    let elsewhere = post.replace("late", "elsewhere");
    let answer = world.ask(&elsewhere, b"0000");
    assert!(
        answer
            .text()
            .contains("redirects to https://elsewhere.example"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.message.all("location"), [""; 0]);
    // One that stands still is not waited for without end.
    let still = post.replace("late", "still");
    let mut client = crate::harness::Client::connect(world.address());
    client.say(&world.request(&still, b"0000"));
    assert!(client.answer().is_none(), "half an answer looks whole");
    let metrics = world.telemetry("/metrics");
    assert!(
        metrics.contains(
            "exeat_upstream_errors_total{class=\"stall\"} 1
"
        ),
        "{metrics}"
    );
}

/// A server that must not be asked for anything; counts who comes.
fn elsewhere() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&came);
    std::thread::spawn(move || {
        for _ in listener.incoming().flatten() {
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, came)
}

#[test]
fn row_37_nothing_leads_a_client_or_its_credential_elsewhere() {
    let (port, came) = elsewhere();
    let forge = Forge::start(move |asked| {
        let leads = "Location: https://elsewhere.example/\nRefresh: 0; url=https://elsewhere.example\n\
            Alt-Svc: h2=\"elsewhere.example:443\"\nLink: <https://elsewhere.example>; rel=canonical\n\
            Content-Location: https://elsewhere.example\nSet-Cookie: a=b";
        let target = |name: &str| match name {
            "port" => format!("https://127.0.0.1:{port}"),
            "plain" => format!("http://127.0.0.1:{port}"),
            "decimal" => format!("https://2130706433:{port}"),
            "mapped" => format!("https://[::ffff:127.0.0.1]:{port}"),
            "userinfo" => format!("https://127.0.0.1:1@localhost:{port}"),
            "dot" => format!("https://localhost.:{port}"),
            "idn" => format!("https://xn--lcalhost-n4a.example:{port}"),
            "relative" => format!("//127.0.0.1:{port}"),
            _ => String::new(),
        };
        let name = asked.repository();
        match (target(&name), asked.is_push()) {
            (to, false) if !to.is_empty() => {
                redirect(asked, 301, &format!("{to}/{name}.git/{DISCOVERY}"))
            }
            (_, false) => {
                let list = asked.list();
                asked.answer(&format!("200 OK\nContent-Type: {LIST}\n{leads}"), list)
            }
            (_, true) => {
                asked.read_push();
                asked.answer(&format!("403 No\n{leads}"), "no")
            }
        }
    });
    let mut world = World::start(Options {
        behind: Some(forge.address),
        ..Options::default()
    });
    world.forbid("elsewhere.example");
    for name in [
        "port", "plain", "decimal", "mapped", "userinfo", "dot", "idn", "relative", "own",
    ] {
        let head = format!(
            "GET /forge.test/{name}.git/{DISCOVERY} HTTP/1.1\nAuthorization: Basic YWRhOnB3"
        );
        let answer = world.ask(&head, b"");
        for header in [
            "location",
            "refresh",
            "alt-svc",
            "link",
            "content-location",
            "set-cookie",
        ] {
            assert_eq!(answer.message.all(header), [""; 0], "{name}");
        }
        let refused = answer
            .text()
            .contains("ERR forge.test could not be reached: it redirects to");
        assert_eq!(refused, name != "own", "{name}: {}", answer.text());
        if name == "port" {
            let named = format!("https://127.0.0.1:{port}, which is another server");
            assert!(answer.text().contains(&named), "{}", answer.text());
        }
    }
    let answer = world.ask_push("own", b"0000");
    for header in ["location", "refresh", "alt-svc", "link", "set-cookie"] {
        assert_eq!(answer.message.all(header), [""; 0]);
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "the other server was asked");
}

#[test]
fn row_36_no_path_leads_to_another_server() {
    let (port, came) = elsewhere();
    let forge = Forge::start(|asked| asked.list_refs());
    let world = World::start(Options {
        behind: Some(forge.address),
        ..Options::default()
    });
    let own = world.witness.url().replace("https://", "");
    for path in [
        format!("@127.0.0.1:{port}"),
        format!("127.0.0.1:{port}"),
        format!("ada:pw@127.0.0.1:{port}/x"),
        format!("https:127.0.0.1:{port}"),
        format!("/127.0.0.1:{port}/x"),
        format!("//127.0.0.1:{port}"),
        format!("%2f%2f127.0.0.1:{port}/x"),
        format!("%5c%5c127.0.0.1:{port}/x"),
        format!("\\\\127.0.0.1:{port}"),
        format!("x/..//127.0.0.1:{port}"),
        format!(".{port}/x"),
        format!("x%00@127.0.0.1:{port}"),
        format!("x%0d%0aHost:%20127.0.0.1:{port}%0d%0a/x"),
        format!("x?@127.0.0.1:{port}/x"),
        format!("x%23@127.0.0.1:{port}"),
    ] {
        let head = format!("GET /forge.test/{path}.git/{DISCOVERY} HTTP/1.1");
        world.ask(&head, b"");
        let absolute = format!("GET http://127.0.0.1:{port}/forge.test/x.git/{DISCOVERY} HTTP/1.1");
        world.ask(&absolute, b"");
    }
    assert_eq!(came.load(Ordering::SeqCst), 0);
    for request in world.witness.requests() {
        assert_eq!(
            request.all("host"),
            [own.as_str()],
            "{}",
            request.first_line
        );
        assert!(request.target().starts_with('/') && !request.target().starts_with("//"));
    }
}

#[test]
fn row_36_a_name_that_leads_inside_is_not_followed_there() {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let inside = hosts
        .lines()
        .filter_map(|line| line.strip_prefix("127.0.0.1"))
        .flat_map(str::split_whitespace)
        .find(|name| !name.contains("localhost"));
    let Some(name) = inside else {
        eprintln!("skipped: no name but localhost leads to 127.0.0.1 on this machine");
        return;
    };
    let (port, came) = elsewhere();
    let table = |upstream: &str, name: &str, more: &str| {
        format!("[upstream.{upstream}]\nurl = \"https://{name}:{port}\"\n{more}\n")
    };
    let settings = [
        table("public", name, ""),
        table("private", name, "private = true"),
        table("local", "localhost", ""),
    ]
    .concat();
    let scene = Scene::new(Options {
        settings: settings.leak(),
        ..Options::default()
    });
    let words = [
        "its name leads to 127.0.0.1, an address inside the network",
        "private = true",
        "E-2024",
    ];
    assert_told(&scene.push_to("public"), &words);
    assert_eq!(came.load(Ordering::SeqCst), 0);
    assert_told(&scene.push_to("private"), &["TLS failed", "E-2013"]);
    assert_told(&scene.push_to("local"), &["TLS failed", "E-2013"]);
    assert_eq!(came.load(Ordering::SeqCst), 2);
    scene.assert_counted("inside", 1);
}

#[test]
fn row_44_credentials_go_to_the_upstream_they_are_for_and_nowhere_else() {
    let other = Forge::start(|asked| asked.list_refs());
    let forge = Forge::start(|asked| asked.list_refs());
    let settings = format!(
        "[upstream.other]\nurl = \"http://{}\"\nplaintext = true\n",
        other.address
    );
    let mut world = World::start(Options {
        behind: Some(forge.address),
        settings: settings.leak(),
        ..Options::default()
    });
    let password = canaries::credential("row 44", Reach::Forge);
    let secret = format!("ada-user:{password}");
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &secret);
    let ask = |world: &World, target: &str, authorization: &str| {
        let head = format!("GET {target} HTTP/1.1\n{authorization}");
        world.ask(head.trim_end(), b"")
    };
    let path = |upstream: &str| format!("/{upstream}/one.git/{DISCOVERY}");
    let another = canaries::credential("row 44, another", Reach::Forge);
    // One kept connection carries the requests of several people; each has its own credential, or none. On a busy machine an
    // answer may come before its connection is kept, so they come again until one was.
    let credentials = [
        Some(format!("Basic {basic}")),
        None,
        Some(format!("Bearer {another}")),
    ];
    let mut expected = Vec::new();
    while forge.connections() == expected.len() && expected.len() < 60 {
        for credential in &credentials {
            let header = credential
                .as_ref()
                .map(|value| format!("Authorization: {value}"));
            ask(&world, &path("forge.test"), &header.unwrap_or_default());
            expected.push(credential.clone());
        }
    }
    ask(&world, &path("other"), "");
    let shown: Vec<_> = forge
        .asked()
        .iter()
        .map(|line| {
            line.split_once(" [")
                .map(|(_, value)| value.trim_end_matches(']').to_owned())
        })
        .collect();
    assert_eq!(shown, expected);
    assert!(
        forge.connections() < expected.len(),
        "no connection was kept"
    );
    assert!(!other.asked().concat().contains('['));
    // In the address: refused, and not repeated.
    let address = world.address();
    for target in [
        format!("https://{secret}@{address}{}", path("other")),
        format!(
            "/other/{}@x/one.git/{DISCOVERY}",
            secret.replace(':', "%2f")
        ),
    ] {
        let answer = ask(&world, &target, "");
        let refused = answer.status == 400 || answer.text().contains("ERR ");
        assert!(
            refused && !answer.text().contains(&password),
            "{}",
            answer.text()
        );
    }
    assert_eq!(
        other.asked().len(),
        1,
        "an address with a credential was passed on"
    );
    // A token of GitHub's form is not offered to another forge.
    let token = github_token(4401);
    let refused = ask(
        &world,
        &path("other"),
        &format!("Authorization: Bearer {token}"),
    );
    assert!(
        refused.text().contains("is not sent to other"),
        "{}",
        refused.text()
    );
    assert!(!other.asked().concat().contains("ghp_"));
    // Neither in the log nor in what is stored.
    world.stop_server();
    let log = std::fs::read_to_string(world.config().with_file_name("log").join("server.log"));
    let log = log.unwrap_or_default();
    for needle in [&basic, &password, &another, &token] {
        assert!(!log.contains(needle), "{needle} is in the log:\n{log}");
    }
}
