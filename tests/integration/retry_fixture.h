/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of retries share: clusters of the mock or the real server, fail points on either,
 * every operation of the library in one shape, and a fixed jitter of back-offs. */
#ifndef MUV_TESTS_INTEGRATION_RETRY_FIXTURE_H
#define MUV_TESTS_INTEGRATION_RETRY_FIXTURE_H

#include "integration/client_fixture.h"

#include "support/mock_set.h"

typedef enum op_sort {
    OP_READ,       /* Retryable. */
    OP_WRITE,      /* Retryable: at most one document, or inserts. */
    OP_WRITE_MANY, /* Not retryable, but for an overloaded server. */
    OP_ADMINISTER, /* Likewise. */
    OP_AS_GIVEN    /* Of which the library knows nothing: it may read and write. */
} op_sort_t;

typedef struct retry_op {
    const char *name;
    const char *command; /* As the server sees it. */
    op_sort_t sort;
    int (*start)(client_fixture_t *f, outcome_t *o);
} retry_op_t;

extern const retry_op_t retry_ops[];
extern const size_t retry_op_count;

const retry_op_t *retry_op(const char *name);

/* Start one that must be accepted. */
void start_op(client_fixture_t *f, const retry_op_t *op, outcome_t *o);

/* Start, wait, and clear: the code of the error, 0 for success. */
int run_op(client_fixture_t *f, const retry_op_t *op);

/* Insert {"_id": id}. */
void start_insert(client_fixture_t *f, outcome_t *o, int id);

/* A cluster of the mock and a client that is connected to it; heartbeats are polled and rare, so
 * that a fail point on hello meets new connections only. `options` as of open_client(). */
void open_cluster_client(client_fixture_t *f, const mock_cluster_opts_t *cluster,
                         const char *options);
void open_cluster_client_with(client_fixture_t *f, const mock_cluster_opts_t *cluster,
                              const char *options, muv_client_opts_t opts);

/* The real server ($MUV_TEST_URI): a second client that sets fail points which only the first one
 * meets, and that first one. close_real() ends both, and the fail point; it is the teardown of
 * tests that used either. */
void open_real_setup(client_fixture_t *f);
void open_real_client(client_fixture_t *f, const char *options, muv_client_opts_t opts);
int close_real(void **state);

/* Wait until a server can be used. */
void connect_client(client_fixture_t *f);

/* failCommand with this mode and data, on the mock (all members) or on the real server. On the mock
 * several wait in a queue. */
void fail_commands(client_fixture_t *f, const char *mode, const char *data);
void fail_no_more(client_fixture_t *f);

/* Back-offs take 0 (0.0) to all (1.0) of the longest time. */
void set_jitter(client_fixture_t *f, double jitter);

/* Milliseconds between the i-th and the next arrival of a command at the mock. */
uint64_t gap_ms(client_fixture_t *f, const char *command, int index);

/* What a listener counted; opts.listener = &watch->listener. */
typedef struct watch {
    muv_listener_t listener;
    unsigned pool_ready;
    unsigned pool_cleared;
    unsigned checked_out;
    unsigned checked_in;
    unsigned check_out_failed; /* Because of connectionError. */
    unsigned commands;         /* Started; not configureFailPoint. */
    unsigned commands_failed;
    unsigned server_unknown; /* Changes to it. */
} watch_t;
void init_watch(watch_t *watch);

/* Data of fail points. */
#define OVERLOADED "\"errorLabels\": [\"SystemOverloadedError\", \"RetryableError\"]"

#endif
