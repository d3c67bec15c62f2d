#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check the house rules that no compiler and no formatter knows.

    tools/tidy.py [ROOT]
    tools/tidy.py --list           the checks by name
    tools/tidy.py --self-test      plant violations and see that each is found

Prints PATH:LINE: CHECK: what is wrong. An exception is a line `CHECK PATH reason` in
tools/tidy_exceptions.txt (PATH may hold *); it needs a reason, and one that is no longer needed is
an error too.
"""

import fnmatch
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILE_LINES = 900
FUNCTION_LINES = 70
CASE_LINES = 40
PARAMETERS = 6
COLUMNS = 100
EXCEPTIONS = "tools/tidy_exceptions.txt"

C_SUFFIXES = {".c", ".h"}
CODE_SUFFIXES = C_SUFFIXES | {".py", ".sh", ".cmake"}
# Text without a comment syntax of its own, or prose, or data that is kept byte for byte.
PLAIN_SUFFIXES = {".md", ".json", ".txt", ".pc", ".html", ".in", ""}
SKIPPED = ("fuzz/corpus/", "build/", ".venv/", "LICENSE")

STRINGS = ("strcpy", "strcat", "sprintf", "vsprintf", "stpcpy", "gets", "atoi", "atol", "atof",
           "strtok", "rand", "srand", "random", "gmtime", "localtime", "ctime", "asctime")
HEAP = ("malloc", "calloc", "realloc", "free", "strdup", "strndup", "alloca", "aligned_alloc",
        "posix_memalign")
CLOCKS = ("clock_gettime", "gettimeofday", "time", "clock", "uv_now", "uv_hrtime")
HEAP_FILE = "src/base/mem.c"

# Put together from halves, so that this file does not contain them.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
                        + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(work|root|home)/\w")
TOKENS = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)

CHECKS = {
    "file-length": f"a file has at most {FILE_LINES} lines",
    "function-length": f"a function has at most {FUNCTION_LINES} lines",
    "case-length": f"a test case has at most {CASE_LINES} lines",
    "parameters": f"at most {PARAMETERS} parameters, not counting cb, data and ret_*",
    "columns": f"a line has at most {COLUMNS} columns",
    "whitespace": "no tab, no blank at the end of a line, one newline at the end of the file",
    "spdx": "the first line names the licence",
    "header-comment": "a source file says at its head what it is",
    "comment-style": "comments are /* sentences */",
    "banned": "functions that are not used here",
    "heap": f"memory comes from muv__mem_*; the heap is named in {HEAP_FILE} only",
    "clock": "no clock is read above src/net",
    "unfinished": "no marks of unfinished work",
    "machine-path": "no path of somebody's machine",
    "missing-test": "src/LAYER/FILE.c has tests/unit/LAYER/FILE_test.c",
    "orphan-test": "tests/unit/LAYER/NAME_test.c belongs to a src/LAYER file that NAME begins with",
    "umbrella": "include/muv.h, or muv/odm.h for the mapper, reaches every public header",
    "corpus": "fuzz/fuzz_NAME.c and the inputs in fuzz/corpus/NAME/ belong together",
    "undocumented": "a comment stands before each public function",
    "exception": f"each line of {EXCEPTIONS} is well-formed and needed",
}


def blank_out(match):
    """Keep lines and columns, drop the text of comments and literals."""
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + " " * (len(text) - 2) + text[-1]
    return re.sub(r"[^\n]", " ", text)


class File:
    def __init__(self, root, path):
        self.path = path
        self.name = path.as_posix()
        self.suffix = path.suffix
        self.text = (root / path).read_text(errors="replace")
        self.lines = self.text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.is_c = self.suffix in C_SUFFIXES
        first = self.lines[0] if self.lines else ""
        self.is_code = (self.suffix in CODE_SUFFIXES or path.name == "CMakeLists.txt"
                        or first.startswith("#!"))
        self.bare = TOKENS.sub(blank_out, self.text) if self.is_c else ""


# --- checks of one file: each gives (line, check, message) ---------------------------------------


def check_layout(file):
    if file.is_code and len(file.lines) > FILE_LINES:
        yield 1, "file-length", f"{len(file.lines)} lines"
    for number, line in enumerate(file.lines, 1):
        if file.is_code and len(line) > COLUMNS:
            yield number, "columns", f"{len(line)} columns"
        if file.suffix != ".md" and line != line.rstrip():
            yield number, "whitespace", "blank at the end of the line"
        if file.is_code and "\t" in line:
            yield number, "whitespace", "a tab"
    if file.text and (not file.text.endswith("\n") or file.text.endswith("\n\n")):
        yield len(file.lines), "whitespace", "the file must end in one newline"


def check_words(file):
    for number, line in enumerate(file.lines, 1):
        match = UNFINISHED.search(line) if file.is_code else None
        if match:
            yield number, "unfinished", match.group(0)
        match = MACHINE_PATH.search(line)
        if match:
            yield number, "machine-path", match.group(0)


def check_head(file):
    if not file.is_code:
        return
    at = 1 if file.lines[:1] and file.lines[0].startswith("#!") else 0
    wanted = "SPDX-License-Identifier: Apache-2.0"
    if wanted not in (file.lines[at] if len(file.lines) > at else ""):
        yield at + 1, "spdx", f"expected {wanted}"
    elif file.is_c and file.path.parts[0] in ("src", "include"):
        if len(file.lines) < 2 or not file.lines[1].startswith("/*"):
            yield 2, "header-comment", "expected a comment that says what the file is"


def check_comments(file):
    if file.is_c:
        for match in TOKENS.finditer(file.text):
            if match.group(0).startswith("//"):
                yield file.text.count("\n", 0, match.start()) + 1, "comment-style", "a // comment"


def calls(file, names):
    # A member of a struct (`.free(`, `->free(`) is somebody else's function.
    pattern = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(names) + r")\s*\(")
    for number, line in enumerate(file.bare.split("\n"), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def check_calls(file):
    if not file.is_c:
        return
    for number, name in calls(file, STRINGS):
        yield number, "banned", name
    if file.path.parts[0] not in ("src", "include"):
        return
    if file.name != HEAP_FILE:
        for number, name in calls(file, HEAP):
            yield number, "heap", name
    if not file.name.startswith("src/net/"):
        for number, name in calls(file, CLOCKS):
            yield number, "clock", name


def split_parameters(text):
    depth, parts, part = 0, [], ""
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [p.strip() for p in parts + [part] if p.strip() not in ("", "void")]


def counted_parameters(signature):
    """Parameters of a definition, without cb, data and ret_*."""
    match = re.search(r"\b\w+\s*\((.*)\)\s*$", signature, re.S)
    count = 0
    for parameter in split_parameters(match.group(1)) if match else []:
        name = re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)*$", parameter)
        if not (name and re.fullmatch(r"cb|data|ret\w*", name.group(1))):
            count += 1
    return count


def functions(file):
    """(line, signature, lines of the body). The formatter puts both braces into column 0."""
    lines = file.bare.split("\n")
    start = None
    for index, line in enumerate(lines):
        if line.rstrip() == "{":
            start = index
        elif line.startswith("}") and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not re.search(
                    r"[;}]\s*$|^\s*#", lines[head - 1]):
                head -= 1
            yield head + 1, "\n".join(lines[head:start]), index - start + 1
            start = None


def check_functions(file):
    if not file.is_c:
        return
    for number, signature, size in functions(file):
        if size > FUNCTION_LINES:
            yield number, "function-length", f"{size} lines"
        elif (file.name.endswith("_test.c") and size > CASE_LINES
              and re.search(r"\(void \*\*\w+\)\s*$", signature)):
            yield number, "case-length", f"{size} lines"
        count = counted_parameters(signature)
        if count > PARAMETERS:
            yield number, "parameters", f"{count} parameters"


def check_public(file):
    if file.path.parts[0] != "include" or file.suffix != ".h":
        return
    for index, line in enumerate(file.lines):
        if not line.startswith("MUV_API"):
            continue
        # Declarations that follow each other without a gap share the comment above them.
        above = index - 1
        while above >= 0 and re.match(r"MUV_API|[ \w].*[,;]$", file.lines[above]):
            above -= 1
        if above < 0 or not file.lines[above].rstrip().endswith("*/"):
            yield index + 1, "undocumented", line.strip()


FILE_CHECKS = (check_layout, check_words, check_head, check_comments, check_calls,
               check_functions, check_public)


# --- the whole tree ------------------------------------------------------------------------------


def list_files(root):
    """What git knows or would add; in an unpacked archive without git, everything."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                           "--exclude-standard"], capture_output=True, text=True, check=False)
    if done.returncode == 0 and (root / ".git").exists():
        names = [name for name in done.stdout.split("\0") if name]
    else:
        names = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
    for name in sorted(set(names)):
        path = Path(name)
        known = path.suffix in CODE_SUFFIXES | PLAIN_SUFFIXES
        if known and not name.startswith(SKIPPED) and (root / path).is_file():
            yield path


def check_mirror(root):
    for source in sorted((root / "src").glob("*/*.c")):
        layer = source.parent.name
        if not (root / "tests" / "unit" / layer / f"{source.stem}_test.c").exists():
            yield source.relative_to(root).as_posix(), 1, "missing-test", CHECKS["missing-test"]
    for test in sorted((root / "tests" / "unit").glob("*/*_test.c")):
        stem = test.stem.removesuffix("_test")
        layer = test.parent.name
        folder = root / "tests" / layer if layer == "support" else root / "src" / layer
        sources = folder.glob("*.[ch]")
        if not any(stem == s.stem or stem.startswith(s.stem + "_") for s in sources):
            yield test.relative_to(root).as_posix(), 1, "orphan-test", CHECKS["orphan-test"]


def check_umbrella(root):
    include = root / "include"
    if not (include / "muv.h").exists():
        return
    reached, waiting = set(), ["muv.h", "muv/odm.h"]
    while waiting:
        name = waiting.pop()
        if name not in reached and (include / name).exists():
            reached.add(name)
            waiting += re.findall(r'^#include "([^"]+)"', (include / name).read_text(), re.M)
    for header in sorted(include.rglob("*.h")):
        if header.relative_to(include).as_posix() not in reached:
            yield header.relative_to(root).as_posix(), 1, "umbrella", CHECKS["umbrella"]


def check_corpus(root):
    targets = {path.stem.removeprefix("fuzz_") for path in (root / "fuzz").glob("fuzz_*.c")}
    folders = {path.name for path in (root / "fuzz" / "corpus").glob("*") if any(path.iterdir())}
    for name in sorted(targets - folders):
        yield f"fuzz/fuzz_{name}.c", 1, "corpus", f"no input in fuzz/corpus/{name}/"
    for name in sorted(folders - targets):
        yield f"fuzz/corpus/{name}", 1, "corpus", f"there is no fuzz/fuzz_{name}.c"


def read_exceptions(root):
    """{(check, pattern): line}, and complaints about malformed lines."""
    exceptions, complaints = {}, []
    path = root / EXCEPTIONS
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in CHECKS or len(words) < 5:
            complaints.append((EXCEPTIONS, number, "exception", "write: CHECK PATH a reason"))
        else:
            exceptions[words[0], words[1]] = number
    return exceptions, complaints


def findings(root):
    found = [*check_mirror(root), *check_umbrella(root), *check_corpus(root)]
    for path in list_files(root):
        file = File(root, path)
        for check in FILE_CHECKS:
            found += [(file.name, *finding) for finding in check(file)]
    exceptions, complaints = read_exceptions(root)
    excused = {
        key: {f for f in found if f[2] == key[0] and fnmatch.fnmatchcase(f[0], key[1])}
        for key in exceptions
    }
    kept = [f for f in found if not any(f in those for those in excused.values())]
    for key, number in exceptions.items():
        if not excused[key]:
            complaints.append((EXCEPTIONS, number, "exception", f"not needed: {' '.join(key)}"))
    return sorted(kept + complaints)


# --- self-test -----------------------------------------------------------------------------------

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
HEAD = SPDX + "/* A planted file. */\n"


def body(lines, signature="int f(void)"):
    return f"{signature}\n{{\n" + "    g();\n" * (lines - 2) + "}\n"


# path, content, the checks that must complain (and no others). `muv/other.h` is always there, and
# muv.h is only where it is planted.
SELF_TESTS = [
    ("tests/support/a.c", SPDX, []),
    ("tests/support/a.c", SPDX + "x\n" * FILE_LINES, ["file-length"]),
    ("tests/support/a.c", SPDX + body(FUNCTION_LINES), []),
    ("tests/support/a.c", SPDX + body(FUNCTION_LINES + 1), ["function-length"]),
    ("tests/sim/a_test.c", SPDX + body(CASE_LINES + 1, "static void c(void **state)"),
     ["case-length"]),
    ("tests/support/a.c", SPDX + body(4, "int f(int a, int b, int c, int d, int e, int g,\n"
                                      "      void (*cb)(int, int), void *data, int *ret_x)"),
     ["parameters"]),
    ("tests/support/a.c", SPDX + body(4, "int f(int a, int b, int c, int d, int e, int g,\n"
                                      "      void *data, int *ret_x)"), []),
    ("tests/support/a.c", SPDX + "x" * (COLUMNS + 1) + "\n", ["columns"]),
    ("tests/support/a.c", SPDX + "int a; \n", ["whitespace"]),
    ("tests/support/a.c", SPDX + "\tint a;\n", ["whitespace"]),
    ("tests/support/a.c", SPDX + "int a;", ["whitespace"]),
    ("tests/support/a.c", "int a;\n", ["spdx"]),
    ("scripts/a", "#!/bin/sh\ntrue\n", ["spdx"]),
    ("include/muv/a.h", SPDX + "#define A\n", ["header-comment"]),
    ("tests/support/a.c", SPDX + "// text\n", ["comment-style"]),
    ("tests/support/a.c", SPDX + '/* // */ const char *a = "// \\" //";\n', []),
    ("tests/support/a.c", SPDX + "int a = atoi(b);\n", ["banned"]),
    ("tests/support/a.c", SPDX + "/* atoi(b) */ int a = my_atoi(b);\n", []),
    ("include/muv/a.h", HEAD + "#define A free(x)\n", ["heap"]),
    ("include/muv/a.h", HEAD + "#define A table->free(x)\n", []),
    ("include/muv/a.h", HEAD + "#define A time(NULL)\n", ["clock"]),
    ("tests/support/a.c", SPDX + "time(NULL); malloc(1);\n", []),
    ("tests/support/a.c", SPDX + "/* " + "TO" + "DO: more. */\n", ["unfinished"]),
    ("tests/support/a.c", SPDX + '"a-' + "X" * 6 + '"\n', []),
    ("README.md", "See " + "/ho" + "me/me/x\n", ["machine-path"]),
    ("README.md", "See https://example.org/ho" + "me/x\n", []),
    ("src/base/a.c", HEAD, ["missing-test"]),
    ("tests/unit/base/a_test.c", SPDX, ["orphan-test"]),
    ("include/muv/a.h", HEAD + "\nMUV_API int muv_a(void);\n", ["undocumented"]),
    ("include/muv/a.h", HEAD + "\n/* A. */\nMUV_API int muv_a(int a,\n                  int b);\n"
     "MUV_API int muv_b(void);\n", []),
    ("include/muv.h", HEAD + '#include "muv/other.h"\n', []),
    ("include/muv.h", HEAD, ["umbrella"]),
    ("fuzz/fuzz_a.c", SPDX, ["corpus"]),
    ("fuzz/corpus/a/input", "x", ["corpus"]),
    (EXCEPTIONS, "heap src/base/a.c\n", ["exception"]),
    (EXCEPTIONS, "heap src/base/a.c was needed once before\n", ["exception"]),
]


def self_test():
    wrong = 0
    for name, content, expected in SELF_TESTS:
        with tempfile.TemporaryDirectory() as folder:
            for planted, text in (("include/muv/other.h", HEAD), (name, content)):
                path = Path(folder, planted)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = sorted({finding[2] for finding in findings(Path(folder))})
        if found != expected:
            wrong += 1
            print(f"self-test: {name}: expected {expected}, found {found}\n{content[:200]}")
    untested = set(CHECKS) - {check for _, _, checks in SELF_TESTS for check in checks}
    if untested:
        wrong += 1
        print(f"self-test: no planted violation for {sorted(untested)}")
    print(f"tidy: {len(SELF_TESTS)} planted files, {wrong} judged wrongly")
    return 1 if wrong else 0


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return self_test()
    if arguments == ["--list"]:
        for check, meaning in CHECKS.items():
            print(f"{check:16} {meaning}")
        return 0
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        print(__doc__)
        return 0 if arguments[0] in ("-h", "--help") else 2
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    found = findings(root)
    for name, number, check, message in found:
        print(f"{name}:{number}: {check}: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
