/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted MongoDB server on loopback, on the loop and the thread of the test.
 *
 * It answers every ordinary command by itself, keeps what it received, and does what a test tells
 * it to do instead: late, split, cut, held back, reset, wrong, silent. It is written on libuv and
 * libbson alone and shares no code with the library, so that both sides cannot be wrong together.
 * Each request is checked: lengths, flags, BSON, `$db`, request ids, one request at a time. What is
 * found (a "fault") fails the test in mock_close().
 *
 * A mock has members (servers); most tests need one. Members with a life of their own (elections,
 * clocks, streaming hellos) and fail points are in mock_set.h. Nothing of it keeps uv_run() alive.
 * Running out of memory aborts. It is no model of a database: documents are not stored. */
#ifndef MUV_TESTS_SUPPORT_MOCK_H
#define MUV_TESTS_SUPPORT_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>
#include <uv.h>

typedef struct muv_mock muv_mock_t;

/* A step or a rule for this member holds for all members; a repeat count for ever. */
#define MOCK_ANY (-1)
#define MOCK_FOREVER (-1)

#define MOCK_OK "{\"ok\": 1}"

/* Flag bits of OP_MSG. */
#define MOCK_FLAG_CHECKSUM (1u << 0)
#define MOCK_FLAG_MORE_TO_COME (1u << 1)
#define MOCK_FLAG_EXHAUST_ALLOWED (1u << 16)

/* What a member says it is in its hello. */
typedef enum mock_role {
    MOCK_STANDALONE,
    MOCK_PRIMARY,
    MOCK_SECONDARY,
    MOCK_ARBITER,
    MOCK_GHOST,
    MOCK_MONGOS,
    MOCK_HIDDEN,    /* A secondary that nobody names. */
    MOCK_PASSIVE,   /* A secondary that is never elected. */
    MOCK_RECOVERING /* A member that is neither primary nor secondary. */
} mock_role_t;

/* What happens to the connection behind the last byte of a step. */
typedef enum mock_then {
    MOCK_KEEP,       /* It stays open. */
    MOCK_CLOSE,      /* Closed in order: the client reads the end of the stream. */
    MOCK_RESET,      /* TCP: reset. Unix socket: closed, such sockets know no reset. */
    MOCK_HALF_CLOSE, /* The mock's sending side ends; it goes on reading. */
    MOCK_DEAF        /* Open, but it never reads or answers again. */
} mock_then_t;

/* What is sent for a request, in place of or out of the ordinary reply. */
typedef enum mock_send {
    MOCK_REPLY,   /* An OP_MSG. */
    MOCK_NOTHING, /* No byte; `then` follows at once, or after `delay_ms`. */
    MOCK_RAW,     /* `raw`, `raw_size`, instead of a message. */
    MOCK_GARBAGE  /* `garbage_size` meaningless bytes (64 when 0), the same in every run. */
} mock_send_t;

/* One entry of a script: what to do about one request. All zero is the ordinary reply, so that
 * `&(mock_step_t){.delay_ms = 20}` is the ordinary reply, 20 ms late. */
typedef struct mock_step {
    mock_send_t send;
    const char *json; /* Body of the reply as extended JSON. NULL: what the handler makes. */
    const char *const *more_json; /* Bodies sent after it, NULL at the end; each message but the
                                   * last one carries moreToCome. */
    const void *raw;
    size_t raw_size;
    size_t garbage_size;
    int times;               /* How many requests this entry serves. 0 and 1: one. MOCK_FOREVER. */
    uint32_t delay_ms;       /* Before the first byte. */
    uint32_t more_delay_ms;  /* Before each message of `more_json`. */
    bool endless;            /* All messages carry moreToCome; the last one is sent for ever. */
    bool hold;               /* Wait for mock_release() before the first byte. */
    bool split_every_byte;   /* Each byte in a write and a loop turn of its own. */
    size_t split_at;         /* The first N bytes; the others one loop turn later. */
    size_t cut_at;           /* Only the first N bytes are ever sent (0: all). */
    bool checksum;           /* Append CRC-32C and set the flag. */
    bool bad_checksum;       /* The same, one bit wrong. */
    bool unsolicited_before; /* A message nobody asked for (responseTo 0) before the reply... */
    bool unsolicited_after;  /* ...or behind it. */
    bool answer_unacknowledged; /* Answer although the request carried moreToCome. */
    int32_t response_to_offset; /* responseTo = request id + this. */
    uint32_t extra_flags;       /* Further flag bits of OP_MSG. */
    int32_t op_code;            /* 0: 2013. */
    int32_t message_length;     /* Length that the header claims. 0: the true one. */
    mock_then_t then;
} mock_step_t;

/* The documents of one kind-1 section. */
typedef struct mock_sequence {
    const char *name;
    const bson_t *const *documents;
    size_t count;
} mock_sequence_t;

/* One message that the mock received. [borrow] Valid until it falls out of the log (10,000 messages
 * or 256 MiB) or the mock is closed. */
typedef struct mock_request {
    unsigned index;      /* Position among all messages, from 0. */
    unsigned connection; /* Number of the connection, from 1, over all members. */
    int member;
    int32_t request_id;
    uint32_t flags;
    size_t size_bytes;
    int service;        /* Behind a load balancer: which one, from 1; else 0. */
    int compressor;     /* It came as OP_COMPRESSED with this one; 0: plain. See mock_compress.h. */
    uint64_t at_ms;     /* uv_now() of the loop. */
    const char *name;   /* First key of the body; "hello" for all spellings of hello. */
    const char *db;     /* `$db`, or "". */
    const bson_t *body; /* The kind-0 section. */
    const mock_sequence_t *sequences;
    size_t sequence_count;
} mock_request_t;

/* Makes the body of replies to one command.
 *
 * reply  [borrow] Empty; append to it. Not used when `step` has a `json` of its own.
 * step   [borrow] The entry that the script has for this request, else all zero; may be changed. */
typedef void (*mock_handler_t)(const mock_request_t *request, bson_t *reply, mock_step_t *step,
                               void *data);

/* --- Life ------------------------------------------------------------------------------------- */

/* A mock of one standalone, listening on a free port of 127.0.0.1. */
muv_mock_t *mock_new(uv_loop_t *loop);

/* A replica set: member 0 is its primary, the others are secondaries. `count` is 1 to 8. */
muv_mock_t *mock_new_replica_set(uv_loop_t *loop, const char *set_name, int count);

/* Close every handle; the memory goes when the loop has run their close callbacks (close_loop()
 * does). Fails the test when there were faults that mock_allow_faults() does not cover. */
void mock_close(muv_mock_t *mock);

/* "mongodb://127.0.0.1:PORT/?..." with all members, `replicaSet` if they are one, and `options`
 * ("a=1&b=2"; NULL: none). [borrow] until the next call of this or the next function. */
const char *mock_uri(muv_mock_t *mock, const char *options);

/* The same for a Unix socket, which is made by the first call. Member 0 only. */
const char *mock_unix_uri(muv_mock_t *mock, const char *options);

/* Path of that Unix socket, made by the first call. */
const char *mock_unix_path(muv_mock_t *mock);

int mock_port(const muv_mock_t *mock, int member);

/* "127.0.0.1:PORT" */
const char *mock_address(const muv_mock_t *mock, int member);

/* --- What it says ----------------------------------------------------------------------------- */

/* Replace the ordinary reply to a command ("hello" covers isMaster and ismaster; "*": every command
 * without a handler of its own except hello). `member` may be MOCK_ANY. */
void mock_on(muv_mock_t *mock, const char *command, mock_handler_t handler, void *data);
void mock_on_member(muv_mock_t *mock, int member, const char *command, mock_handler_t handler,
                    void *data);

/* Queue an entry for the next request of a command; entries are used up in order, then the handler
 * serves. Texts and bytes of `step` are copied. "*" entries wait for any command but hello. */
void mock_script(muv_mock_t *mock, const char *command, const mock_step_t *step);
void mock_script_member(muv_mock_t *mock, int member, const char *command, const mock_step_t *step);

/* Shorthand: one reply of this body. */
void mock_reply(muv_mock_t *mock, const char *command, const char *json);

/* Drop all unused entries of a command. */
void mock_unscript(muv_mock_t *mock, const char *command);

/* Change the hello of a member. Fields of `json` replace those of the same name or are added. */
void mock_set_role(muv_mock_t *mock, int member, mock_role_t role);
void mock_set_hello(muv_mock_t *mock, int member, const char *json);

/* What a member does with every new connection. MOCK_KEEP: serve it. */
void mock_set_welcome(muv_mock_t *mock, int member, mock_then_t then);

/* --- What it does now ------------------------------------------------------------------------- */

/* Let the `count` oldest held entries go. Returns how many there were to let go. */
unsigned mock_release(muv_mock_t *mock, unsigned count);

/* The newest ones first: answers in the wrong order. */
unsigned mock_release_newest(muv_mock_t *mock, unsigned count);

/* All of one connection. */
unsigned mock_release_connection(muv_mock_t *mock, unsigned connection);
unsigned mock_held(const muv_mock_t *mock);

/* Send a message, or bytes, that no request asked for. Returns false when there is no such open
 * connection. */
bool mock_send_message(muv_mock_t *mock, unsigned connection, int32_t response_to,
                       const char *json);
bool mock_send_bytes(muv_mock_t *mock, unsigned connection, const void *bytes, size_t size);

/* Close, reset, ... one connection, or all of a member (or MOCK_ANY). Unsent replies are lost. */
void mock_drop_connection(muv_mock_t *mock, unsigned connection, mock_then_t then);
void mock_drop_connections(muv_mock_t *mock, int member, mock_then_t then);

/* The server process dies: connections are reset and the port refuses, until it is up again on the
 * same port. */
void mock_member_down(muv_mock_t *mock, int member);
void mock_member_up(muv_mock_t *mock, int member);

/* --- What it saw ------------------------------------------------------------------------------ */

/* How many messages of a command arrived. NULL: of all commands. */
unsigned mock_request_count(const muv_mock_t *mock, const char *command);

/* The i-th message of all, or of a command, from 0; negative counts from the end (-1: the last
 * one). Fails the test when there is none in the log. */
const mock_request_t *mock_request(const muv_mock_t *mock, int index);
const mock_request_t *mock_request_of(const muv_mock_t *mock, const char *command, int index);

/* A field of the command, by its path ("lsid.id", "$clusterTime"). The number and the text fail the
 * test when there is no such field of that kind. Both requests have it, and it is the same. */
bool mock_request_has(const mock_request_t *request, const char *path);
int64_t mock_request_number(const mock_request_t *request, const char *path);
const char *mock_request_text(const mock_request_t *request, const char *path);
bool mock_request_same(const mock_request_t *a, const mock_request_t *b, const char *path);

/* The command as one document, sequences as arrays at its end. [own] bson_destroy() it. */
bson_t *mock_request_document(const mock_request_t *request);

/* The documents of a sequence; fails the test when the request has none of that name. */
const mock_sequence_t *mock_request_sequence(const mock_request_t *request, const char *name);

unsigned mock_accepted(const muv_mock_t *mock);
unsigned mock_open(const muv_mock_t *mock);
unsigned mock_open_peak(const muv_mock_t *mock);
unsigned mock_closed_by_client(const muv_mock_t *mock);

/* Requests that are received and not yet answered, over all connections. */
unsigned mock_unanswered(const muv_mock_t *mock);
unsigned mock_unanswered_peak(const muv_mock_t *mock);

/* Faults of the client, oldest first (16 are kept). NULL: no such fault. */
unsigned mock_fault_count(const muv_mock_t *mock);
const char *mock_fault(const muv_mock_t *mock, unsigned index);

/* The test provokes faults and looks at them itself. */
void mock_allow_faults(muv_mock_t *mock);

/* Several requests at a time on one connection are no fault. */
void mock_allow_pipelining(muv_mock_t *mock);

/* Print state and the last 50 messages; run_until() does it when it fails. */
void mock_dump(muv_mock_t *mock);

#endif
