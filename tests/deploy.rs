//! What operators are given: the service, the container, the alerts and the dashboard say what is so.

mod promql;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{EXEAT, Options, Run, World, run_program};

const UNIT: &str = "deploy/systemd/exeat.service";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All values of a key of the unit, in their order.
fn unit(key: &str) -> Vec<String> {
    let text = read(UNIT);
    let values = text.lines().filter_map(|line| line.split_once('='));
    values
        .filter(|(found, _)| *found == key)
        .map(|(_, value)| value.to_owned())
        .collect()
}

#[test]
fn the_service_is_hardened() {
    let unit = root().join(UNIT);
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(arguments).arg(&unit).env("LC_ALL", "C");
        command.output().ok()
    };
    let Some(output) = analyze(&["security", "--offline=true", "--threshold=20", "--no-pager"])
    else {
        eprintln!("skipped: there is no systemd-analyze to rate {UNIT}");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let rating = said
        .lines()
        .find_map(|line| line.split("Overall exposure level").nth(1));
    let rating = rating.unwrap_or_else(|| panic!("no rating in:\n{said}"));
    let level = rating.split(':').nth(1).unwrap_or_default();
    let level: f64 = level.split_whitespace().next().unwrap().parse().unwrap();
    assert!(level <= 2.0, "{said}");
    assert!(output.status.success(), "{said}");
    let checked = analyze(&["verify"]).unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    // The binary is not installed where tests run; all else must be in order.
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("exeat.service") && !line.contains("is not executable"))
        .collect();
    assert_eq!(complaints, Vec::<&str>::new());
}

#[test]
fn the_service_runs_commands_that_exist() {
    for key in ["ExecStartPre", "ExecStart"] {
        for line in unit(key) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[0], "/usr/local/bin/exeat", "{line}");
            assert_takes(&words[1..]);
        }
    }
}

/// The longest drain fits into the time that service managers give.
#[test]
fn nobody_kills_it_while_it_drains() {
    let example: toml::Table = read("deploy/exeat.example.toml").parse().unwrap();
    let drain = example["limits"]["drain_seconds"].as_integer().unwrap();
    let seconds = |text: &str| text.trim_end_matches('s').parse::<i64>().unwrap();
    assert!(drain < seconds(&unit("TimeoutStopSec")[0]));
    let Some(compose) = yaml("deploy/compose/compose.yaml") else {
        return;
    };
    let grace = compose["services"]["exeat"]["stop_grace_period"].as_str();
    assert!(drain < seconds(grace.unwrap()));
}

/// The variables that unit and container set are keys the configuration knows, over the file each of them begins with.
#[test]
fn their_variables_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    for name in ["server.pem", "server.key"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let mut of_unit: BTreeMap<String, String> = unit("Environment")
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for value in of_unit.values_mut() {
        if let Some(name) = value.strip_prefix("%d/") {
            assert!(
                unit("LoadCredential")
                    .iter()
                    .any(|credential| credential.starts_with(&format!("{name}:"))),
                "nothing loads {name}"
            );
            *value = place(name);
        }
    }
    assert_eq!(of_unit.len(), 3);
    let shown = shown(&of_unit);
    assert!(shown.contains("/var/lib/exeat"), "{shown}");
    assert!(shown.contains(&place("server.key")), "{shown}");

    let mut of_container = container_variables();
    assert_eq!(of_container.len(), 3);
    let shown_alone = self::shown(&of_container);
    assert!(shown_alone.contains("0.0.0.0:9464"), "{shown_alone}");
    let Some(compose) = yaml("deploy/compose/compose.yaml") else {
        return;
    };
    let more = compose["services"]["exeat"]["environment"]
        .as_object()
        .unwrap();
    for (name, value) in more {
        let file = value.as_str().unwrap().rsplit('/').next().unwrap();
        of_container.insert(name.clone(), place(file));
    }
    assert_eq!(of_container.len(), 5);
    let shown = self::shown(&of_container);
    assert!(shown.contains(&place("server.pem")), "{shown}");
}

/// The example's configuration with these variables, as `exeat config show` tells it.
#[track_caller]
fn shown(variables: &BTreeMap<String, String>) -> String {
    let example = root().join("deploy/exeat.example.toml");
    let mut command = Command::new(EXEAT);
    command
        .env_clear()
        .envs(variables)
        .args(["config", "show", "--config"])
        .arg(example);
    run_program(&mut command).ok().stdout
}

fn container_variables() -> BTreeMap<String, String> {
    let pairs = containerfile();
    let pairs = pairs.iter().filter(|(word, _)| word == "ENV");
    pairs
        .flat_map(|(_, rest)| rest.split_whitespace())
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The instructions of the container's last stage, continued lines joined.
fn containerfile() -> Vec<(String, String)> {
    let text = read("deploy/container/Containerfile").replace("\\\n", " ");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect();
    let last = lines.iter().rposition(|line| line.starts_with("FROM "));
    let last = &lines[last.unwrap()..];
    let split = |line: &&str| {
        let (word, rest) = line.split_once(' ').unwrap();
        (word.to_owned(), rest.trim().to_owned())
    };
    last.iter().map(split).collect()
}

#[test]
fn the_container_is_nobody_and_runs_without_a_shell() {
    let instructions = containerfile();
    let of = |word: &str| {
        let found = instructions.iter().filter(|(found, _)| found == word);
        found.map(|(_, rest)| rest.clone()).collect::<Vec<_>>()
    };
    let user = of("USER");
    let (user, group) = user[0].split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    assert!(of("RUN").is_empty(), "the last stage has nothing to run");
    assert_eq!(of("STOPSIGNAL"), ["SIGTERM"]);
    let entry: Vec<String> = serde_json::from_str(&of("ENTRYPOINT")[0]).unwrap();
    let serve: Vec<String> = serde_json::from_str(&of("CMD")[0]).unwrap();
    let health = of("HEALTHCHECK");
    let (_, health) = health[0].split_once("CMD ").unwrap();
    let health: Vec<String> = serde_json::from_str(health).unwrap();
    assert_eq!(entry, health[..1]);
    assert_takes(&serve.iter().map(String::as_str).collect::<Vec<_>>());
    assert_takes(&health[1..].iter().map(String::as_str).collect::<Vec<_>>());
    let toolchain = read("Cargo.toml");
    let version = toolchain.split("rust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    let build = format!("FROM docker.io/library/rust:{version}-");
    assert!(
        read("deploy/container/Containerfile").contains(&build),
        "the container is built with another Rust than Cargo.toml names"
    );
}

#[test]
fn composed_services_may_do_little() {
    let Some(compose) = yaml("deploy/compose/compose.yaml") else {
        return;
    };
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), 3);
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        let options = serde_json::json!(["no-new-privileges:true"]);
        assert_eq!(service["security_opt"], options, "{name}");
        let user = service["user"].as_str().unwrap();
        assert!(!user.starts_with("0") && user.contains(':'), "{name}");
        assert_eq!(service.get("profiles").is_none(), name == "exeat");
        for volume in service["volumes"].as_array().unwrap() {
            assert_volume(&compose, volume.as_str().unwrap());
        }
        for network in service["networks"].as_array().unwrap() {
            assert!(compose["networks"].get(network.as_str().unwrap()).is_some());
        }
    }
    let exeat = &services["exeat"];
    let user = containerfile().into_iter().find(|(word, _)| word == "USER");
    assert_eq!(exeat["user"].as_str(), Some(user.unwrap().1.as_str()));
    assert_eq!(exeat["ports"], serde_json::json!(["8443:8443"]));
    assert_eq!(compose["networks"]["watch"]["internal"], true);
}

/// A named volume is declared; a file beside the compose file is there, unless it is the operator's own.
#[track_caller]
fn assert_volume(compose: &Value, volume: &str) {
    let source = volume.split(':').next().unwrap();
    if !source.starts_with('.') {
        assert!(compose["volumes"].get(source).is_some(), "{volume}");
        return;
    }
    assert!(volume.ends_with(":ro"), "{volume} may be written to");
    let theirs = ["./exeat.toml", "./tls"];
    let path = root().join("deploy/compose").join(source);
    assert!(theirs.contains(&source) || path.exists(), "{volume}");
}

#[test]
fn health_says_whether_it_is_ready() {
    let mut world = World::start(Options::default());
    let ready = world.exeat(&["health", "--config", "exeat.toml"]).ok();
    assert_eq!(ready.stdout, "ready\n");
    world.stop_server();
    let gone = world.exeat(&["health", "--config", "exeat.toml"]);
    assert_eq!(gone.status, 1, "{gone}");
    assert!(gone.stdout.contains("does not answer"), "{gone}");
    std::fs::write(world.place("off").join("exeat.toml"), OFF).unwrap();
    let off = world.exeat(&["health", "--config", "off/exeat.toml"]);
    assert_eq!(off.status, 2, "{off}");
    assert!(off.stderr.contains("telemetry.address"), "{off}");
}

const OFF: &str = "[telemetry]\naddress = \"off\"\n";

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_ends() {
    let world = World::start(Options::default());
    let data = world.place("second");
    let socket = data.join("notify");
    let told = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    let patience = std::time::Duration::from_secs(60);
    told.set_read_timeout(Some(patience)).unwrap();
    let hear = || {
        let mut word = [0; 64];
        let length = told.recv(&mut word).unwrap();
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let mut command = Command::new(EXEAT);
    command
        .env_clear()
        .env("NOTIFY_SOCKET", &socket)
        .env("EXEAT__DATA__DIRECTORY", data.join("data"))
        .args(["serve", "--config"])
        .arg(world.config())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut server = command.spawn().unwrap();
    assert_eq!(hear(), "READY=1");
    let order = format!("kill -TERM {}", server.id());
    Command::new("sh").args(["-c", &order]).status().unwrap();
    assert_eq!(hear(), "STOPPING=1");
    assert!(server.wait().unwrap().success());
}

/// Fails unless the binary knows this command with these options.
#[track_caller]
fn assert_takes(words: &[&str]) {
    let options = words.iter().position(|word| word.starts_with("--"));
    let (command, options) = words.split_at(options.unwrap_or(words.len()));
    let mut help = Command::new(EXEAT);
    let help = run_program(help.args(command).arg("--help")).ok().stdout;
    for option in options.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{words:?}: {help}");
    }
}

/// A YAML file as JSON, by a Python that knows YAML; `None` where there is none and nobody insists.
fn yaml(name: &str) -> Option<Value> {
    const SCRIPT: &str =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let pythons = [
        std::env::var_os("EXEAT_TEST_PYTHON").map(PathBuf::from),
        Some(root().join("target/test-python/bin/python")),
        Some("python3".into()),
    ];
    for python in pythons.into_iter().flatten() {
        let mut knows = Command::new(&python);
        let knows = knows.args(["-c", "import yaml"]).output();
        if knows.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new(&python);
            command.args(["-c", SCRIPT]).arg(root().join(name));
            let run: Run = run_program(&mut command).ok();
            return Some(serde_json::from_str(&run.stdout).unwrap());
        }
    }
    let required = ["CI", "EXEAT_TEST_REQUIRE"].iter();
    let required = required
        .into_iter()
        .any(|name| std::env::var_os(name).is_some());
    assert!(
        !required,
        "no Python here knows YAML: tests/run sets one up"
    );
    eprintln!("skipped: no Python here knows YAML to read {name}");
    None
}
