/* SPDX-License-Identifier: Apache-2.0 */
/* A real test server of a test's own, through scripts/server: started, killed, started again on its
 * port and its data. Tests that only need some server use test_uri(): they share the one that
 * scripts/with-server started for the program.
 *
 * Calls block, except server_kill() and server_restart_begin(), which are made for tests that keep
 * a load running meanwhile. A server that its test leaves behind ends with the next start.
 * The server loses acknowledged writes of its last moments when it is killed (its own default). */
#ifndef MUV_TESTS_SUPPORT_PROCESS_H
#define MUV_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>

/* $MUV_TEST_URI. Without it the test is skipped, or fails where a server is required
 * (MUV_REQUIRE_SERVER, set by scripts/test). Never NULL. */
const char *test_uri(void);

typedef struct server_process server_process_t;

typedef struct server_opts {
    bool auth;
    bool tls;
    bool standalone;
} server_opts_t;

/* Start one on a free port; it answers when this returns. Where no server is installed, the test is
 * skipped or fails as above.
 *
 * opts  [borrow] NULL: a replica set of one, without login and TLS.
 * Returns [own] server_stop() it. */
server_process_t *server_start(const server_opts_t *opts);

/* [borrow] The URI with all options that its client needs. The same after a restart, except with
 * TLS: certificates, and so the name of the CA's file, are then new. */
const char *server_uri(const server_process_t *server);
int server_port(const server_process_t *server);

/* A value that scripts/server wrote for it ("MUV_TEST_CA_FILE"). [borrow] until the next call; NULL
 * when there is none. */
const char *server_value(server_process_t *server, const char *name);

/* SIGKILL, now: its connections are reset and its port refuses. */
void server_kill(server_process_t *server);

/* Start it again on the same port and data. server_is_up() tells when it answers (a condition for
 * run_until_true()); server_restart() waits for that. */
void server_restart_begin(server_process_t *server);
bool server_is_up(void *server);
void server_restart(server_process_t *server);

/* End it and remove its data. NULL is allowed. */
void server_stop(server_process_t *server);

#endif
