#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seed inputs of fuzz_reader, fuzz_msg, fuzz_writer, fuzz_dns, fuzz_json,
fuzz_compressed, fuzz_scram, fuzz_socks5, fuzz_source, fuzz_ocsp and fuzz_http into fuzz/corpus/.

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


# Inputs of fuzz_source: which source, then what it is given, piece by piece.
ECS, EC2, STS, ECS_WITH_TOKEN, AZURE, GCP, TOKEN_FILE = range(7)
NOT_FOUND = b"\1"
KEYS = (b'{"Code": "Success", "AccessKeyId": "ASIAKEY", "SecretAccessKey": "s3cr\\/et+",'
        b' "Token": "t0ken==", "Expiration": "2015-08-30T12:36:00Z"}')
STS_KEYS = (b'{"AccessKeyId": "ASIAKEY", "SecretAccessKey": "s3cret", "SessionToken": "t0ken",'
            b' "Expiration": 1.44093816E9}')
JWT = b"eyJh.eyJi.c2ln"


def sourced(source, *pieces):
    return bytes([source]) + b"\x1e".join(pieces)


SOURCES = {
    "ecs": sourced(ECS, KEYS),
    "ecs_token": sourced(ECS_WITH_TOKEN, b"Basic abc=\n", KEYS),
    "ecs_token_none": sourced(ECS_WITH_TOKEN, b"a\r\nX: y", KEYS),
    "ecs_no_end": sourced(ECS, b'{"AccessKeyId": "a", "SecretAccessKey": "b"}'),
    "ecs_null": sourced(ECS, b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": null}'),
    "ecs_end": sourced(ECS, b'{"AccessKeyId": "a", "SecretAccessKey": "b",'
                            b' "Expiration": "2016-02-29T23:59:59.25-05:30"}'),
    "ecs_twice": sourced(ECS, b'{"AccessKeyId": "a", "AccessKeyId": "b", "SecretAccessKey": "c"}'),
    "ecs_line": sourced(ECS, b'{"AccessKeyId": "a\\r\\nX: y", "SecretAccessKey": "b"}'),
    "ecs_empty": sourced(ECS, b""),
    "ec2": sourced(EC2, b"AQAEA==", b"role\n", KEYS),
    "ec2_no_session": sourced(EC2, NOT_FOUND),
    "ec2_no_role": sourced(EC2, b"AQAEA==", NOT_FOUND),
    "ec2_path": sourced(EC2, b"AQAEA==", b"../../user-data", KEYS),
    "ec2_code": sourced(EC2, b"t", b"r", b'{"Code": "Failed", "Message": "m"}'),
    "sts": sourced(STS, JWT, b'{"AssumeRoleWithWebIdentityResponse": {'
                             b'"AssumeRoleWithWebIdentityResult": {"Credentials": '
                             + STS_KEYS + b"}}}"),
    "sts_flat": sourced(STS, JWT + b"\n", b'{"Credentials": ' + STS_KEYS + b"}"),
    "sts_error": sourced(STS, JWT, b'{"Error": {"Code": "ExpiredToken"}}'),
    "azure": sourced(AZURE, b'{"access_token": "' + JWT + b'", "expires_in": "3599"}'),
    "azure_number": sourced(AZURE, b'{"access_token": 1}'),
    "gcp": sourced(GCP, JWT),
    "gcp_none": sourced(GCP, NOT_FOUND),
    "file": sourced(TOKEN_FILE, JWT + b"\r\n"),
    "json_escapes": sourced(ECS, b'{"": "\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00",'
                                 b' "Expiration": 12.5E-1, "access_token": "Suc\\u0063ess"}'),
    "json_surrogate": sourced(ECS, b'{"": "\\ud83d\\u0041"}'),
    "json_utf8": sourced(ECS, '{"": "\u00e4\u20ac\U0001f600"}'.encode()),
    "json_overlong": sourced(ECS, b'{"": "\xc0\x80"}'),
    "json_numbers": sourced(ECS, b'{"": -0.5e+9, "Expiration": 9007199254740993}'),
    "json_deep": sourced(ECS, b'{"":' + b"[" * 31 + b"]" * 31 + b"}"),
    "json_too_deep": sourced(ECS, b'{"":' + b"[" * 32 + b"]" * 32 + b"}"),
}


# Inputs of fuzz_ocsp: options, then a response (signed by the target) or a certificate.
AS_IT_IS, SIGNED, CERTIFICATE, ALONE, ON_TIME = 0, 1, 2, 4, 8 << 4
NAME_HASH = bytes.fromhex("a10b5a1b4364336212ff66cd6236ab6f9e05f068")  # Of the target's issuer.
KEY_HASH = bytes.fromhex("3c00334a9b17843c1d29287720c1ce8fb8485396")
SHA1 = bytes.fromhex("300906052b0e03021a0500")
ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
BASIC = bytes.fromhex("06092b0601050507300101")
LEAF = bytes.fromhex(
    "308201a53082014ca00302010202021234300a06082a8648ce3d040302301b311930170603550403"
    "0c10697373756572206f66206e6f626f64793020170d3236313132333130313732375a180f323132"
    "36313033303130313732375a3011310f300d06035504030c066e6f626f64793059301306072a8648"
    "ce3d020106082a8648ce3d03010703420004295f56d9faff48362ed80ff9c7d9d0051f19f4d2a765"
    "a1ed163c7b3a4ed2de27c1f93e273af9d71c4788a87cee1605e7918f8708a5178704538c37925ffe"
    "3bbea38187308184300c0603551d130101ff04023000303406082b06010505070101042830263024"
    "06082b060105050730018618687474703a2f2f6f6373702e6578616d706c652e6e65742f301d0603"
    "551d0e04160414ea84a9b3a5b7ac06840a19ded5d83b4c9da0dc0e301f0603551d23041830168014"
    "3c00334a9b17843c1d29287720c1ce8fb8485396300a06082a8648ce3d040302034700304402202a"
    "fb994535ed78fb4a7f9376c5eaf6520c9f4f8c5e80e34e7abe57cc8e50d76602206009a00be9d776"
    "954bfe8446e35c7b2d168eb4450cf04bb0a2249862f785ad9f")


def der(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(size)]) + size + body


def moment(text):
    return der(24, text.encode())


def single(status=b"\x80\0", serial=b"\x12\x34", begin="20270115060000Z", end="20270115100000Z"):
    identifier = der(48, SHA1, der(4, NAME_HASH), der(4, KEY_HASH), der(2, serial))
    return der(48, identifier, status, moment(begin), der(160, moment(end)) if end else b"")


def vouched(options, *singles):
    issuer = der(161, der(48, der(49, der(48, bytes.fromhex("0603550403"),
                                          der(12, b"issuer of nobody")))))
    content = der(48, issuer, moment("20270115080000Z"), der(48, *singles))
    basic = der(48, content, ECDSA, der(3, b"\0unsigned"))
    return bytes([options]) + der(48, b"\x0a\1\0", der(160, der(48, BASIC, der(4, basic))))


REVOKED = der(161, moment("20270101000000Z"), der(160, b"\x0a\1\1"))
STATUSES = {
    "good": vouched(SIGNED | ON_TIME, single()),
    "revoked": vouched(SIGNED | ON_TIME, single(REVOKED)),
    "unknown": vouched(SIGNED | ON_TIME, single(b"\x82\0")),
    "no_end": vouched(SIGNED | ON_TIME, single(end=None)),
    "old": vouched(SIGNED | 15 << 4, single()),
    "early": vouched(SIGNED, single()),
    "other": vouched(SIGNED | ON_TIME, single(serial=b"\1")),
    "several": vouched(SIGNED | ON_TIME, single(serial=b"\1"), single(serial=b"\2"),
                       single(REVOKED)),
    "none": vouched(SIGNED | ON_TIME),
    "bad_time": vouched(SIGNED | ON_TIME, single(begin="20271315060000Z")),
    "alone": vouched(SIGNED | ON_TIME | ALONE, single()),
    "unsigned": vouched(AS_IT_IS | ON_TIME, single()),
    "try_later": bytes([AS_IT_IS]) + b"\x30\3\x0a\1\3",
    "empty": bytes([AS_IT_IS]) + b"\x30\3\x0a\1\0",
    "html": bytes([AS_IT_IS]) + b"<html>",
    "certificate": bytes([CERTIFICATE]) + LEAF,
}


# Inputs of fuzz_http: the largest body (times 64) and what else is so, the sizes of pieces, bytes.
ANSWER_TO_HEAD, THEN_ENDS, URL = 16, 32, 64


def answered(head, rest=b"", options=2, sizes=(0, 6)):
    return bytes([options, *sizes]) + b"\r\n".join(head) + b"\r\n\r\n" + rest


def located(url, value=b"value"):
    return bytes([URL, 0, 0]) + url + b"\n" + value


FETCHED = b"HTTP/1.1 200 OK"
CHUNKED = b"Transfer-Encoding: chunked"
FETCHES = {
    "length": answered([FETCHED, b"Content-Length: 5"], b"hello"),
    "length_twice": answered([FETCHED, b"Content-Length: 5", b"Content-Length: 5"], b"hello"),
    "length_large": answered([FETCHED, b"Content-Length: 18446744073709551617"]),
    "length_and_chunks": answered([FETCHED, b"Content-Length: 5", CHUNKED], b"0\r\n\r\n"),
    "chunks": answered([FETCHED, CHUNKED], b"3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX: y\r\n\r\n"),
    "chunk_large": answered([FETCHED, CHUNKED], b"1\r\na\r\nffffffffffffffff\r\n"),
    "chunk_digits": answered([FETCHED, CHUNKED], b"00000000000000001\r\na\r\n"),
    "until_end": answered([b"HTTP/1.0 200 OK"], b"hello", options=2 | THEN_ENDS),
    "until_end_large": answered([FETCHED], 70 * b"x", options=1 | THEN_ENDS),
    "cut_off": answered([FETCHED, b"Content-Length: 50"], b"hello", options=2 | THEN_ENDS),
    "head": answered([FETCHED, b"Content-Length: 5000"], options=ANSWER_TO_HEAD),
    "no_content": answered([b"HTTP/1.1 204 No Content"]),
    "interim": answered([b"HTTP/1.1 100 Continue", b"", FETCHED, b"Content-Length: 0"]),
    "upgrade": answered([b"HTTP/1.1 101 Switching Protocols"]),
    "folded": answered([FETCHED, b"A: b", b" c"]),
    "bare_lf": answered([FETCHED + b"\nA: b"]),
    "gzip": answered([FETCHED, b"Transfer-Encoding: gzip, chunked"]),
    "old_chunks": answered([b"HTTP/1.0 200 OK", CHUNKED], b"0\r\n\r\n"),
    "no_reason": answered([b"HTTP/1.1 200", b"content-length:0"]),
    "url": located(b"http://169.254.169.254/latest/meta-data/?a=b"),
    "url_ipv6": located(b"https://[FD00:ec2::254]:8443"),
    "url_user": located(b"http://me:secret@h/"),
    "url_query": located(b"HTTP://h?a"),
    "url_line": located(b"http://h/", b"a\r\nX: y"),
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
    for name, content in SOURCES.items():
        write("source", name, content)
    for name, content in STATUSES.items():
        write("ocsp", name, content)
    for name, content in FETCHES.items():
        write("http", name, content)


if __name__ == "__main__":
    main()
