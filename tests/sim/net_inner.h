/* SPDX-License-Identifier: Apache-2.0 */
/* What the net_*.c files share. Tests include net_sim.h only. */
#ifndef MUV_TESTS_SIM_NET_INNER_H
#define MUV_TESTS_SIM_NET_INNER_H

#include "net_events.h"
#include "net_handler.h"
#include "net_sim.h"

#include "base/list.h"
#include "net/net.h"

#include <bson/bson.h>

/* Bytes in order: appended behind, taken in front. All zero: empty. */
typedef struct sim_bytes {
    uint8_t *data;
    size_t start;
    size_t end;
    size_t capacity;
} sim_bytes_t;

typedef struct sim_name {
    struct sim_name *next;
    char *name;
    char *addresses; /* NULL: it fails. */
    char *error_text;
    int64_t delay_us;
} sim_name_t;

/* An awaitable hello that has not been answered. */
typedef struct sim_await {
    bool waiting;
    bool exhaust;
    int32_t response_to;
    int64_t period_us;
    unsigned generation; /* Of the timer that counts. */
} sim_await_t;

/* One connection with its two ends. It lives as long as the world: late events may speak of it. */
struct sim_link {
    struct sim_link *next; /* Of the same server. */
    sim_server_t *server;
    muv__stream_t *stream; /* The client's end; NULL: closed. */
    unsigned label;        /* cN in the log; 0: it has carried handshakes only. */
    bool accepted;
    bool connect_done; /* The result is there, ... */
    int connect_status;
    bool connect_told; /* ... and was delivered. */

    sim_bytes_t arrived; /* In the client's socket. */
    bool ended;          /* Behind `arrived`: end of stream, or ... */
    int error;           /* ... this error. */
    bool end_told;

    size_t room; /* What the client's socket takes now. */
    size_t window_bytes;
    int64_t reopen_us;
    int write_error;

    sim_bytes_t requests; /* In the server's socket. */
    bool server_gone;     /* The server has closed its end. */
    int64_t busy_until_us;
    int64_t last_arrival_us; /* At the client: bytes never overtake. */
    int64_t last_request_us; /* The same at the server. */
    sim_await_t await;

    void *handler_data;      /* The handler's own. */
    struct sim_packet *held; /* Waiting for sim_release(), in order. */
};

typedef struct sim_plan {
    sim_connect_t action;
    unsigned times;
} sim_plan_t;

typedef struct sim_rule {
    struct sim_rule *next;
    char *name;
    sim_step_t step;
    unsigned left; /* Uses; UINT_MAX: for ever. */
} sim_rule_t;

#define SIM_MAX_PLANS 16

struct sim_server {
    struct sim_server *next;
    sim_world_t *world;
    char *address;
    uint16_t port;
    int64_t latency_us;
    size_t window_bytes;
    int64_t reopen_us;
    sim_plan_t plans[SIM_MAX_PLANS];
    unsigned plan_count;
    sim_rule_t *rules;
    sim_link_t *links;
    sim_counts_t counts;
    bool streams; /* See net_hello.c. */
    char *hello;  /* NULL: the default. */
    uint8_t process;
    int64_t counter;
    const sim_handler_t *handler; /* NULL: scripted. */
    void *handler_data;
    const sim_cipher_t *cipher; /* NULL: its bytes are plain. */
    void *cipher_data;
};

struct sim_world {
    int64_t now_us;
    uint64_t random;
    uint64_t turn;
    bool shuffled;
    bool starved;             /* In this turn a stream had bytes and its owner no memory. */
    unsigned in_bracket;      /* Net events do not nest. */
    sim_events_t network;     /* Happens whether or not the loop runs. */
    sim_events_t timers;      /* The user's own. */
    muv__list_t nets;         /* muv__net_t. */
    muv__list_t streams;      /* muv__stream_t, in the order of their making. */
    unsigned closing_streams; /* Whose on_closed is due. */
    unsigned answered;        /* Resolves whose callback is due. */
    sim_name_t *names;
    struct sim_records *records; /* Of net_query.c. */
    struct sim_file *files;      /* Of net_load.c. */
    int64_t work_us;             /* Of net_work.c; 0: the default. */
    sim_server_t *servers;
    unsigned labels;
    uint32_t message_ids; /* Of handlers. */
    sim_bytes_t log;      /* Text. */
    int64_t log_since_us;
};

struct muv__net {
    muv__list_t link;
    sim_world_t *world;
    muv__net_hooks_t hooks;
    void *data;
    int64_t armed_us; /* When the timer fires. */
    int64_t due_us;   /* What was asked for. */
    bool posted;
    bool expiring; /* The due time has passed, the poll behind it has not. */
    bool alive;
    bool closing;
    void (*on_closed)(void *data);
    unsigned streams;
    muv__list_t resolves; /* muv__resolve_t that have not ended, ... */
    muv__list_t queries;  /* ... and muv__query_t, ... */
    muv__list_t loads;    /* ... and muv__load_t, ... */
    muv__list_t works;    /* ... and muv__work_t; ... */
    unsigned lingering;   /* ... and cancelled ones, for which a close waits. */
    unsigned running_work;
};

struct muv__stream {
    muv__list_t link;
    muv__net_t *net;
    const muv__stream_ops_t *ops;
    void *owner;
    sim_link_t *wire;
    uint64_t born; /* The turn it was made in: it is not polled in that one. */
    bool reading;
    bool writing;
    bool closing;
    muv__span_t parts[2]; /* What the socket has not taken yet. */
    unsigned part_count;
};

/* --- net_world.c -------------------------------------------------------------------------------*/

void sim_begin(muv__net_t *net);
void sim_end(muv__net_t *net);

/* --- net_stream.c ------------------------------------------------------------------------------*/

/* Is there something that a poll would deliver? */
bool sim_stream_ready(const muv__stream_t *stream);

/* What one poll delivers to a stream. */
void sim_stream_poll(muv__stream_t *stream);

/* The last step of closing. */
void sim_stream_finish(muv__stream_t *stream);

void sim_bytes_append(sim_bytes_t *bytes, const void *data, size_t size);
void sim_bytes_drop(sim_bytes_t *bytes, size_t size);
static inline size_t sim_bytes_size(const sim_bytes_t *bytes)
{
    return bytes->end - bytes->start;
}

/* --- net_names.c -------------------------------------------------------------------------------*/

/* Deliver the answers that have arrived for this net. */
void sim_deliver_answers(muv__net_t *net);

/* Write `address` into `addr`. Returns whether it is one. */
bool sim_parse_address(const char *address, uint16_t port, muv__net_addr_t *addr);

void sim_names_free(sim_world_t *world);

/* --- net_query.c -------------------------------------------------------------------------------*/

void sim_deliver_records(muv__net_t *net);
void sim_records_free(sim_world_t *world);

/* --- net_load.c --------------------------------------------------------------------------------*/

void sim_deliver_loads(muv__net_t *net);
void sim_files_free(sim_world_t *world);

/* --- net_work.c --------------------------------------------------------------------------------*/

void sim_deliver_works(muv__net_t *net);

/* --- net_server.c ------------------------------------------------------------------------------*/

/* The client connects: a link whose result will come, or a negative code. */
int sim_link_open(sim_world_t *world, const muv__net_addr_t *addr, muv__stream_t *stream,
                  sim_link_t **ret);

/* The client's socket takes bytes: they are on their way. */
void sim_link_send(sim_link_t *link, const void *bytes, size_t size);

/* The client closes. */
void sim_link_close(sim_link_t *link);

/* The server sends bytes or ends the connection at `at_us` (its own time) or later. */
void sim_link_answer(sim_link_t *link, const void *bytes, size_t size, int64_t at_us);
void sim_link_end(sim_link_t *link, sim_act_t act, int64_t at_us);

/* Forget the packets that a handler holds. */
void sim_drop_held(sim_link_t *link);

void sim_servers_free(sim_world_t *world);

/* --- net_handler.c -----------------------------------------------------------------------------*/

/* Give the messages that are whole to the server's handler. */
void sim_handle_messages(sim_link_t *link);

/* --- net_hello.c -------------------------------------------------------------------------------*/

/* The answer to a plain hello as it is now. */
void sim_hello_append(const sim_server_t *server, bson_t *reply);

/* Does this hello wait for a change? */
bool sim_is_awaitable(const sim_server_t *server, const bson_t *hello);

/* Such a one has come: answer it now or later. */
void sim_await(sim_link_t *link, const bson_t *hello, int32_t request_id, uint32_t flags);

/* --- net_script.c ------------------------------------------------------------------------------*/

/* A message of the server. The caller frees it. */
uint8_t *sim_message(sim_world_t *world, const bson_t *body, int32_t response_to, uint32_t flags,
                     size_t *ret_size);

/* Extended JSON with ' for quotes. */
bson_t *sim_parse(const char *json);

/* Bytes came: serve the requests that are whole. */
void sim_serve(sim_link_t *link);

void sim_rules_free(sim_server_t *server);

void sim_note(sim_link_t *link, const char *format, ...) MUV__PRINTF(2, 3);

#endif
