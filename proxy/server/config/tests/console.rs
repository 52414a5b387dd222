//! `[console]`: off by default, and what it takes to open it.

use super::*;

#[test]
fn it_is_off_until_somebody_opens_it() {
    let console = Config::defaults().unwrap().console;
    assert_eq!((console.address, console.url), (None, None));
    let near = accepted("[console]\naddress = \"127.0.0.1:8444\"\n").console;
    assert_eq!(near.address.unwrap().port(), 8444);
    assert_eq!(near.tls, Tls::Development);
    let plain = accepted(
        "[console]\naddress = \"[::1]:0\"\ntls = \"off\"\nurl = \"https://exeat.bank.example\"\n",
    );
    assert_eq!(plain.console.tls, Tls::Off);
    let url = plain.console.url.as_ref().unwrap().as_str();
    assert_eq!(url, "https://exeat.bank.example/");
    let (again, _) = load(&plain.show(), &[]).unwrap();
    assert_eq!(again.console, plain.console);
}

#[test]
fn where_others_can_come_in_it_is_encrypted_and_has_a_name() {
    refused(
        "[listen]\naddress = \"0.0.0.0:8443\"\ntls = \"development\"\n[console]\naddress = \"0.0.0.0:8443\"\ntls = \"off\"\n",
        &[],
        &[
            "exeat.toml:4: console.url: missing; expected scheme, host and port only, such as https://exeat.bank.example",
            "exeat.toml:5: console.address: expected another address than listen.address: people have a listener of their own",
            "exeat.toml:6: console.tls: \"off\" needs a loopback console.address such as 127.0.0.1:8444, found 0.0.0.0:8443",
        ],
    );
    refused(
        "[console]\naddress = \"localhost:1\"\ntls = \"of\"\nurl = \"https://a:b@c.example\"\n",
        &[],
        &[
            "exeat.toml:2: console.address: expected an IP address and port such as 127.0.0.1:8444, or \"off\", found \"localhost:1\"",
            "exeat.toml:3: console.tls: expected \"development\", \"off\" or a table with certificate and key, found \"of\"",
            "exeat.toml:4: console.url: expected scheme, host and port only, such as https://exeat.bank.example (value not shown)",
        ],
    );
    for url in [
        "exeat.bank.example",
        "http://exeat.bank.example",
        "https://exeat.bank.example/console",
        "https://exeat.bank.example?a",
        "https://exeat.bank.example.",
        "https://exeat.bank.example:0",
        "ftp://127.0.0.1",
        "",
    ] {
        let problem = format!(
            "exeat.toml:2: console.url: expected scheme, host and port only, such as https://exeat.bank.example, found \"{url}\""
        );
        let text = format!("[console]\nurl = \"{url}\"\n");
        refused(&text, &[], &[&problem]);
    }
    accepted("[console]\nurl = \"http://localhost:8444\"\n");
}
