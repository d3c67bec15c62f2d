/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the mock share. Tests include support/mock.h only.
 *
 *   mock.c          the mock and its members: life, listeners, URI, counters
 *   mock_conn.c     one connection: bytes in, requests out; jobs in, bytes out
 *   mock_message.c  OP_MSG in both directions, its checks, CRC-32C
 *   mock_compress.c OP_COMPRESSED in both directions
 *   mock_script.c   rules and entries; what a request causes
 *   mock_answer.c   the ordinary replies
 *   mock_hello.c    the ordinary reply to hello
 *   mock_stream.c   hellos that wait for a change, answered once or in a stream
 *   mock_set.c      what members share: elections, membership, clock, errors of their states
 *   mock_fail.c     fail points
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
#define MOCK__OP_COMPRESSED 2012

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
    bool ends_request;      /* The request it belongs to is answered when its last byte goes out. */
    bool retryable;         /* The request carried a txnNumber. */
    bool endless;           /* Sent again and again, under a new message id. */
    uint32_t more_delay_ms; /* Before each repetition. */
    uint32_t delay_ms;      /* Not yet waited. */
    uint64_t sequence;      /* Order of arrival over all connections, for mock_release(). */
    mock_then_t then;
} mock__job_t;

/* A hello that waits for the member's topologyVersion to change. */
typedef struct mock__await {
    bson_t *body; /* The request. NULL: none waits. */
    bool exhaust; /* Answered again and again. */
    int32_t response_to;
    uint32_t every_ms;
} mock__await_t;

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
    uv_timer_t await_timer;
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
    mock__await_t await;
    char app_name[128]; /* Of its handshake. */
    int service;        /* Behind a load balancer: from 1. Else 0. */
    bool greeted;
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
    bson_t *tags;
    bool left;          /* Of the set. */
    int32_t elected_in; /* The term of its electionId. */
    int state_code;     /* What it answers instead of working; 0: as its role demands. */
    int64_t lag_ms;     /* Its last write is older than the set's. */
    uint32_t delay_ms;  /* Before each reply. */
    bson_oid_t process; /* topologyVersion. */
    int64_t counter;    /* Likewise. */
} mock__member_t;

/* What the members of a cluster share. All zero in a mock that is none. */
typedef struct mock__set {
    bool lively; /* Made by mock_new_cluster(). */
    bool streams;
    bool gossips;
    bool labels;
    bool retires_sessions; /* No logicalSessionTimeoutMinutes. */
    int32_t version;
    int32_t term;
    int32_t processes; /* Started so far. */
    int32_t max_wire_version;
    uint32_t seconds; /* Cluster time. */
    uint32_t increment;
    int services;
} mock__set_t;

typedef struct mock__fail_point mock__fail_point_t;

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
    int compress_with; /* Replies to compressed requests; 0: they are plain. */

    mock__member_t members[MOCK__MAX_MEMBERS];
    int member_count;
    char *set_name;
    mock__set_t set;
    mock__fail_point_t *fail_points;
    unsigned fail_point_hits;
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

/* mock.c: one more member, listening. */
mock__member_t *mock__member_add(muv_mock_t *mock);

/* mock.c: `count` members, standalones by default. */
muv_mock_t *mock__new(uv_loop_t *loop, int count);

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

/* The same message once more, under a new id. */
void mock__message_renumber(uint8_t *bytes, size_t size, int32_t message_id, int32_t response_to);

int32_t mock__load_i32(const uint8_t *bytes);
void mock__store_i32(uint8_t *bytes, int32_t value);
uint32_t mock__crc32c(const uint8_t *bytes, size_t size);

/* mock_compress.c: as mock__message_read(), for what says OP_COMPRESSED. */
mock__record_t *mock__compress_read(mock__conn_t *conn, const uint8_t *bytes, size_t size);
/* The reply as this request wants it. */
void mock__compress_reply(const muv_mock_t *mock, const mock_request_t *request, mock__job_t *job);

/* mock_script.c */
void mock__script_serve(mock__conn_t *conn, const mock_request_t *request);
void mock__script_done(muv_mock_t *mock);
bool mock__script_has_handler(const muv_mock_t *mock, int member, const char *command);

/* mock_answer.c */
void mock__answer(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);

/* mock_hello.c */
void mock__answer_hello(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);
void mock__append_topology_version(bson_t *reply, const mock__member_t *member);

/* mock_stream.c: does this hello wait? Then its answers are under way. */
bool mock__stream_begin(mock__conn_t *conn, const mock_request_t *request);
void mock__stream_end(mock__conn_t *conn);
/* Everybody who waits on this member is answered. */
void mock__stream_wake(muv_mock_t *mock, int member);

/* mock_set.c: the hello of a member, or of all, is another one now. */
void mock__set_changed(muv_mock_t *mock, int member);
/* The member's process starts anew. */
void mock__set_restart(mock__member_t *member);
/* The error that the state of its member demands. Returns false when there is none. */
bool mock__set_refuses(muv_mock_t *mock, const mock_request_t *request, bson_t *reply);
void mock__set_error(muv_mock_t *mock, const mock_request_t *request, int code, bson_t *reply);
/* Before and after a command is served: cluster time. */
void mock__set_take_time(muv_mock_t *mock, const mock_request_t *request);
void mock__set_append_time(const muv_mock_t *mock, bson_t *reply);
const char *mock__code_name(int code);
bool mock__code_is_retryable(int code);
/* The label that a server gives this error, or NULL. */
const char *mock__label_of(const muv_mock_t *mock, const mock_request_t *request, int code);
bool mock__is_write(const char *command);

/* mock_fail.c: what the fail points have for this request. Returns false when there is nothing.
 * With `replaced` the reply is complete; else these documents (NULL: none; [own]) are added to the
 * ordinary one. */
typedef struct mock__failure {
    bool replaced;
    bson_t *write_concern_error;
    bson_t *labels;
} mock__failure_t;
bool mock__fail(mock__conn_t *conn, const mock_request_t *request, bson_t *reply, mock_step_t *step,
                mock__failure_t *ret);
bool mock__fail_configure(muv_mock_t *mock, int member, const bson_t *command, bool replace);
void mock__fail_done(muv_mock_t *mock);

/* mock_log.c */
void mock__log_init(muv_mock_t *mock);
void mock__log_done(muv_mock_t *mock);
void mock__log_add(muv_mock_t *mock, mock__record_t *record);
void mock__record_free(mock__record_t *record);
void mock__fault(const mock__conn_t *conn, const char *format, ...) MUV__PRINTF(2, 3);

/* "hello" for each of its spellings, else the name itself. */
const char *mock__canonical_name(const char *name);

#endif
