#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shared library exports exactly the functions that the public headers mark MUV_API."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# The name before the first parenthesis that is not one of an attribute or a macro in capitals.
DECLARATION = re.compile(r"\bMUV_API\b([^;{]*)[;{]")
NAME = re.compile(r"\b([a-z_][a-z0-9_]*)\s*(?:\(|\[|$)")


def exported(nm, library):
    lines = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines}


def declared(include):
    names = set()
    for header in sorted(Path(include).rglob("*.h")):
        text = COMMENT.sub(" ", header.read_text())
        text = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
        for body in DECLARATION.findall(text):
            match = NAME.search(body.strip())
            if match:
                names.add(match.group(1))
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--library", required=True)
    parser.add_argument("--include", required=True)
    args = parser.parse_args()
    in_library, in_headers = exported(args.nm, args.library), declared(args.include)
    complaints = [f"exported, but not a public name: {name}"
                  for name in sorted(in_library) if not re.match(r"muv_(?!_)", name)]
    complaints += [f"exported, but declared in no public header: {name}"
                   for name in sorted(in_library - in_headers) if re.match(r"muv_(?!_)", name)]
    complaints += [f"declared MUV_API, but not exported: {name}"
                   for name in sorted(in_headers - in_library)]
    print("\n".join(complaints) or f"{len(in_library)} exported names, all declared")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
