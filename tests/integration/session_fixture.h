/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of sessions share: every public call that takes a session, and what a server saw. */
#ifndef MUV_TESTS_INTEGRATION_SESSION_FIXTURE_H
#define MUV_TESTS_INTEGRATION_SESSION_FIXTURE_H

#include "integration/cursor_fixture.h"

#define LSID_SIZE 16

/* A call under a session, or none; its callback is counted in `f->ended`. */
typedef struct session_call {
    const char *name;
    const char *command; /* What the server gets. */
    int (*start)(client_fixture_t *f, muv_session_t *session);
    bool reads_concern; /* The command takes a read concern. */
} session_call_t;

extern const session_call_t session_calls[];
extern const size_t session_call_count;

/* Start it, and wait for its callback. */
void run_session_call(client_fixture_t *f, const session_call_t *call, muv_session_t *session);

muv_session_t *start_session(client_fixture_t *f, const muv_session_opts_t *opts);

/* {ping: 1} in a session, or without; it succeeds. */
void ping_in(client_fixture_t *f, muv_session_t *session);

/* The 16 bytes of a request's lsid; fails the test when it has none. */
const uint8_t *lsid_of(const mock_request_t *request);

/* The lsid of the last message of a command. */
const uint8_t *last_lsid(client_fixture_t *f, const char *command);

#define CHECK_SAME_LSID(a, b) assert_memory_equal(a, b, LSID_SIZE)
#define CHECK_OTHER_LSID(a, b) assert_memory_not_equal(a, b, LSID_SIZE)

/* It is the session's identifier. */
void check_lsid_of_session(const uint8_t *lsid, muv_session_t *session);

/* How many different lsids the messages of all commands but hello had. */
unsigned count_lsids(client_fixture_t *f, unsigned from);

#endif
