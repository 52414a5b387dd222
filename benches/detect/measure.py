#!/usr/bin/env python3
"""Measures what Exeat's rules find, on what fetch.py has fetched, and prints tables in Markdown.

    benches/detect/measure.py FOLDER [--exeat target/debug/exeat] [--clean FOLDER] [--list FOLDER]

Checksums of vendors are not enforced, because the values are replaced. --clean counts findings in public sources, by default the downloaded
sources of this project's dependencies; what stands in true-keys.txt beside this file was looked at and is a key. --list writes what is missed and
what is false, of half A, leaky-repo and the examples alone, for whoever writes rules.
"""
import argparse
import collections
import json
import subprocess
import sys
from pathlib import Path

from scoring import Labels, counted_lines, ratios, records

HERE = Path(__file__).resolve().parent
TIERS = {"block": ("block",), "block + review": ("block", "review"), "all": ("block", "review", "warn", "note")}


def scan(exeat, folder):
    command = [exeat, "scan", "--no-checksums", "--format", "jsonl", "."]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # It ends with 2 as well where all was scanned but what it names: that is told beside the figures.
    unread = run.stderr.splitlines()
    only_unread = unread and all(line.startswith("exeat: not read: ") for line in unread)
    if run.returncode not in (0, 1) and not (run.returncode == 2 and only_unread):
        sys.exit(f"{' '.join(command)} in {folder} ended with {run.returncode}: {run.stderr[-500:]}")
    print(run.stderr, end="", file=sys.stderr)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    found = [each for each in found if each.get("rule") and each.get("path")]
    for each in found:
        each["path"] = each["path"].removeprefix("./")
    return found


def of_tier(findings, tier):
    return [each for each in findings if each["action"] in TIERS[tier]]


def labelled(title, rows, findings):
    labels = Labels(rows)
    print(f"\n### {title}\n\n{len(labels.counted)} core units, {sum(map(len, labels.false.values()))} lines labelled false.\n")
    print("| tier | TP | FP | without label | precision | recall | F1 | F1 strict |\n|---|---|---|---|---|---|---|---|")
    for tier in TIERS:
        tp, fp, none, *shares = labels.figures(of_tier(findings, tier))
        print(f"| {tier} | {tp} | {fp} | {none} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
    return labels


def categories(labels, findings):
    block = labels.by_category(of_tier(findings, "block"))
    print("\n| category | units | block | block + review |\n|---|---|---|---|")
    for category, (hit, units) in labels.by_category(of_tier(findings, "block + review")).items():
        print(f"| {category} | {units} | {block[category][0] / units:.2f} | {hit / units:.2f} |")


def lists(folder, root, labels, findings, name):
    """What is missed and what is false, with its line."""
    hit, false, _ = labels.score(of_tier(findings, "block + review"))

    def line(path, number):
        text = (root / path).read_text(encoding="utf-8", errors="replace").split("\n")
        return text[number - 1][:300] if number <= len(text) else ""

    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"missed-{name}.txt", "w", encoding="utf-8") as out:
        for path, at in sorted(labels.counted - hit):
            first, _, names = labels.units[path][at]
            out.write(f"{path}:{first} {sorted(names)}\n    {line(path, first)}\n")
    with open(folder / f"false-{name}.txt", "w", encoding="utf-8") as out:
        for path, number in sorted(false):
            rules = {each["rule"] for each in findings if (each["path"], each["line"]) == (path, number)}
            out.write(f"{path}:{number} {sorted(rules)}\n    {line(path, number)}\n")


def development(data, exeat, listed):
    rows, findings = records(data / "development.jsonl"), scan(exeat, data / "development")
    categories(labelled("CredData, the development repositories", rows, findings), findings)
    half = json.loads((data / "halves.json").read_text(encoding="utf-8"))
    for name in "AB":
        inside = lambda each, name=name: half.get(Path(each["path"]).parts[1]) == name
        of_half = [each for each in findings if inside(each)]
        labels = labelled(f"Half {name}", [row for row in rows if inside(row)], of_half)
        if listed and name == "A":
            lists(listed, data / "development", labels, of_half, name)


def leaky(data, exeat):
    findings, rows = scan(exeat, data / "leaky"), records(data / "leaky.jsonl")
    print("\n### leaky-repo\n\n| tier | counted | TP | FP | precision | recall | F1 |\n|---|---|---|---|---|---|---|")
    for counted in ("risk", "risk and informative"):
        also = counted != "risk"
        expected = {row["path"]: row["risk"] + (row["informative"] if also else 0) for row in rows}
        for tier in TIERS:
            tp, fp, *shares = counted_lines(expected, of_tier(findings, tier))
            print(f"| {tier} | {counted} | {tp} | {fp} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")


def examples(data, exeat):
    findings = scan(exeat, data / "examples")
    count = len(list((data / "examples").iterdir()))
    print(f"\n### Rule examples\n\n{count} examples.\n\n| tier | found | recall |\n|---|---|---|")
    for tier in TIERS:
        hit = len({each["path"] for each in of_tier(findings, tier)})
        print(f"| {tier} | {hit} | {ratios(hit, 0, count - hit)[1]:.3f} |")


def clean(folder, exeat):
    findings = scan(exeat, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    keys = set()
    if (HERE / "true-keys.txt").exists():
        lines = (HERE / "true-keys.txt").read_text(encoding="utf-8").splitlines()
        keys = {line.split("#")[0].strip() for line in lines} - {""}
    print(f"\n### Clean sources\n\n{size / 1e6:.0f} MB.\n\n| tier | lines | true keys among them | false per 10 MB |\n|---|---|---|---|")
    for tier in ("block", "review"):
        lines = {f"{each['path']}:{each['line']}" for each in findings if each["action"] == tier}
        false = len(lines - keys)
        print(f"| {tier} | {len(lines)} | {len(lines & keys)} | {false / size * 1e7:.2f} |")
    rules = collections.Counter((each["rule"], each["action"]) for each in findings)
    print("\n" + ", ".join(f"{rule} ({action}) {count}" for (rule, action), count in rules.most_common(12)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exeat", default=str(HERE.parent.parent / "target" / "debug" / "exeat"))
    parser.add_argument("--clean", type=Path)
    parser.add_argument("--list", type=Path)
    given = parser.parse_args()
    data, exeat = given.folder.resolve(), str(Path(given.exeat).resolve())
    development(data, exeat, given.list)
    apart = scan(exeat, data / "apart")
    categories(labelled("CredData, repositories kept apart", records(data / "apart.jsonl"), apart), apart)
    leaky(data, exeat)
    examples(data, exeat)
    if given.clean:
        clean(given.clean.resolve(), exeat)


if __name__ == "__main__":
    main()
