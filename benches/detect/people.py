#!/usr/bin/env python3
"""How often rules about people, markers, networks and hidden text find something in public sources, where they should find next to nothing.

    cargo build
    benches/detect/people.py FOLDER...      # work trees of public projects; all optional packs are on
    benches/detect/people.py --list FOLDER...
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKS = ["personal-data", "confidentiality", "network-names", "hidden-text", "disclosure"]
ACTIONS = ["block", "review", "warn", "note"]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--exeat", default=ROOT / "target/debug/exeat")
    parser.add_argument("--list", action="store_true", help="print each find but notes")
    arguments = parser.parse_args()
    pack_of = {
        rule["id"]: pathlib.PurePath(rule["file"])
        for rule in lines(arguments.exeat, "rules", "list", "shipped", "--format", "jsonl")
    }
    optional = sorted({path.stem for path in pack_of.values() if path.parent.name == "optional"})
    names = PACKS + optional
    counts = collections.Counter()
    for folder in arguments.folders:
        scan = ["scan", "--format", "jsonl", "--packs", ",".join(optional), folder]
        for found in lines(arguments.exeat, *scan):
            pack = pack_of[found["rule"]].stem
            if pack not in names:
                continue
            counts[pack, found["action"]] += 1
            if arguments.list and found["action"] != "note":
                print(found["action"], found["rule"], found["path"], found["line"])
    megabytes = sum(map(size, arguments.folders)) / 1e6
    print(f"{megabytes:.0f} MB of {len(arguments.folders)} folders\n")
    print("| pack | " + " | ".join(ACTIONS) + " | block and review in 100 MB |")
    print("|---" * (len(ACTIONS) + 2) + "|")
    for pack in names:
        found = [counts[pack, action] for action in ACTIONS]
        share = (found[0] + found[1]) * 100 / megabytes
        print(f"| {pack} | " + " | ".join(map(str, found)) + f" | {share:.1f} |")


if __name__ == "__main__":
    main()
