/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of a whole client share: a loop, a mock, a client on it, and a record of what a
 * callback said. Every start goes through here, so that each test also shows that callbacks come
 * exactly once and never from inside the call that started them. */
#ifndef MUV_TESTS_INTEGRATION_CLIENT_FIXTURE_H
#define MUV_TESTS_INTEGRATION_CLIENT_FIXTURE_H

#include "muv.h"

#include "support/check.h"
#include "support/mock.h"

/* Longer than any step of a test takes, also under sanitizers on a busy machine. */
#define WAIT_MS 20000

typedef struct client_fixture {
    uv_loop_t loop;
    muv_mock_t *mock; /* NULL: the test talks to something else. */
    muv_client_t *client;
    muv_collection_t *collection; /* "d.c" */
    bool closed;                  /* The client's close callback has come. */
    unsigned ended;               /* Outcomes that were called back, in all. */
    unsigned failed;
    bool starting; /* A start call, a cancel or a close is in progress. */
} client_fixture_t;

/* What one callback said. Zeroed before the start; outcome_clear() ends it. */
typedef struct outcome {
    client_fixture_t *f;
    muv_op_t *op;      /* Until the callback has returned. */
    unsigned order;    /* Position among all callbacks of the fixture, from 1. */
    muv_error_t error; /* code 0: success. `error.reply` points into `reply`. */
    char *text;        /* Document or reply as relaxed JSON; NULL: none. */
    bson_t *reply;     /* The server's reply of an error, or NULL. */
    void (*then)(struct outcome *outcome); /* Called last in the callback; may be NULL. */
    bool done;
} outcome_t;

/* setup and teardown of cmocka: a loop and a mock of one standalone. Teardown closes what is open
 * and checks that the loop is empty. */
int open_fixture(void **state);
int open_fixture_without_mock(void **state);
int close_fixture(void **state);

/* A client of the mock. `options` is the tail of its URI ("a=1&b=2"; NULL: none). */
void open_client(client_fixture_t *f, const char *options, const muv_client_opts_t *opts);
void open_client_at(client_fixture_t *f, const char *uri, const muv_client_opts_t *opts);

/* `uri` with one more option; static memory as of text_of(). */
const char *with_options(const char *uri, const char *options);

/* Begin to close; close and wait for the end. */
void begin_close(client_fixture_t *f, int mode);
void close_client(client_fixture_t *f, int mode);

/* Start something that must be accepted. */
void start_ping(client_fixture_t *f, outcome_t *o, int64_t timeout_ms);
void start_command(client_fixture_t *f, outcome_t *o, const char *json,
                   const muv_run_command_opts_t *opts);
void start_write(client_fixture_t *f, outcome_t *o, const char *json, int64_t timeout_ms);
void start_find(client_fixture_t *f, outcome_t *o, int64_t id, const muv_find_one_opts_t *opts);
void start_connect(client_fixture_t *f, outcome_t *o, int64_t timeout_ms);
void start_composite(client_fixture_t *f, outcome_t *o, const muv_op_opts_t *opts);

/* Cancel; no callback may come from inside. */
void cancel(outcome_t *o);

/* Run the loop until it was called back. */
void await(outcome_t *o);
void await_error(outcome_t *o, int code);
void await_success(outcome_t *o);

/* Run the loop until the mock holds `count` entries back. */
void await_held(client_fixture_t *f, unsigned count);

/* Wait until the client has a connection to spare: it is warm. */
void warm_up(client_fixture_t *f);

/* Ping until one succeeds; each failure must be one of a server that is going or gone. */
void await_recovery(client_fixture_t *f);

muv_client_stats_t stats_of(client_fixture_t *f);

void outcome_clear(outcome_t *o);

/* Run a command on "admin" that must succeed, by a client on the fixture's loop. */
void run_admin(client_fixture_t *f, muv_client_t *client, const char *json);

/* The command as its caller gave it: without what its session adds (lsid, txnNumber, $clusterTime).
 * [borrow] until the next call. */
const bson_t *given(const mock_request_t *request);

/* A listener of the log (muv_log_opts_t.cb): counts messages, and those that hold one of the
 * texts. */
typedef struct log_search {
    const char *texts[2];
    unsigned count;
    unsigned found;
} log_search_t;

void log_search_cb(const muv_log_message_t *message, void *data);

#endif
