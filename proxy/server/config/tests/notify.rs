//! Who is told, and that neither keys nor addresses that are keys are ever shown.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::notify::Kind;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn kept(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    kept(folder.path(), "secret", &format!("whsec_{SECRET}\n"));
    kept(folder.path(), "short", "AAAA\n");
    kept(folder.path(), "password", "hunter two\n");
    kept(
        folder.path(),
        "hook",
        "https://hooks.example/T0/hidden?sig=hidden\n",
    );
    folder
}

fn read(folder: &Path, text: &str) -> Config {
    load_in(folder, text, &[])
        .map(|(config, _)| config)
        .unwrap()
}

#[test]
fn webhooks_are_read_and_their_secrets_not_shown() {
    let folder = folder();
    let text = "[notify]\nretry_seconds = 1\n[notify.webhook.chat]\nurl = \"https://Hooks.example:8443/a/b\"\nsecret = \"file:secret\"\n\
                events = [\"sent\", \"opened\", \"sent\"]\nprivate = true\nvia = \"off\"\n\
                [notify.webhook.flow]\nurl = \"file:hook\"\nsecret = \"file:secret\"\nold_secret = \"file:secret\"\nvia = \"off\"\n";
    let config = read(folder.path(), text);
    let [chat, flow] = config.notify.webhooks.as_slice() else {
        panic!("two webhooks");
    };
    assert_eq!(chat.host, "hooks.example:8443");
    assert_eq!(chat.reach.authority, "hooks.example:8443");
    assert_eq!(chat.path, "/a/b");
    assert_eq!(chat.events, [Kind::Opened, Kind::Sent]);
    assert!(chat.reach.private && chat.reach.tls);
    assert_eq!(
        (flow.host.as_str(), flow.path.as_str()),
        ("hooks.example", "/T0/hidden?sig=hidden")
    );
    assert_eq!(flow.reach.authority, "hooks.example:443");
    assert_eq!((flow.secrets.len(), flow.events.len()), (2, 11));
    let shown = config.show();
    assert!(
        !shown.contains("hidden") && !shown.contains(SECRET),
        "{shown}"
    );
    assert!(!format!("{:?}", chat).contains("MfKQ"));
    let again = read(folder.path(), &shown);
    assert_eq!(again.show(), shown);
    // A path and a query are what the address of a receiver is known by.
    let sent = format!("{:?}", flow.secrets);
    assert_eq!(sent, "[Secret(..), Secret(..)]");
}

#[test]
fn mail_is_read_and_its_password_not_shown() {
    let folder = folder();
    let text = "[notify.mail]\nserver = \"smtp.bank.example\"\nfrom = \"exeat@bank.example\"\nuser = \"exeat\"\n\
                password = \"file:password\"\nto = [\"pusher\", \"list@bank.example\"]\nprivate = true\n";
    let config = read(folder.path(), text);
    let mail = config.notify.mail.as_ref().unwrap();
    assert_eq!(mail.reach.authority, "smtp.bank.example:587");
    assert_eq!(
        mail.login.as_ref().unwrap().password.expose(),
        b"hunter two"
    );
    assert_eq!(
        mail.domains
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["bank.example"]
    );
    let shown = config.show();
    assert!(!shown.contains("hunter") && !format!("{config:?}").contains("hunter"));
    assert_eq!(read(folder.path(), &shown).show(), shown);
    let wrapped = "[notify.mail]\nserver = \"[::1]\"\ntls = \"wrapped\"\nfrom = \"a@b\"\n";
    let config = read(folder.path(), wrapped);
    assert_eq!(config.notify.mail.unwrap().reach.authority, "[::1]:465");
}

#[test]
fn variables_reach_webhooks_too() {
    let folder = folder();
    let text =
        "[notify.webhook.chat-room]\nurl = \"https://hooks.example/a\"\nsecret = \"file:secret\"\n";
    let variable = [("EXEAT__NOTIFY__WEBHOOK__CHAT_ROOM__EVENTS", "opened,sent")];
    let (config, _) = load_in(folder.path(), text, &variable).unwrap();
    assert_eq!(config.notify.webhooks[0].events, [Kind::Opened, Kind::Sent]);
}

#[test]
fn what_cannot_be_told_is_refused_with_its_place() {
    let folder = folder();
    let refused = |text: &str, expected: &str| {
        let error = load_in(folder.path(), text, &[])
            .expect_err(text)
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(
            !error.contains("hidden") && !error.contains("hunter"),
            "{error}"
        );
    };
    let webhook = |keys: &str| format!("[notify.webhook.chat]\nvia = \"off\"\n{keys}\n");
    let good = "url = \"https://h.example/a\"\nsecret = \"file:secret\"";
    for (keys, expected) in [
        (
            "url = \"https://h.example/a\"",
            "notify.webhook.chat.secret: missing; expected \"file:PATH\"",
        ),
        (
            "secret = \"file:secret\"",
            "notify.webhook.chat.url: missing",
        ),
        (
            "url = \"https://h.example/a\"\nsecret = \"hunter2\"",
            "exeat.toml:4: notify.webhook.chat.secret: expected \"file:PATH\"",
        ),
        (
            "url = \"https://h.example/a\"\nsecret = \"file:short\"",
            "24 to 64 bytes as base64",
        ),
        (
            "url = \"https://h.example/?sig=hidden\"\nsecret = \"file:secret\"",
            "put it where others cannot read it",
        ),
        (
            "url = \"https://hidden:hidden@h.example/\"\nsecret = \"file:secret\"",
            "without user name",
        ),
        (
            "url = \"http://h.example/\"\nsecret = \"file:secret\"",
            "plaintext = true",
        ),
        (
            "url = \"ftp://h.example/\"\nsecret = \"file:secret\"",
            "notify.webhook.chat.url: expected an address",
        ),
        (
            "url = \"file:password\"\nsecret = \"file:secret\"",
            "notify.webhook.chat.url: expected an address",
        ),
        (
            &format!("{good}\nevents = [\"open\"]"),
            "did you mean \"opened\"?",
        ),
        (&format!("{good}\nevent = []"), "did you mean \"events\"?"),
    ] {
        refused(&webhook(keys), expected);
    }
    refused(
        "[notify.webhook.\"A b\"]\nurl = \"https://h/\"\nsecret = \"file:secret\"\n",
        "expected a name of at most 40",
    );
    let mail = |keys: &str| format!("[notify.mail]\n{keys}\n");
    let good = "server = \"smtp.bank.example\"\nfrom = \"a@bank.example\"";
    for (keys, expected) in [
        (
            "server = \"smtp.bank.example\"",
            "notify.mail.from: missing",
        ),
        (
            "server = \"smtp.bank.example:0\"\nfrom = \"a@b\"",
            "notify.mail.server: expected a mail server",
        ),
        (
            "server = \"smtp://x\"\nfrom = \"a@b\"",
            "notify.mail.server: expected a mail server",
        ),
        (
            "server = \"x\"\nfrom = \"a b@c\"",
            "notify.mail.from: expected a mail address",
        ),
        (
            "server = \"x\"\nfrom = \"a@b\\r\\nBcc: c@d\"",
            "notify.mail.from: expected a mail address",
        ),
        (
            &format!("{good}\ntls = \"off\""),
            "exeat.toml:4: notify.mail.tls: \"off\" is for a mail server on this machine",
        ),
        (
            &format!("{good}\nuser = \"a\""),
            "notify.mail.user: there is no password for it",
        ),
        (
            &format!("{good}\npassword = \"file:password\""),
            "notify.mail.password: there is no user",
        ),
        (
            &format!("{good}\nuser = \"a\"\npassword = \"hunter2\""),
            "notify.mail.password: expected \"file:PATH\"",
        ),
        (
            &format!("{good}\nto = [\"reviewer\"]"),
            "expected \"reviewers\", \"pusher\" or a mail address",
        ),
        (
            &format!("{good}\ndomains = [\"a b\"]"),
            "notify.mail.domains: expected a domain",
        ),
    ] {
        refused(&mail(keys), expected);
    }
}
