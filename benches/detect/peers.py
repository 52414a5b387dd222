#!/usr/bin/env python3
"""Runs other scanners over what fetch.py has fetched and scores them by the same definitions as measure.py.

    benches/detect/peers.py FOLDER

Those that are on PATH: gitleaks, kingfisher, ripsecrets, detect-secrets, credsweeper (pip install detect-secrets credsweeper kingfisher-bin; cargo
install ripsecrets). They run without a network if `unshare` may make them a namespace; live validation is off either way.
"""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scoring import Labels, counted_lines, records


def neutral(path, line, rule, last=None):
    return {"path": str(path).removeprefix("./"), "line": int(line), "rule": rule, "end_line": last}


def gitleaks(run, report):
    run("gitleaks", "dir", ".", "-f", "json", "-r", report, "--no-banner", "--exit-code", "0")
    return [neutral(each["File"], each["StartLine"], each["RuleID"], each["EndLine"]) for each in json.loads(report.read_text())]


def kingfisher(confidence):
    def scan(run, report):
        # Without --no-dedup a value that stands twice is told once.
        flags = ["--git-history", "none", "--no-update-check", "--no-dedup", "--confidence", confidence]
        run("kingfisher", "scan", ".", "--no-validate", *flags, "--format", "jsonl", "-o", report)
        found = []
        for line in report.read_text().splitlines():
            each = json.loads(line)
            if "finding" in each:
                found.append(neutral(each["finding"]["path"], each["finding"]["line"], each["rule"]["id"]))
        return found

    return scan


def ripsecrets(run, _):
    lines = run("ripsecrets", ".").splitlines()
    parts = [line.split(":", 2) for line in lines]
    return [neutral(part[0], part[1], "ripsecrets") for part in parts if len(part) == 3 and part[1].isdigit()]


def detect_secrets(run, _):
    found = json.loads(run("detect-secrets", "scan", "--all-files", "-n", "."))["results"]
    return [neutral(path, each["line_number"], each["type"]) for path, all_of_it in found.items() for each in all_of_it]


def credsweeper(run, report):
    run("credsweeper", "--path", ".", "--jobs", "1", "--save-json", report)
    lines = [(each["rule"], line) for each in json.loads(report.read_text()) for line in each["line_data_list"]]
    return [neutral(line["path"], line["line_num"], rule) for rule, line in lines]


PEERS = {
    "gitleaks": ("gitleaks", gitleaks),
    "Kingfisher, low confidence": ("kingfisher", kingfisher("low")),
    "Kingfisher, medium confidence": ("kingfisher", kingfisher("medium")),
    "ripsecrets": ("ripsecrets", ripsecrets),
    "detect-secrets": ("detect-secrets", detect_secrets),
    "CredSweeper (its reports made CredData's labels)": ("credsweeper", credsweeper),
}


def alone():
    """The words before a command that take its network away, where that is allowed."""
    words = ["unshare", "--map-root-user", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if allowed else []


def scan(peer, folder):
    before = alone()

    def run(*command):
        done = subprocess.run([*before, *map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout

    with tempfile.TemporaryDirectory() as place:
        return peer(run, Path(place) / "report")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    data = Path(sys.argv[1]).resolve()
    expected = {row["path"]: row["risk"] for row in records(data / "leaky.jsonl")}
    count = len(list((data / "examples").iterdir()))
    sets = ("development", "apart")
    labels = {name: Labels(records(data / f"{name}.jsonl")) for name in sets}
    print("| scanner | " + " | ".join(f"{name}: P, R, F1" for name in sets) + " | leaky-repo risk F1 | examples |\n|---|---|---|---|---|")
    for name, (command, peer) in PEERS.items():
        if not shutil.which(command):
            print(f"| {name} | not on PATH | | | |")
            continue
        cells = []
        for folder in sets:
            shares = labels[folder].figures(scan(peer, data / folder))[3:6]
            cells.append(", ".join(f"{share:.3f}" for share in shares))
        cells.append(f"{counted_lines(expected, scan(peer, data / 'leaky'))[4]:.3f}")
        hit = len({each["path"] for each in scan(peer, data / "examples")})
        cells.append(f"{hit / count:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
