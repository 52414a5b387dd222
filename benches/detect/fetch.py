#!/usr/bin/env python3
"""Fetches what detection is measured on into a folder outside the repository: it is other people's data.

    benches/detect/fetch.py FOLDER [CREDDATA]

CREDDATA is a checkout of CredData that is there already.

leaky-repo, the examples in Nosey Parker's rules, and repositories of CredData at its fixed commits, whose values CredData's own code replaces. Needs
git, PyYAML and a network; some 2 GB while it works. What cannot be fetched is named and left out.
"""
import binascii
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CREDDATA = "https://github.com/Samsung/CredData"
LEAKY = "https://github.com/Plazmaz/leaky-repo"
EXAMPLES = "https://github.com/praetorian-inc/noseyparker"


def git(*words, folder=None):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def checkout(address, commit, folder):
    """One commit's files, as git writes them; None stands for the newest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git("init", "-q", folder=folder)
    try:
        git("fetch", "-q", "--depth=1", address, commit or "HEAD", folder=folder)
    except subprocess.CalledProcessError:
        # Not every server gives away a commit by its name.
        git("fetch", "-q", address, folder=folder)
    git("checkout", "-q", "-f", commit or "FETCH_HEAD", folder=folder)
    shutil.rmtree(folder / ".git")


def leaky(target):
    checkout(LEAKY, None, target / "leaky")
    with open(target / "leaky" / ".leaky-meta" / "secrets.csv", encoding="utf-8") as lines, open(target / "leaky.jsonl", "w", encoding="utf-8") as out:
        for line in lines:
            line = line.strip()
            if line and not line.startswith("#"):
                path, risk, informative = line.rsplit(",", 2)
                out.write(json.dumps({"path": path, "risk": int(risk), "informative": int(informative)}) + "\n")


def examples(target):
    import yaml

    source = target / "work" / "noseyparker"
    checkout(EXAMPLES, None, source)
    shutil.rmtree(target / "examples", ignore_errors=True)
    (target / "examples").mkdir()
    count = 0
    for path in sorted(source.rglob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for rule in (document or {}).get("rules", []) if isinstance(document, dict) else []:
            for example in rule.get("examples") or []:
                count += 1
                (target / "examples" / f"{count:05}.txt").write_text(str(example).rstrip("\n") + "\n", encoding="utf-8")
    print(f"examples: {count}")


def creddata(target, tools, name, wanted):
    """`wanted`: {commit: half or nothing}. Copies the labelled files and replaces their values, by CredData's own code."""
    snapshot = json.loads((tools / "snapshot.json").read_text(encoding="utf-8"))
    work = target / "work" / name
    shutil.rmtree(work, ignore_errors=True)
    (work / "meta").mkdir(parents=True)
    shutil.copy(tools / "word_in_path.json", work)
    chosen = {}
    for key, address in snapshot.items():
        if key[:40] not in wanted:
            continue
        try:
            checkout(address, key[:40], work / "tmp" / key)
        except subprocess.CalledProcessError as error:
            print(f"left out {address}: {error.stderr.strip()[:200]}")
            continue
        chosen[key] = address
        labels = f"{binascii.crc32(binascii.unhexlify(key)):08x}.csv"
        shutil.copy(tools / "meta" / labels, work / "meta" / labels)
    run = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import download_data, obfuscate_creds\n"
        "missing = download_data.move_files(json.loads(sys.argv[2]), 'data')\n"
        "print('missing', list(missing)); obfuscate_creds.obfuscate_creds('meta', 'data', 0)"
    )
    subprocess.run([sys.executable, "-c", run, str(tools), json.dumps(chosen)], cwd=work, check=True)
    shutil.rmtree(target / name, ignore_errors=True)
    shutil.move(work / "data", target / name / "data")
    with open(target / f"{name}.jsonl", "w", encoding="utf-8") as out:
        for path in sorted((work / "meta").glob("*.csv")):
            with open(path, newline="", encoding="utf-8") as rows:
                for row in csv.DictReader(rows):
                    label = {"path": row["FilePath"], "start": int(row["LineStart"]), "end": int(row["LineEnd"])}
                    out.write(json.dumps({**label, "truth": row["GroundTruth"] == "T", "category": row["Category"]}) + "\n")
    # CredData names a repository's folder by a checksum of its key.
    halves = {f"{binascii.crc32(binascii.unhexlify(key)):08x}": wanted[key[:40]] for key in chosen}
    if name == "development":
        (target / "halves.json").write_text(json.dumps(halves), encoding="utf-8")
    print(f"{name}: {len(chosen)} of {len(wanted)} repositories")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    target = Path(sys.argv[1]).resolve()
    if target == HERE.parent.parent or HERE.parent.parent in target.parents and "target" not in target.parts:
        sys.exit("the data must not lie in the repository: name a folder outside of it, or below target")
    target.mkdir(parents=True, exist_ok=True)
    leaky(target)
    examples(target)
    if len(sys.argv) == 3:
        tools = Path(sys.argv[2]).resolve()
    else:
        tools = target / "work" / "CredData"
        checkout(CREDDATA, None, tools)
    for name in ("development", "apart"):
        lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        lines = [line.split() for line in lines if not line.startswith("#")]
        creddata(target, tools, name, {words[-2]: words[0] for words in lines})
    shutil.rmtree(target / "work")


if __name__ == "__main__":
    os.environ["GIT_TERMINAL_PROMPT"] = "0"
    main()
