#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many of the official specification files were run, folder by folder.

usage: conformance.py REPORT [--specs DIR] [--check FILE | --update FILE]

REPORT is what the programs of tests/spec appended to $MUV_SPEC_REPORT: folder, files, cases,
passed, failed, left out. Folders without a line there must be listed in tests/spec/not_run.txt with
a reason, so that none is left out silently; a listed folder that does not exist is an error too.
The table is printed; --update writes it into FILE between the two markers, --check fails when FILE
holds another one. The exit code is 0 when nothing failed and nothing is missing.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import sys

BEGIN = "<!-- table: written by tools/conformance.py --update -->"
END = "<!-- end of table -->"
HERE = pathlib.Path(__file__).resolve().parent


def read_report(path):
    """Folder -> [files, cases, passed, failed, left out], added up over all programs."""
    rows = {}
    for line in path.read_text().splitlines():
        folder, *numbers = line.split("\t")
        row = rows.setdefault(folder, [0] * 5)
        rows[folder] = [a + int(b) for a, b in zip(row, numbers)]
    return rows


def read_reasons(path):
    reasons = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, reason, *proof = line.split("\t")
            reasons.append((pattern, reason, proof[0] if proof else ""))
    return reasons


def count_cases(files):
    """A file of several cases has them in `tests`; any other is one."""
    cases = 0
    for file in files:
        try:
            content = json.loads(file.read_text())
        except (ValueError, OSError):
            content = {}
        tests = content.get("tests") if isinstance(content, dict) else None
        cases += len(tests) if isinstance(tests, list) else 1
    return cases


def folders_of(specs):
    folders = {}
    for file in sorted(specs.rglob("*.json")):
        folders.setdefault(str(file.parent.relative_to(specs)), []).append(file)
    return folders


def reason_of(reasons, folder):
    for pattern, reason, proof in reasons:
        if fnmatch.fnmatchcase(folder, pattern):
            return reason, proof
    return None


def make_table(specs, rows, reasons):
    """Returns the table's lines and the complaints."""
    lines = ["| folder | files | cases | passed | failed | not run | why; what proves the rules |",
             "|---|---|---|---|---|---|---|"]
    complaints = []
    total = [0] * 5
    folders = folders_of(specs)
    for folder, files in sorted(folders.items()):
        why = reason_of(reasons, folder)
        row = rows.get(folder)
        if row is None or row[2] + row[3] == 0:
            cases = count_cases(files)
            row = [len(files), cases, 0, 0, cases]
        if row[0] < len(files):
            complaints.append(f"{folder}: {row[0]} of {len(files)} files were run")
        if row[4] != 0 and why is None:
            complaints.append(f"{folder}: {row[4]} cases not run; not_run.txt does not say why")
        if row[3] != 0:
            complaints.append(f"{folder}: {row[3]} cases failed")
        note = "; ".join(part for part in (why or ())) if row[4] else ""
        lines.append("| " + " | ".join([folder, *map(str, row), note]) + " |")
        total = [a + b for a, b in zip(total, row)]
    lines.append("| **all** | " + " | ".join(str(number) for number in total) + " | |")
    for pattern, _, _ in reasons:
        if not any(fnmatch.fnmatchcase(folder, pattern) for folder in folders):
            complaints.append(f"not_run.txt: {pattern} is no folder")
    return lines, complaints


def replace_table(text, lines):
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join([before + BEGIN, *lines, END + after])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--specs", type=pathlib.Path,
                        default=os.environ.get("MUV_SPECS", HERE.parent.parent / "shared/specs"))
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--update", type=pathlib.Path)
    options = parser.parse_args()
    if not options.specs.is_dir():
        print(f"SKIPPED: no official test files in {options.specs}")
        return 0
    lines, complaints = make_table(options.specs, read_report(options.report),
                                   read_reasons(HERE.parent / "tests/spec/not_run.txt"))
    print("\n".join(lines))
    target = options.update or options.check
    if target is not None:
        text = target.read_text()
        wanted = replace_table(text, lines)
        if options.update is not None:
            target.write_text(wanted)
        elif text != wanted:
            complaints.append(f"{target}: another table; run tools/conformance.py --update")
    for complaint in complaints:
        print(f"conformance: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
