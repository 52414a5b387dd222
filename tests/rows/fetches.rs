//! Row 22: requests of a fetch as a way out. They are read line by line, written anew, and their words are searched.

use super::forged::{Forgery, RULE};
use crate::harness::{Answer, gits, packet};

const TYPE: &str = "Content-Type: application/x-git-upload-pack-request";

/// A repository with one commit, and a token that must not leave.
fn scene(seed: u64) -> (Forgery, String, String) {
    let mut scene = Forgery::new();
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let url = scene.world.proxied_url("one");
    scene
        .world
        .git(&scene.work, &["push", "-q", &url, "main"])
        .ok();
    let id = scene.git(&["rev-parse", "main"]);
    let token = scene.token(seed);
    (scene, token, id)
}

fn ask(scene: &Forgery, version: u8, body: &[u8]) -> Answer {
    let head = format!(
        "POST /forge.test/one.git/git-upload-pack HTTP/1.1\n{TYPE}\nGit-Protocol: version={version}\n\
         Content-Length: {}",
        body.len()
    );
    scene.world.ask(&head, body)
}

/// Lines, in which `0000` and `0001` are ends.
fn lines(lines: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for line in lines {
        match *line {
            "0000" | "0001" => body.extend(line.bytes()),
            line => body.extend(packet(format!("{line}\n"))),
        }
    }
    body
}

fn asked(scene: &Forgery) -> usize {
    scene.world.witness.requests().len()
}

#[test]
fn row_22_words_in_what_a_fetch_asks_for() {
    let (scene, token, id) = scene(2201);
    let before = asked(&scene);
    let want = format!("want {id}");
    let hex = hex::encode(&token);
    let halves: Vec<_> = (0..2).map(|half| &hex[half * 40..half * 40 + 40]).collect();
    let ids = [format!("have {}", halves[0]), format!("have {}", halves[1])];
    for line in [
        format!("ref-prefix refs/heads/{token}"),
        format!("ref-prefix {token}"),
        format!("ref-prefix refs/heads/a/{token}/b"),
    ] {
        let body = lines(&["command=ls-refs", "0001", "peel", &line, "0000"]);
        let answer = ask(&scene, 2, &body);
        assert_eq!(answer.status, 403, "{line}: {answer:?}");
        assert!(answer.text().contains(RULE), "{}", answer.text());
        assert!(!answer.text().contains(&token), "{}", answer.text());
    }
    for line in [
        format!("want-ref refs/heads/{token}"),
        format!("deepen-not {token}"),
        format!("filter sparse:oid=main:{token}"),
        format!(
            "filter combine:tree:1+sparse:oid={}",
            token.replace('_', "%5f")
        ),
        ids.join("\n"),
    ] {
        let mut all = vec!["command=fetch", "0001", want.as_str()];
        all.extend(line.split('\n'));
        all.extend(["done", "0000"]);
        assert_eq!(ask(&scene, 2, &lines(&all)).status, 403, "{line}");
    }
    let option = format!("server-option=to={token}");
    let body = lines(&["command=ls-refs", &option, "0001", "peel", "0000"]);
    assert_eq!(ask(&scene, 2, &body).status, 403);
    let not = format!("deepen-not {token}");
    let body = lines(&[&want, &not, "0000", "done"]);
    assert_eq!(ask(&scene, 0, &body).status, 403);
    let body = lines(&[&want, "0000", &ids[0], &ids[1], "done"]);
    assert_eq!(ask(&scene, 0, &body).status, 403);
    assert_eq!(asked(&scene), before, "it was asked all the same");
    scene.world.witness.never_saw(&token);
}

#[test]
fn row_22_lines_that_are_none_of_gits() {
    let (scene, token, id) = scene(2202);
    let before = asked(&scene);
    let want = format!("want {id}");
    for line in [
        format!("note {token}"),
        token.clone(),
        format!("filter {token}"),
        format!("filter blob:limit={token}"),
        format!("filter combine:combine:{token}"),
        format!("have {token}"),
        format!("deepen {token}"),
        format!("want {id} {token}"),
        format!("packfile-uris {token}"),
    ] {
        let body = lines(&["command=fetch", "0001", &want, &line, "done", "0000"]);
        assert_eq!(ask(&scene, 2, &body).status, 400, "{line}");
        let body = lines(&[&want, &line, "0000", "done"]);
        assert_eq!(ask(&scene, 0, &body).status, 400, "{line}");
    }
    for line in [format!("{token}=x"), format!("object-format={token}")] {
        let body = lines(&["command=ls-refs", &line, "0001", "peel", "0000"]);
        assert_eq!(ask(&scene, 2, &body).status, 400, "{line}");
    }
    let command = format!("command={token}");
    assert_eq!(ask(&scene, 2, &lines(&[&command, "0000"])).status, 415);
    assert_eq!(asked(&scene), before, "it was asked all the same");
    scene.world.witness.never_saw(&token);
}

#[test]
fn row_22_what_clients_say_of_themselves_in_a_fetch() {
    let (scene, token, id) = scene(2203);
    let (agent, session) = (format!("agent=git/{token}"), format!("session-id={token}"));
    let body = lines(&["command=ls-refs", &agent, &session, "0001", "peel", "0000"]);
    let answer = ask(&scene, 2, &body);
    assert!(answer.status == 200 && answer.text().contains("refs/heads/main"));
    let want = format!("want {id} side-band-64k no-progress {token} {agent} {session} {token}=x");
    let answer = ask(&scene, 0, &lines(&[&want, "0000", "done"]));
    assert!(answer.status == 200 && bstr::ByteSlice::find(answer.body(), "PACK").is_some());
    let sent = scene.world.witness.requests().pop().unwrap().body;
    let want = format!("want {id} side-band-64k no-progress");
    assert_eq!(sent, lines(&[&want, "0000", "done"]));
    // git, told to say it wherever it can.
    for (number, git) in gits().iter().enumerate() {
        for version in ["0", "1", "2"] {
            let settings = [
                format!("protocol.version={version}"),
                format!("http.userAgent={token}"),
                format!("http.extraHeader=X-Note: {token}"),
                "transfer.advertiseSID=true".into(),
            ];
            let place = format!("clone-{number}-{version}");
            let mut words: Vec<&str> = settings.iter().flat_map(|set| ["-c", set]).collect();
            let url = scene.world.proxied_url("one");
            words.extend(["clone", "-q", &url, &place]);
            let variables = [("GIT_USER_AGENT", token.as_str()), ("LANGUAGE", &token)];
            scene
                .world
                .git_where(git, &scene.work, &words, &variables)
                .ok();
        }
    }
    scene.world.witness.never_saw(&token);
}

#[test]
fn row_22_git_itself_asks_for_a_ref_of_that_name() {
    let (scene, token, _) = scene(2204);
    let url = scene.world.proxied_url("one");
    let option = format!("--server-option=for={token}");
    let name = format!("refs/heads/{token}");
    for words in [
        vec!["fetch", &url, &name],
        vec!["fetch", &option, &url, "main"],
        vec!["ls-remote", &option, &url],
    ] {
        let run = scene.world.git(&scene.work, &words);
        assert!(run.status != 0 && run.stderr.contains("403"), "{run}");
    }
    // It looks for the name itself in all that there is.
    let run = scene.world.git(&scene.work, &["ls-remote", &url, &name]);
    assert_eq!(run.ok().stdout, "");
    scene.world.witness.never_saw(&token);
}

#[test]
fn row_22_invented_names_of_repositories() {
    let (scene, token, _) = scene(2205);
    let before = asked(&scene);
    for name in [
        token.clone(),
        format!("org/{token}"),
        format!("{token}/x.y"),
    ] {
        for service in ["upload-pack", "receive-pack"] {
            let head =
                format!("GET /forge.test/{name}.git/info/refs?service=git-{service} HTTP/1.1");
            let text = scene.world.ask(&head, b"").text();
            assert!(
                text.contains("ERR ") && text.contains(RULE),
                "{name}: {text}"
            );
            assert!(!text.contains(&token), "{text}");
            let head = format!(
                "POST /forge.test/{name}.git/git-{service} HTTP/1.1\nContent-Length: 4\n\
                 Content-Type: application/x-git-{service}-request"
            );
            assert_eq!(scene.world.ask(&head, b"0000").status, 403, "{name}");
        }
        for file in ["HEAD", "info/refs", "objects/info/packs"] {
            let head = format!("GET /forge.test/{name}.git/{file} HTTP/1.1");
            assert_eq!(scene.world.ask(&head, b"").status, 403, "{name} {file}");
        }
    }
    assert_eq!(asked(&scene), before, "it was asked all the same");
    scene.world.witness.never_saw(&token);
}
