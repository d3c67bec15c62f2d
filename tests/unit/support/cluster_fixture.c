/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/support/cluster_fixture.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

static void connect_all(cluster_fixture_t *f, int count)
{
    f->client_count = 0;
    for (int i = 0; i < count; i++) {
        connect_to(f, i);
    }
}

static void disconnect_all(cluster_fixture_t *f)
{
    for (int i = 0; i < f->client_count; i++) {
        raw_close(&f->clients[i]);
    }
    mock_close(f->mock);
}

int open_cluster(void **state)
{
    cluster_fixture_t *f = calloc(1, sizeof *f);

    if (f == NULL || uv_loop_init(&f->loop) != 0) {
        return -1;
    }
    f->next_id = 100;
    f->mock = mock_new_cluster(&f->loop, &(mock_cluster_opts_t){.members = 3});
    connect_all(f, 3);
    *state = f;
    return 0;
}

int close_cluster(void **state)
{
    cluster_fixture_t *f = *state;

    disconnect_all(f);
    close_loop(&f->loop);
    free(f);
    return 0;
}

void remake_cluster(cluster_fixture_t *f, const mock_cluster_opts_t *opts)
{
    disconnect_all(f);
    f->mock = mock_new_cluster(&f->loop, opts);
    memset(f->clients, 0, sizeof f->clients);
    connect_all(f, opts->members);
}

void connect_to(cluster_fixture_t *f, int member)
{
    assert_in_range(f->client_count, 0, CLUSTER_CLIENTS - 1);
    raw_connect(&f->clients[f->client_count++], &f->loop, mock_port(f->mock, member));
}

static bson_t *body_of(raw_message_t message)
{
    bson_t *body = bson_new_from_data(message.body, message.body_size);

    assert_non_null(body);
    return body;
}

bson_t *ask(cluster_fixture_t *f, int member, const char *json)
{
    raw_client_t *client = &f->clients[member];

    raw_send(client, f->next_id++, 0, json);
    raw_wait(client, client->messages + 1);
    return body_of(raw_message(client, client->messages - 1));
}

static void check_fields(const bson_t *body, const char *fields, const char *json)
{
    bson_t *seen = bson_new();
    char names[256];
    char *rest = names;

    (void)bson_strncpy(names, fields, sizeof names);
    for (char *name = strtok_r(names, " ", &rest); name != NULL;
         name = strtok_r(NULL, " ", &rest)) {
        bson_iter_t iter;
        bson_iter_t field;
        if (bson_iter_init(&iter, body) && bson_iter_find_descendant(&iter, name, &field)) {
            bson_append_iter(seen, name, -1, &field);
        }
    }
    CHECK_BSON_EQUAL(seen, json);
    bson_destroy(seen);
}

void check_answer(cluster_fixture_t *f, int member, const char *command, const char *fields,
                  const char *json)
{
    bson_t *body = ask(f, member, command);

    check_fields(body, fields, json);
    bson_destroy(body);
}

void check_message(cluster_fixture_t *f, int client, unsigned index, const char *fields,
                   const char *json)
{
    bson_t *body = body_of(raw_message(&f->clients[client], index));

    check_fields(body, fields, json);
    bson_destroy(body);
}

void start_waiting(cluster_fixture_t *f, int client, int32_t id, bool exhaust, int wait_ms)
{
    bson_t *now = ask(f, client, "{\"hello\": 1, \"$db\": \"admin\"}");
    bson_t *request =
        BCON_NEW("hello", BCON_INT32(1), "maxAwaitTimeMS", BCON_INT32(wait_ms), "$db", "admin");
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, now, "topologyVersion"));
    bson_append_iter(request, NULL, -1, &iter);
    char *json = bson_as_canonical_extended_json(request, NULL);
    raw_send(&f->clients[client], id, exhaust ? MOCK_FLAG_EXHAUST_ALLOWED : 0, json);
    bson_free(json);
    bson_destroy(request);
    bson_destroy(now);
}
