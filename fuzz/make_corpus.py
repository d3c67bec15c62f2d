#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seed inputs of fuzz_reader, fuzz_msg, fuzz_writer, fuzz_dns, fuzz_json,
fuzz_compressed, fuzz_scram and fuzz_socks5 into fuzz/corpus/.

usage: fuzz/make_corpus.py

The seeds are in the repository; this program says what they are and makes them again. Inputs that
a search has found lie beside them under other names and are left alone.
"""
import pathlib
import struct
import zlib

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


def name(text):
    return b"".join(word(label) for label in text.split(".")) + b"\0"


def record(kind, data, owner=b"\xc0\x0c", ttl=300, size=None):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data) if size is None else size) + data


def srv(target, port=27017, **more):
    return record(33, struct.pack(">HHH", 0, 5, port) + target, **more)


def txt(*strings, **more):
    return record(16, b"".join(word(string) for string in strings), **more)


def answer(question, kind, *records, count=None):
    return (struct.pack(">HHHHHH", 1, 0x8180, 1, len(records) if count is None else count, 0, 0)
            + name(question) + struct.pack(">HH", kind, 1) + b"".join(records))


SRV_NAME = "_mongodb._tcp.cluster.example.com"
TXT_NAME = "cluster.example.com"
BELOW = word("a") + b"\xc0\x22"  # Points at "example.com" in the question.

ANSWERS = {
    "two_hosts": b"\0" + answer(SRV_NAME, 33, srv(name("a.example.com")),
                                srv(name("b.example.com"), 27018, ttl=60)),
    "pointer": b"\0" + answer(SRV_NAME, 33, srv(BELOW)),
    "pointer_to_itself": b"\0" + answer(SRV_NAME, 33, srv(b"\xc0\x45")),
    "foreign": b"\0" + answer(SRV_NAME, 33, srv(name("a.evil.com"))),
    "root": b"\0" + answer(SRV_NAME, 33, srv(b"\0", 0)),
    "short_name": b"\2" + answer("_mongodb._tcp.mongo.local", 33, srv(name("a.mongo.local"))),
    "alias": b"\0" + answer(SRV_NAME, 33, record(5, name("x.example.com")),
                            srv(name("a.example.com"), owner=name("x.example.com"))),
    "ttl_negative": b"\0" + answer(SRV_NAME, 33, srv(BELOW, ttl=0xFFFFFFFF)),
    "data_long": b"\0" + answer(SRV_NAME, 33, srv(BELOW, size=1000)),
    "count_large": b"\0" + answer(SRV_NAME, 33, srv(BELOW), count=65535),
    "label_kind": b"\0" + answer(SRV_NAME, 33, srv(BELOW, owner=b"\x41a\0")),
    "none": b"\0" + answer(SRV_NAME, 33),
    "options": b"\1" + answer(TXT_NAME, 16, txt("replicaS", "et=rs&authSource=a")),
    "two_texts": b"\1" + answer(TXT_NAME, 16, txt("loadBalanced=true"), txt("replicaSet=rs")),
    "bad_options": b"\1" + answer(TXT_NAME, 16, txt("ssl=false"), txt("authSource"), txt("a=%")),
    "empty_text": b"\1" + answer(TXT_NAME, 16, txt("")),
    "text_long": b"\1" + answer(TXT_NAME, 16, record(16, b"\xffabc")),
}


WHOLE = b"\xff\xff"

DOCUMENTS = {
    "all_types": WHOLE + ALL_TYPES,
    "all_types_cut": b"\x50\0" + ALL_TYPES,
    "nothing_shown": b"\0\0" + OK,
    "cut_in_character": b"\x08\0" + document(
        element(2, "s", struct.pack("<i", 4) + "\u20ac".encode() + b"\0")),
    "no_utf8": WHOLE + document(
        element(2, "s", struct.pack("<i", 5) + b"\xff\xc0\xed\xa0\0")),
    "deepest": WHOLE + nested(220),
    "too_deep": WHOLE + nested(221),
    "far_dates": WHOLE + document(
        *[element(9, "d", struct.pack("<q", ms))
          for ms in (0, -1, 253402300799999, 253402300800000, 2**63 - 1, -2**63, 951782400123)]),
    "numbers": WHOLE + document(
        *[element(1, "d", struct.pack("<d", value))
          for value in (-0.0, 5e-324, 1.7976931348623157e308, float("nan"), float("-inf"))]),
    "document_long": WHOLE + struct.pack("<i", 99) + OK[4:],
    "type": WHOLE + document(element(0x55, "a", b"")),
}


def envelope(data, compressor, size=None, opcode=2013, inner=MESSAGES["body"]):
    size = len(inner) - 16 if size is None else size
    return (struct.pack("<iiii", 25 + len(data), 1, 2, 2012)
            + struct.pack("<iiB", opcode, size, compressor) + data)


INNER = MESSAGES["body"][16:]
# A literal; magic number, one segment with its size, one raw last block.
SNAPPY = bytes([len(INNER), (len(INNER) - 1) << 2]) + INNER
ZSTD = (b"\x28\xb5\x2f\xfd\x20" + bytes([len(INNER)])
        + struct.pack("<I", len(INNER) << 3 | 1)[:3] + INNER)
ZLIB = zlib.compress(INNER)

COMPRESSED = {
    "noop": b"\0" + envelope(INNER, 0),
    "snappy": b"\0" + envelope(SNAPPY, 1),
    "zlib": b"\0" + envelope(ZLIB, 2),
    "zstd": b"\0" + envelope(ZSTD, 3),
    "zstd_window": b"\0" + envelope(
        b"\x28\xb5\x2f\xfd\0\x70\x53\0\0\0", 3, size=10),
    "zstd_skipped": b"\0" + envelope(b"\x50\x2a\x4d\x18\2\0\0\0xy", 3),
    "zlib_bomb": b"\0" + envelope(zlib.compress(bytes(1000000)), 2),
    "zlib_honest": b"\0" + envelope(zlib.compress(bytes(1000000)), 2, size=1000000),
    "zlib_dictionary": b"\0" + envelope(b"\x78\xbb\1\2\3\4\3\0\0\0\0\1", 2),
    "snappy_long": b"\0" + envelope(b"\xff\xff\xff\xff\x0f\0a", 1),
    "announced_short": b"\0" + envelope(ZLIB, 2, size=len(INNER) - 1),
    "announced_long": b"\0" + envelope(ZSTD, 3, size=len(INNER) + 1),
    "trailing": b"\0" + envelope(ZSTD + ZSTD, 3),
    "twice": b"\0" + envelope(envelope(ZLIB, 2)[16:], 2, opcode=2012),
    "compressor": b"\0" + envelope(ZLIB, 4),
    "header_cut": b"\0" + envelope(ZLIB, 2)[:24],
}
LARGE = STREAMS["larger_than_a_chunk"][len(MESSAGES["body"]):-len(MESSAGES["body"])]
COMPRESSED_LARGE = envelope(zlib.compress(LARGE[16:]), 2, inner=LARGE)
for options in range(1, 256, 22):
    COMPRESSED[f"pack_{options}"] = bytes([options]) + MESSAGES["batch"]


NONCE = b"A" * 32
CHALLENGE = b"r=" + NONCE + b"srv,s=c2FsdA==,i=4096"
SCRAM_1, SCRAM_256, X509, PLAIN, AWS, OIDC = 1, 2, 3, 4, 5, 6
FROM_HELLO, AS_PAYLOAD, SAY_DONE, SIGN_RIGHT = 8, 16, 32, 64


def login(options, *messages):
    """One input of fuzz_scram: options, then messages with their lengths."""
    return bytes([options]) + b"".join(struct.pack("<H", len(m)) + m for m in messages)


def binary(value):
    return struct.pack("<iB", len(value), 0) + value


def aws_challenge(host):
    return document(element(5, "s", binary(bytes(64))), element(2, "h", text(host)))


def sasl(payload, done, *more):
    return document(element(16, "ok", struct.pack("<i", 1)),
                    element(16, "conversationId", struct.pack("<i", 1)),
                    element(8, "done", bytes([done])), element(5, "payload", binary(payload)),
                    *more)


LOGINS = {
    "sha_1": login(SCRAM_1 | AS_PAYLOAD | SIGN_RIGHT | SAY_DONE, CHALLENGE, b""),
    "sha_256": login(SCRAM_256 | AS_PAYLOAD | SIGN_RIGHT | SAY_DONE, CHALLENGE, b""),
    "sha_256_empty_round": login(SCRAM_256 | AS_PAYLOAD | SIGN_RIGHT, CHALLENGE, b"", b""),
    "sha_256_hello": login(SCRAM_256 | AS_PAYLOAD | SIGN_RIGHT | SAY_DONE | FROM_HELLO, CHALLENGE,
                           b""),
    "signature_wrong": login(SCRAM_256 | AS_PAYLOAD | SAY_DONE, CHALLENGE,
                             b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    "signature_error": login(SCRAM_256 | AS_PAYLOAD | SAY_DONE, CHALLENGE, b"e=invalid-proof"),
    "extensions": login(SCRAM_1 | AS_PAYLOAD, CHALLENGE + b",x=1,Y=z"),
    "iterations_few": login(SCRAM_1 | AS_PAYLOAD, CHALLENGE[:-1] + b"5"),
    "iterations_many": login(SCRAM_1 | AS_PAYLOAD, CHALLENGE[:-4] + b"1000000"),
    "replies": login(SCRAM_256, sasl(CHALLENGE, 0), sasl(b"v=AAAA", 1)),
    "refused": login(SCRAM_256, document(
        element(16, "ok", struct.pack("<i", 0)), element(16, "code", struct.pack("<i", 18)),
        element(2, "codeName", text("AuthenticationFailed")),
        element(4, "errorLabels", document(element(2, "0", text("RetryableWriteError")))))),
    "negotiated": login(FROM_HELLO, document(
        element(16, "ok", struct.pack("<i", 1)),
        element(4, "saslSupportedMechs", document(element(2, "0", text("SCRAM-SHA-256")))),
        element(3, "speculativeAuthenticate", sasl(CHALLENGE, 0)))),
    "x509": login(X509 | FROM_HELLO, document(element(3, "speculativeAuthenticate", document()))),
    "plain": login(PLAIN, sasl(b"", 1)),
    "aws": login(AWS, sasl(aws_challenge("sts.amazonaws.com"), 0), sasl(b"", 1)),
    "aws_host": login(AWS, sasl(aws_challenge("a..b"), 0)),
    "oidc": login(OIDC | FROM_HELLO, document(element(3, "speculativeAuthenticate", sasl(b"", 1)))),
}


# Inputs of fuzz_socks5: options, then the proxy's replies.
ALL_AT_ONCE, ONE_BY_ONE, WITH_PASSWORD, IPV4, IPV6 = 0, 1, 16, 32, 64
GRANTED = b"\5\0\0\1\x7f\0\0\1\x10\x20"


def proxied(options, *replies):
    return bytes([options]) + b"".join(replies)


PROXIES = {
    "open": proxied(ALL_AT_ONCE, b"\5\0", GRANTED, b"server"),
    "open_bytes": proxied(ONE_BY_ONE | IPV4, b"\5\0", GRANTED),
    "password": proxied(WITH_PASSWORD, b"\5\2", b"\1\0", GRANTED),
    "password_bytes": proxied(WITH_PASSWORD | ONE_BY_ONE, b"\5\2", b"\1\0", GRANTED),
    "password_unneeded": proxied(WITH_PASSWORD | IPV6, b"\5\0", GRANTED),
    "password_refused": proxied(WITH_PASSWORD, b"\5\2", b"\1\1"),
    "password_version": proxied(WITH_PASSWORD, b"\5\2", b"\5\0"),
    "password_not_offered": proxied(ALL_AT_ONCE, b"\5\2"),
    "not_acceptable": proxied(ALL_AT_ONCE, b"\5\xff"),
    "version": proxied(ALL_AT_ONCE, b"\4\0"),
    "bound_ipv6": proxied(3, b"\5\0", b"\5\0\0\4" + bytes(18)),
    "bound_name": proxied(7, b"\5\0", b"\5\0\0\3\5proxy\0\0"),
    "bound_name_empty": proxied(ALL_AT_ONCE, b"\5\0", b"\5\0\0\3\0\0\0"),
    "bound_name_longest": proxied(15, b"\5\0", b"\5\0\0\3\xff" + bytes(257)),
    "bound_name_cut": proxied(ALL_AT_ONCE, b"\5\0", b"\5\0\0\3\xff" + bytes(9)),
    "bound_unknown": proxied(ALL_AT_ONCE, b"\5\0", b"\5\0\0\2\0"),
    "refused": proxied(ALL_AT_ONCE, b"\5\0", b"\5\5\0\1" + bytes(6)),
    "refused_unknown": proxied(ALL_AT_ONCE, b"\5\0", b"\5\xfe"),
    "http": proxied(ALL_AT_ONCE, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
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
    write("reader", "compressed", b"\x0e\5" + b"".join(
        COMPRESSED[name][1:] for name in ("noop", "snappy", "zlib", "zstd")) + MESSAGES["body"])
    write("reader", "compressed_large", b"\x0e\5" + COMPRESSED_LARGE + MESSAGES["body"])
    for name, content in SCRIPTS.items():
        write("writer", name, content)
    for name, content in ANSWERS.items():
        write("dns", name, content)
    for name, content in DOCUMENTS.items():
        write("json", name, content)
    for name, content in LOGINS.items():
        write("scram", name, content)
    for name, content in COMPRESSED.items():
        write("compressed", name, content)
    for name, content in PROXIES.items():
        write("socks5", name, content)


if __name__ == "__main__":
    main()
