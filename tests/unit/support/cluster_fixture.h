/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of mock members and one raw client per member. */
#ifndef MUV_TESTS_UNIT_SUPPORT_CLUSTER_FIXTURE_H
#define MUV_TESTS_UNIT_SUPPORT_CLUSTER_FIXTURE_H

#include "support/mock.h"
#include "support/mock_set.h"
#include "unit/support/raw_client.h"

#define CLUSTER_CLIENTS 4
#define CLUSTER_WAIT_MS 5000

typedef struct cluster_fixture {
    uv_loop_t loop;
    muv_mock_t *mock;
    raw_client_t clients[CLUSTER_CLIENTS];
    int client_count;
    int32_t next_id;
} cluster_fixture_t;

/* Setup for three members "rs0"; teardown for any number. `*state` is the fixture. */
int open_cluster(void **state);
int close_cluster(void **state);

/* In place of what open_cluster() made. */
void remake_cluster(cluster_fixture_t *f, const mock_cluster_opts_t *opts);

/* A client of the member that the fixture has no client for yet. */
void connect_to(cluster_fixture_t *f, int member);

/* Ask a member; [own] bson_destroy() the reply. */
bson_t *ask(cluster_fixture_t *f, int member, const char *json);

/* The fields named in `fields` ("a b.c") of what a member answers are these. */
void check_answer(cluster_fixture_t *f, int member, const char *command, const char *fields,
                  const char *json);

/* A hello that waits, from client `client`: exhaust or not, with the version that it was last
 * told. */
void start_waiting(cluster_fixture_t *f, int client, int32_t id, bool exhaust, int wait_ms);

/* The message `index` of a client has these fields. */
void check_message(cluster_fixture_t *f, int client, unsigned index, const char *fields,
                   const char *json);

#define CLUSTER_CASE(name) cmocka_unit_test_setup_teardown(name, open_cluster, close_cluster)

#endif
