#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seed inputs of fuzz_reader, fuzz_msg and fuzz_writer into fuzz/corpus/.

usage: fuzz/make_corpus.py

The seeds are in the repository; this program says what they are and makes them again. Inputs that
a search has found lie beside them under other names and are left alone.
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def element(kind, key, value):
    return bytes([kind]) + key.encode() + b"\0" + value


def document(*elements):
    body = b"".join(elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def text(value):
    return struct.pack("<i", len(value) + 1) + value.encode() + b"\0"


def scope(code, inner):
    body = text(code) + inner
    return struct.pack("<i", len(body) + 4) + body


def nested(depth):
    inner = document()
    for level in range(depth - 1):
        inner = document(element(3 + level % 2, "0", inner))
    return inner


def sequence(name, *documents):
    body = name.encode() + b"\0" + b"".join(documents)
    return b"\1" + struct.pack("<i", len(body) + 4) + body


def body(inner):
    return b"\0" + inner


def message(*sections, flags=0, opcode=2013, length=None):
    content = struct.pack("<I", flags) + b"".join(sections)
    if flags & 1:
        content += b"\0\0\0\0"
    size = len(content) + 16 if length is None else length
    return struct.pack("<iiii", size, 1, 2, opcode) + content


OK = document(element(1, "ok", struct.pack("<d", 1.0)))
ALL_TYPES = document(
    element(0x01, "d", struct.pack("<d", 1.5)),
    element(0x02, "s", text("text")),
    element(0x03, "o", document(element(0x0A, "a", b""))),
    element(0x04, "l", document(element(0x10, "0", struct.pack("<i", 7)))),
    element(0x05, "b", struct.pack("<i", 3) + b"\x80\0\1\2"),
    element(0x05, "b2", struct.pack("<i", 7) + b"\x02" + struct.pack("<i", 3) + b"\0\1\2"),
    element(0x06, "u", b""),
    element(0x07, "_id", bytes(range(12))),
    element(0x08, "t", b"\1"),
    element(0x09, "dt", struct.pack("<q", -1)),
    element(0x0A, "n", b""),
    element(0x0B, "r", b"^a\0i\0"),
    element(0x0C, "p", text("c") + bytes(range(12))),
    element(0x0D, "c", text("f()")),
    element(0x0E, "y", text("sym")),
    element(0x0F, "w", scope("f()", document(element(0x10, "x", struct.pack("<i", 1))))),
    element(0x10, "i", struct.pack("<i", -7)),
    element(0x11, "ts", struct.pack("<Q", 1 << 32 | 2)),
    element(0x12, "L", struct.pack("<q", 5)),
    element(0x13, "D", bytes(16)),
    element(0x7F, "K", b""),
    element(0xFF, "k", b""),
)

MESSAGES = {
    "body": message(body(OK)),
    "all_types": message(body(ALL_TYPES)),
    "sequence_behind": message(body(OK), sequence("documents", OK, document())),
    "sequence_before": message(sequence("documents", OK), body(OK)),
    "sequences_around": message(sequence("a", OK), body(ALL_TYPES), sequence("b")),
    "checksum": message(body(OK), sequence("documents", OK), flags=1),
    "more_to_come": message(body(OK), flags=2),
    "exhaust_allowed": message(body(OK), flags=0x10000),
    "optional_bits": message(body(OK), flags=0xFFFE0000),
    "required_bit": message(body(OK), flags=4),
    "opcode": message(body(OK), opcode=2004),
    "two_bodies": message(body(OK), body(OK)),
    "no_body": message(sequence("documents", OK)),
    "section_kind": message(b"\2" + OK),
    "body_cut": message(body(OK[:4])),
    "sequence_cut": message(body(OK), b"\1\4\0\0\0"),
    "identifier_open": message(body(OK), b"\1\x08\0\0\0abcd"),
    "document_long": message(body(struct.pack("<i", 99) + OK[4:])),
    "deepest": message(body(nested(220))),
    "too_deep": message(body(nested(221))),
    "batch": message(body(document(element(4, "b", document(
        *[element(3, str(i), ALL_TYPES) for i in range(30)]))))),
}

STREAMS = {
    "all_good": b"".join(MESSAGES[name] for name in (
        "body", "all_types", "sequence_behind", "sequence_before", "sequences_around",
        "more_to_come", "exhaust_allowed", "optional_bits", "deepest", "batch")),
    "larger_than_a_chunk": MESSAGES["body"] + message(body(document(
        element(5, "b", struct.pack("<i", 300000) + b"\0" + bytes(300000))))) + MESSAGES["body"],
    "length_negative": message(body(OK), length=-1),
    "length_small": message(body(OK), length=15),
    "length_large": message(body(OK), length=0x7FFFFFFF),
    "unfinished": MESSAGES["batch"][:-1],
}


def script(*parts):
    """Elements of fuzz_writer: kind, key, then what the kind reads."""
    return b"\0" + b"".join(parts)


def word(value):
    return bytes([len(value)]) + value.encode()


SCRIPTS = {
    "empty": script(),
    "numbers": script(*[bytes([kind]) + word("k") + struct.pack(">Q", 0x4009_21FB_5444_2D18)
                        for kind in range(6)]),
    "bytes": script(*[bytes([kind]) + word("key") + word("value") + b"\2"
                      for kind in range(6, 10)]),
    "nested": script(b"\x0a" + word("a") + b"\x0b" + word("b") + b"\x0e" + word("n")
                     + b"\x10\x10\x0e" + word("z")),
    "deep": script(*[b"\x0a" + word("d") for _ in range(60)]),
    "whole": script(b"\x0c" + word("a") + b"\1" + bytes(8), b"\x0d" + word("b") + b"\0"),
    "values": script(*[b"\x0f" + word("v") + bytes([kind]) + word("text") + bytes(8)
                       for kind in range(8)]),
    "tail": script(b"\x0e" + word("find") + b"\x10", b"\x0e" + word("old") + b"\x10",
                   b"\x0e" + word("new") + b"\x10", b"\1", b"\0\0\2\0\1\0"),
    "document_all_types": b"\1" + ALL_TYPES,
    "document_deepest": b"\1" + nested(220),
    "document_too_deep": b"\1" + nested(221),
}


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def main():
    for name, content in MESSAGES.items():
        write("msg", name, b"\2\7" + content)
        write("reader", name, b"\6\7" + content)
    for name, content in STREAMS.items():
        write("reader", name, b"\6\3" + content)
    for name, content in SCRIPTS.items():
        write("writer", name, content)


if __name__ == "__main__":
    main()
