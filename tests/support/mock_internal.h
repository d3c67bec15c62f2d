/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the mock share. Tests include support/mock.h only.
 *
 *   mock.c          the mock and its members: life, listeners, URI, counters
 *   mock_conn.c     one connection: bytes in, requests out; jobs in, bytes out
 *   mock_message.c  OP_MSG in both directions, its checks, CRC-32C
 *   mock_script.c   rules and entries; what a request causes
 *   mock_answer.c   the ordinary replies
 *   mock_log.c      what was received, and the faults found in it */
#ifndef MUV_TESTS_SUPPORT_MOCK_INTERNAL_H
#define MUV_TESTS_SUPPORT_MOCK_INTERNAL_H

#include "support/mock.h"

#include "base/compiler.h"

#define MOCK__MAX_MEMBERS 8
#define MOCK__MAX_FAULTS 16
#define MOCK__FAULT_SIZE 200
#define MOCK__HEADER_SIZE 16
#define MOCK__MAX_MESSAGE_SIZE 48000000
#define MOCK__OP_MSG 2013

typedef struct mock__conn mock__conn_t;

/* Bytes to be sent on a connection, and how. Owned by the connection, in order. */
typedef struct mock__job {
    struct mock__job *next;
    uint8_t *bytes;
    size_t size;
    size_t sent;
    size_t piece; /* Bytes of the next write; 0: all that is left. */
    bool every_byte;
    bool held;
    bool ends_request; /* The request it belongs to is answered when its last byte goes out. */
    uint32_t delay_ms; /* Not yet waited. */
    uint64_t sequence; /* Order of arrival over all connections, for mock_release(). */
    mock_then_t then;
} mock__job_t;

struct mock__conn {
    struct mock__conn *next;
    muv_mock_t *mock;
    int member;
    unsigned number;
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_timer_t timer; /* The delay of the first job. */
    uv_idle_t idle;   /* Idle and check together are "after one more poll": between two pieces. */
    uv_check_t check;
    uv_shutdown_t shutdown;
    unsigned open_handles;
    bool is_tcp;
    bool closing;
    bool deaf;
    bool shut;    /* The sending side has ended. */
    bool busy;    /* A write, a delay or a turn is under way. */
    bool polling; /* The loop has begun a poll since the turn began. */
    uint8_t *in;
    size_t in_size;
    size_t in_capacity;
    mock__job_t *first_job;
    mock__job_t *last_job;
    unsigned unanswered;
    int32_t last_request_id;
};

typedef struct mock__entry {
    struct mock__entry *next;
    mock_step_t step; /* With copies of all it points to. */
    int left;
} mock__entry_t;

typedef struct mock__rule {
    struct mock__rule *next;
    int member;
    char *command;
    mock_handler_t handler;
    void *data;
    mock__entry_t *entries;
} mock__rule_t;

/* A listening socket: on the heap, because a member may be up again before the close callback of
 * its last one has run. */
typedef struct mock__listener {
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    bool is_tcp;
    muv_mock_t *mock;
    int member;
} mock__listener_t;

typedef struct mock__member {
    muv_mock_t *mock;
    int index;
    mock__listener_t *tcp;  /* NULL: down. */
    mock__listener_t *pipe; /* NULL: none. */
    int port;
    char address[32];
    mock_role_t role;
    mock_then_t welcome;
    bson_t *hello; /* Fields that replace or extend its hello, or NULL. */
} mock__member_t;

/* A logged request: what tests see, and the memory behind it. */
typedef struct mock__record {
    mock_request_t request; /* First, so that a request is its record. */
    char name[64];
    char db[128];
    bson_t *body;
    mock_sequence_t *sequences;
} mock__record_t;

typedef struct mock__count {
    struct mock__count *next;
    char name[64];
    unsigned count;
} mock__count_t;

struct muv_mock {
    uv_loop_t *loop;
    unsigned open_handles;
    bool closing;
    bool allow_faults;
    bool allow_pipelining;

    mock__member_t members[MOCK__MAX_MEMBERS];
    int member_count;
    char *set_name;
    char uri[1024];
    char socket_folder[64];
    char socket_path[96];

    mock__conn_t *conns;
    mock__rule_t *rules;
    uint64_t next_sequence;
    int32_t next_message_id;

    mock__record_t **records; /* A ring. */
    unsigned first_record;    /* Index of the oldest one kept. */
    unsigned record_count;    /* Index behind the newest one. */
    size_t record_bytes;
    mock__count_t *counts;

    unsigned accepted;
    unsigned open;
    unsigned open_peak;
    unsigned closed_by_client;
    unsigned unanswered;
    unsigned unanswered_peak;

    unsigned fault_count;
    char faults[MOCK__MAX_FAULTS][MOCK__FAULT_SIZE];
};

/* Memory that is always there: tests have no other answer than to end. */
void *mock__alloc(size_t size);
void *mock__copy(const void *bytes, size_t size);
char *mock__copy_text(const char *text);

/* mock.c: a handle of the mock is closed. Frees the mock when it was the last one. */
void mock__handle_closed(muv_mock_t *mock);

/* mock_conn.c */
void mock__conn_accept(mock__listener_t *listener);
void mock__conn_end(mock__conn_t *conn, mock_then_t then);
void mock__conn_push(mock__conn_t *conn, mock__job_t *job);
void mock__conn_pump(mock__conn_t *conn);
mock__conn_t *mock__conn_find(muv_mock_t *mock, unsigned number);

/* mock_message.c */

/* What a message to be sent looks like. */
typedef struct mock__frame {
    const bson_t *body;
    int32_t message_id;
    int32_t response_to;
    uint32_t flags;
    int32_t op_code;        /* 0: OP_MSG. */
    int32_t message_length; /* 0: the true one. */
    bool bad_checksum;
} mock__frame_t;

/* [own] free() the bytes. */
uint8_t *mock__message_write(const mock__frame_t *frame, size_t *ret_size);

/* A complete message of `size` bytes (at least a header) as a record, every fault noted. NULL when
 * it cannot be read. */
mock__record_t *mock__message_read(mock__conn_t *conn, const uint8_t *bytes, size_t size);

int32_t mock__load_i32(const uint8_t *bytes);
uint32_t mock__crc32c(const uint8_t *bytes, size_t size);

/* mock_script.c */
void mock__script_serve(mock__conn_t *conn, const mock_request_t *request);
void mock__script_done(muv_mock_t *mock);

/* mock_answer.c */
void mock__answer(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);

/* mock_log.c */
void mock__log_init(muv_mock_t *mock);
void mock__log_done(muv_mock_t *mock);
void mock__log_add(muv_mock_t *mock, mock__record_t *record);
void mock__record_free(mock__record_t *record);
void mock__fault(const mock__conn_t *conn, const char *format, ...) MUV__PRINTF(2, 3);

/* "hello" for each of its spellings, else the name itself. */
const char *mock__canonical_name(const char *name);

#endif
