"""What findings are worth against published labels: precision, recall and F1, by the definitions below.

CredData: a unit is one true range of lines of a file; overlapping ones are one. TP: true units that a finding touches; FP: lines labelled
false on which a finding begins that touches no true unit; findings on lines without a label count neither way, but in "strict" figures as
false. Core: without units whose every category is an identifier (NOT_SECRET); findings there count nowhere.
leaky-repo publishes counts of lines per file: TP is the lower of found and expected lines, FP what is found beyond.
Rule examples: a file with a finding is a hit.
"""
import collections
import json

NOT_SECRET = {"UUID", "AWS S3 Bucket", "Firebase Domain", "Nonce", "Salt"}


def records(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def ratios(tp, fp, fn):
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def is_core(category):
    parts = [part for part in category.replace("Auth:Nonce", "Nonce").split(":") if part]
    return not parts or any(part not in NOT_SECRET for part in parts)


class Labels:
    """Units by path: (first line, last line, categories, whether it counts); and the lines labelled false."""

    def __init__(self, rows):
        self.units = collections.defaultdict(list)
        self.false = collections.defaultdict(set)
        true = [row for row in rows if row["truth"]]
        for row in sorted(true, key=lambda row: (row["path"], row["start"], row["end"])):
            units = self.units[row["path"]]
            if units and row["start"] <= units[-1][1]:
                units[-1][1] = max(units[-1][1], row["end"])
                units[-1][2].add(row["category"])
            else:
                units.append([row["start"], row["end"], {row["category"]}])
        for row in rows:
            if not row["truth"]:
                self.false[row["path"]].update(range(row["start"], row["end"] + 1))
        self.counted = {
            (path, at)
            for path, units in self.units.items()
            for at, unit in enumerate(units)
            if any(map(is_core, unit[2]))
        }

    def score(self, findings):
        hit, false, unlabelled = set(), set(), set()
        for finding in findings:
            path, first = finding["path"], finding["line"]
            last = finding.get("end_line") or first
            units = enumerate(self.units.get(path, ()))
            touched = {(path, at) for at, unit in units if unit[0] <= last and first <= unit[1]}
            if touched:
                hit |= touched & self.counted
            elif first in self.false.get(path, ()):
                false.add((path, first))
            else:
                unlabelled.add((path, first))
        return hit, false, unlabelled

    def figures(self, findings):
        hit, false, unlabelled = self.score(findings)
        missed = len(self.counted) - len(hit)
        strict = ratios(len(hit), len(false) + len(unlabelled), missed)
        return (len(hit), len(false), len(unlabelled), *ratios(len(hit), len(false), missed), strict[2])

    def by_category(self, findings):
        """{category: (hit, units)}, the most frequent first."""
        hit, _, _ = self.score(findings)
        units, found = collections.Counter(), collections.Counter()
        for path, at in self.counted:
            for category in {part for name in self.units[path][at][2] for part in name.split(":") if part}:
                units[category] += 1
                found[category] += (path, at) in hit
        return {category: (found[category], count) for category, count in units.most_common()}


def counted_lines(expected, findings):
    """leaky-repo: (TP, FP, precision, recall, F1) for the lines expected per path."""
    lines = collections.defaultdict(set)
    for finding in findings:
        lines[finding["path"]].add(finding["line"])
    tp = sum(min(len(lines.get(path, ())), count) for path, count in expected.items())
    fp = sum(max(0, len(found) - expected.get(path, 0)) for path, found in lines.items())
    return (tp, fp, *ratios(tp, fp, sum(expected.values()) - tp))
