#!/usr/bin/env python3
"""How often rules about what is no secret and must not leave all the same find something in public sources, where most should find next to nothing.

    cargo build
    benches/detect/people.py FOLDER...                      # work trees of public projects: the table by kind
    benches/detect/people.py --commits REPOSITORY...        # what commits and tags say, without files
    benches/detect/people.py --list KIND FOLDER...          # each find of a kind but notes
    benches/detect/people.py --sample 100 --seed 1 --list KIND FOLDER...   # so many of them by chance, with the lines around each

All optional packs are on, and no licence is accepted, so that each one that is recognised counts.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# By pack or by rule.
KINDS = {
    "markers of confidentiality": ["confidentiality"],
    "markers in Chinese and Japanese": ["markers-cjk"],
    "headers of property": ["proprietary"],
    "export control": ["export-classification", "export-controlled-marker"],
    "vulnerabilities under embargo": ["vulnerability-under-embargo"],
    "private addresses": ["private-address-of-service", "private-address", "unique-local-address"],
    "names in certificates": ["internal-certificate-name"],
    "hosts of committers": ["internal-host-of-committer", "host-of-committer"],
    "bidirectional controls": ["hidden-text"],
    "payment cards": ["payment-card-number"],
    "tables of cards": ["table-of-cards"],
    "IBANs": ["bank-account-iban"],
    "tables of people": ["table-of-people"],
    "personal-data-africa": ["personal-data-africa"],
    "personal-data-americas": ["personal-data-americas"],
    "personal-data-asia-pacific": ["personal-data-asia-pacific"],
    "personal-data-eu": ["personal-data-eu"],
    "personal-data-uk": ["personal-data-uk"],
    "personal-data-us": ["personal-data-us"],
    "SPDX headers": ["license-expression"],
    "texts of licences": ["license-text"],
    "licences of manifests": ["license-of-manifest"],
    "licences of dependencies": ["license-of-dependency"],
}

CONFIG = """[upstream.public]
url = "https://public.example"
[policy]
files = ["policy.toml"]
[rules]
packs = {packs}
"""
POLICY = """[[license]]
name = "none"
accept = "LicenseRef-None"
accept_dependencies = "LicenseRef-None"
"""
# Lines shown before and behind a find.
AROUND = (2, 6)


def lines(exeat, *arguments):
    run = subprocess.run([exeat, *arguments], capture_output=True, text=True)
    if run.returncode not in (0, 1, 2):
        sys.exit(run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


def size(folder):
    total = 0
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        whole = (os.path.join(path, name) for name in files)
        total += sum(os.path.getsize(file) for file in whole if not os.path.islink(file))
    return total


def packed(repository, folder):
    """A pack of the commits and tags of a repository, and how many these are."""
    command = ["git", "-C", repository, "pack-objects", "--all", "--revs", "--stdout", "--quiet", "--filter=tree:0"]
    pack = subprocess.run(command, input=b"", capture_output=True, check=True).stdout
    path = folder / "commits.pack"
    path.write_bytes(pack)
    return path, int.from_bytes(pack[8:12], "big")


def kinds_by_rule(exeat):
    kinds = {}
    for rule in lines(exeat, "rules", "list", "shipped", "--format", "jsonl"):
        pack = pathlib.PurePath(rule["file"]).stem
        for kind, names in KINDS.items():
            if pack in names or rule["id"] in names:
                kinds[rule["id"]] = kind
    return kinds


def show(found):
    print(f"--- {found['rule']} {found['path']}:{found['line']}  {' > '.join(found['via'])}")
    with open(found["path"], "rb") as file:
        text = file.read().split(b"\n")
    start = max(found["line"] - 1 - AROUND[0], 0)
    for line in text[start : found["line"] + AROUND[1]]:
        print("   |", line.decode(errors="replace")[:140])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--exeat", default=ROOT / "target/debug/exeat")
    parser.add_argument("--commits", action="store_true", help="the folders are repositories, of which commits and tags count")
    parser.add_argument("--list", choices=KINDS, metavar="KIND", help="print each find of a kind but notes")
    parser.add_argument("--sample", type=int, help="only so many of them, by chance, with the lines around each")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    kinds = kinds_by_rule(arguments.exeat)
    packs = [name for names in KINDS.values() for name in names if name.startswith(("personal-data-", "markers-"))]
    counts = collections.Counter()
    listed, amount = [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "exeat.toml").write_text(CONFIG.format(packs=json.dumps([*packs, "licenses"])))
        (folder / "policy.toml").write_text(POLICY)
        scan = ["scan", "--format", "jsonl", "--config", folder / "exeat.toml", "--repo", "public/a/b"]
        for place in arguments.folders:
            what = [place]
            if arguments.commits:
                pack, objects = packed(place, folder)
                what = ["--pack", pack]
                amount += objects
            else:
                amount += size(place)
            for found in lines(arguments.exeat, *scan, *what):
                kind = kinds.get(found["rule"])
                counts[kind, found["action"]] += 1
                if kind == arguments.list and found["action"] != "note":
                    listed.append(found)
    if arguments.list:
        if arguments.sample:
            listed = random.Random(arguments.seed).sample(listed, min(arguments.sample, len(listed)))
            return [show(found) for found in listed]
        return [print(found["action"], found["rule"], found["path"], found["line"]) for found in listed]
    unit = "commits and tags" if arguments.commits else "MB"
    amount, per = (amount, 10_000) if arguments.commits else (amount / 1e6, 100)
    print(f"{amount:.0f} {unit} of {len(arguments.folders)} folders\n")
    print(f"| kind | reviews | warnings | notes | reviews and warnings in {per} {unit} |")
    print("|---" * 5 + "|")
    for kind in KINDS:
        reviews = counts[kind, "block"] + counts[kind, "review"]
        warnings, notes = counts[kind, "warn"], counts[kind, "note"]
        print(f"| {kind} | {reviews} | {warnings} | {notes} | {(reviews + warnings) * per / amount:.1f} |")


if __name__ == "__main__":
    main()
