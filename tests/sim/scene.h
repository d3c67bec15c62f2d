/* SPDX-License-Identifier: Apache-2.0 */
/* A client on one scripted server, and calls that keep what became of them. Every callback is
 * checked: it comes once, and never inside a call of ours. */
#ifndef MUV_TESTS_SIM_SCENE_H
#define MUV_TESTS_SIM_SCENE_H

#include "net_sim.h"

#include "muv.h"

#include "support/alloc.h"
#include "support/check.h"

typedef struct call call_t;

typedef struct scene {
    sim_world_t *world;
    sim_server_t *server;
    muv_client_t *client;
    unsigned ended;  /* Callbacks of operations so far. */
    unsigned inside; /* Depth of calls into the library. */
    unsigned closed; /* Close callbacks. */
    alloc_mark_t mark;
} scene_t;

struct call {
    scene_t *scene;
    muv_op_t *op;     /* NULL when it was called back. */
    unsigned ended;   /* Callbacks. */
    unsigned order;   /* Which callback of the scene this was, from 1. */
    int code;         /* Of the error, 0: success. */
    int64_t ended_us; /* On the world's clock. */
    int64_t number;
    int64_t echo; /* What the server sent back. */
    size_t reply_size;
    muv_reply_t *kept;
    muv_error_t error;
    void (*then)(call_t *call); /* Run in the callback. */
    void (*see)(call_t *call, const muv_reply_t *reply);
    void *data;
};

/* Around every call into the library. */
#define INSIDE(scene, statement)                                                                   \
    do {                                                                                           \
        (scene)->inside++;                                                                         \
        statement;                                                                                 \
        (scene)->inside--;                                                                         \
    } while (0)

/* A world with a server at 10.0.0.1:27017 and a client connected directly to it. */
void scene_open(scene_t *scene, const muv_client_opts_t *opts);
void scene_open_seeded(scene_t *scene, const muv_client_opts_t *opts, uint64_t seed);

/* The same with another connection string. */
void scene_open_uri(scene_t *scene, const char *uri, const muv_client_opts_t *opts, uint64_t seed);

/* Have `count` connections established and idle; then clear the log. */
void scene_warm(scene_t *scene, unsigned count);

/* Close what is open, run to the end, and check that nothing is left. */
void scene_end(scene_t *scene);

/* Close with a callback that counts in `closed`. */
int scene_close(scene_t *scene, int mode);

/* Start {ping: number}. The call must not be in use. `timeout_ms` 0: none. Returns the code. */
int call_start(scene_t *scene, call_t *call, int64_t number, int64_t timeout_ms);

/* Any command without arguments, of a kind (MUV_COMMAND_*), under a parent or NULL. */
typedef struct call_opts {
    const char *name; /* NULL: ping. */
    int8_t kind;
    int8_t unacknowledged;
    int8_t retryable;
    int64_t timeout_ms;
    muv_op_t *parent;
    const void *documents; /* A run for the sequence "documents"; borrowed until done. */
    size_t documents_size;
    size_t padding_bytes; /* In the command. */
    int8_t copy;          /* Do not borrow the documents. */
} call_opts_t;
int call_start_as(scene_t *scene, call_t *call, int64_t number, const call_opts_t *opts);

void call_cancel(call_t *call);

/* A composite; its callback counts like that of a call. */
int tree_begin(scene_t *scene, call_t *tree, const muv_op_opts_t *opts);
void tree_finish(call_t *tree, const muv_error_t *error);

muv_client_stats_t scene_stats(const scene_t *scene);

/* The call was called back exactly once, with this code. */
#define CHECK_ENDED(call, expected) scene_check_ended(call, expected, __FILE__, __LINE__)
void scene_check_ended(const call_t *call, int expected, const char *file, int line);
#define CHECK_ALL_ENDED(calls, count, expected)                                                    \
    scene_check_all_ended(calls, count, expected, __FILE__, __LINE__)
void scene_check_all_ended(const call_t *calls, size_t count, int expected, const char *file,
                           int line);

/* Not called back yet. */
#define CHECK_PENDING(call) assert_int_equal((call)->ended, 0)

/* An array of zeroed calls. free() it. */
call_t *calls_new(size_t count);

#endif
