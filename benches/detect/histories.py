#!/usr/bin/env python3
"""How many commits of public histories would be held for content that nobody can read.

    python3 benches/detect/histories.py --exeat target/release/exeat FOLDER...

Each FOLDER is a git repository, bare or not, whose history is packed (git repack -ad); nothing is fetched. All packs of each are inspected
as pushes are (exeat scan --pack), and each object that was not read whole is followed to the commits that brought it in: a push of
one of them alone would be held. Objects that are reached in no other way than by ids, such as trees, count as one commit each.
"""

import argparse
import json
import pathlib
import subprocess
import sys


def git(folder, *arguments):
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout


def unread(exeat, pack):
    """The unread parts of one pack, and the bytes of its objects."""
    command = [exeat, "scan", "--pack", str(pack), "--format", "json"]
    run = subprocess.run(command, capture_output=True, check=False)
    try:
        told = json.loads(run.stdout)
    except ValueError:
        sys.exit(f"{pack}: {run.stderr.decode(errors='replace')[-500:]}")
    return [part for part in told["unread"] if part.get("object")], told["scanned_bytes"]


def bringing(folder, objects):
    """The first commit that has each object at a path."""
    commits, commit = {}, None
    arguments = ["log", "--all", "--reverse", "--topo-order", "--raw", "--no-abbrev", "--no-renames", "-m"]
    command = ["git", "-C", str(folder), *arguments, "--format=%H"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as log:
        for line in log.stdout:
            if line.startswith(b":"):
                new = line.split(b" ", 4)[3].decode()
                if new in objects:
                    commits.setdefault(new, commit)
            elif len(line) > 1:
                commit = line.strip().decode()
    return commits


def history(exeat, folder, verbose):
    packs = sorted(pathlib.Path(git(folder, "rev-parse", "--absolute-git-dir").decode().strip()).glob("objects/pack/*.pack"))
    parts, scanned = [], 0
    for pack in packs:
        found, size = unread(exeat, pack)
        parts += found
        scanned += size
    objects = {part["object"] for part in parts}
    brought = bringing(folder, objects)
    held = {brought.get(id, id) for id in objects}
    commits = int(git(folder, "rev-list", "--all", "--count"))
    rate = 1000 * len(held) / max(commits, 1)
    name = folder.parent.name if folder.name in (".git", "repo") else folder.name
    print(f"| {name} | {commits:,} | {scanned / 1e6:,.0f} | {len(objects):,} | {len(held):,} | {rate:.2f} |", flush=True)
    if verbose:
        for part in parts:
            print(f"  {part['object']} {part['what']}: {part['why']}")
    return commits, len(objects), len(held)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exeat", default="target/release/exeat", help="the program that is measured")
    parser.add_argument("--verbose", action="store_true", help="name each part that was not read")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    given = parser.parse_args()
    print("| history | commits | MB inspected | objects not read | commits held | of 1,000 |\n|---|---:|---:|---:|---:|---:|")
    sums = [history(given.exeat, folder, given.verbose) for folder in given.folders]
    commits, objects, held = map(sum, zip(*sums))
    print(f"| together | {commits:,} | | {objects:,} | {held:,} | {1000 * held / max(commits, 1):.2f} |")


if __name__ == "__main__":
    main()
