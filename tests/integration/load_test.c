/* SPDX-License-Identifier: Apache-2.0 */
/* A real server under load: thousands of finds in flight at once, each with its own answer. */
#include "integration/client_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/process.h"

#define FINDS 5000
#define DOCUMENTS 500

static outcome_t finds[FINDS];

static void clear_finds(void)
{
    for (int i = 0; i < FINDS; i++) {
        outcome_clear(&finds[i]);
    }
}

/* Documents {_id: i, square: i * i} in d.c. */
static void fill(client_fixture_t *f)
{
    bson_t *insert = bson_new();
    bson_t documents;
    outcome_t o = {0};
    char *json;

    start_command(f, &o, "{\"drop\": \"c\"}", NULL);
    await(&o);
    outcome_clear(&o);
    BSON_APPEND_UTF8(insert, "insert", "c");
    bson_append_array_begin(insert, "documents", -1, &documents);
    for (int i = 0; i < DOCUMENTS; i++) {
        bson_t *document = BCON_NEW("_id", BCON_INT64(i), "square", BCON_INT64((int64_t)i * i));

        bson_append_document(&documents, text_of("%d", i), -1, document);
        bson_destroy(document);
    }
    bson_append_array_end(insert, &documents);
    json = bson_as_canonical_extended_json(insert, NULL);
    start_command(f, &o, json, NULL);
    await_success(&o);
    CHECK_CONTAINS(o.text, text_of("\"n\" : %d", DOCUMENTS));
    bson_free(json);
    bson_destroy(insert);
    outcome_clear(&o);
}

static void five_thousand_finds_in_flight_are_answered_rightly(void **state)
{
    client_fixture_t *f = *state;

    open_client_at(f, with_options(test_uri(), "maxPoolSize=100&maxConnecting=10"), NULL);
    fill(f);
    f->ended = 0;
    for (int i = 0; i < FINDS; i++) {
        start_find(f, &finds[i], (i * 7) % DOCUMENTS, NULL);
    }
    assert_int_equal(stats_of(f).operations_live, FINDS);
    run_until_count(&f->loop, &f->ended, FINDS, 6 * WAIT_MS);
    CHECK_ONE_THREAD();
    for (int i = 0; i < FINDS; i++) {
        int id = (i * 7) % DOCUMENTS;

        CHECK_NO_ERROR(finds[i].error.code != 0 ? &finds[i].error : NULL);
        assert_string_equal(finds[i].text,
                            text_of("{ \"_id\" : %d, \"square\" : %d }", id, id * id));
    }
    assert_in_range(stats_of(f).connections, 50, 100);
    assert_int_equal(stats_of(f).pending_bytes, 0);
    clear_finds();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture_without_mock, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(five_thousand_finds_in_flight_are_answered_rightly),
    };

    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
