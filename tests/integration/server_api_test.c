/* SPDX-License-Identifier: Apache-2.0 */
/* The Stable API: what is declared goes with every command, the monitor's and the handshakes'
 * included, and nothing goes when nothing is declared (versioned-api/tests). */
#include "integration/client_fixture.h"

#include <string.h>

static const muv_server_api_t plain = {.version = MUV_SERVER_API_1};

static const mock_request_t *last(client_fixture_t *f, const char *command)
{
    return mock_request_of(f->mock, command, -1);
}

static void check_declared(const mock_request_t *request, bool flags)
{
    assert_string_equal(mock_request_text(request, "apiVersion"), "1");
    assert_int_equal(mock_request_has(request, "apiStrict"), flags);
    assert_int_equal(mock_request_has(request, "apiDeprecationErrors"), flags);
}

static void every_command_declares_the_version(void **state)
{
    client_fixture_t *f = *state;
    outcome_t find = {0};
    outcome_t drop = {0};

    open_client(f, NULL, &(muv_client_opts_t){.server_api = &plain});
    start_find(f, &find, 1, NULL);
    await_success(&find);
    start_write(f, &drop, "{\"drop\": \"c\"}", 0);
    await_success(&drop);
    check_declared(last(f, "find"), false);
    check_declared(last(f, "drop"), false);
    check_declared(last(f, "hello"), false);
    outcome_clear(&find);
    outcome_clear(&drop);
}

static void the_first_hello_is_no_legacy_one(void **state)
{
    client_fixture_t *f = *state;

    open_client(f, NULL, &(muv_client_opts_t){.server_api = &plain});
    warm_up(f);
    for (int i = 0; i < (int)mock_request_count(f->mock, "hello"); i++) {
        assert_true(mock_request_has(mock_request_of(f->mock, "hello", i), "hello"));
    }
}

static void flags_are_sent_as_they_are_set(void **state)
{
    client_fixture_t *f = *state;
    muv_server_api_t api = plain;
    outcome_t find = {0};
    bson_iter_t iter;

    api.strict = MUV_YES;
    api.deprecation_errors = MUV_NO;
    open_client(f, NULL, &(muv_client_opts_t){.server_api = &api});
    start_find(f, &find, 1, NULL);
    await_success(&find);
    check_declared(last(f, "find"), true);
    assert_true(bson_iter_init_find(&iter, last(f, "find")->body, "apiStrict"));
    assert_true(bson_iter_bool(&iter));
    assert_true(bson_iter_init_find(&iter, last(f, "find")->body, "apiDeprecationErrors"));
    assert_false(bson_iter_bool(&iter));
    outcome_clear(&find);
}

static void nothing_is_declared_by_default(void **state)
{
    client_fixture_t *f = *state;
    outcome_t find = {0};

    open_client(f, NULL, NULL);
    start_find(f, &find, 1, NULL);
    await_success(&find);
    assert_false(mock_request_has(last(f, "find"), "apiVersion"));
    assert_false(mock_request_has(last(f, "hello"), "apiVersion"));
    outcome_clear(&find);
}

static void other_versions_and_flags_are_refused(void **state)
{
    client_fixture_t *f = *state;
    const muv_server_api_t wrong[] = {{.version = "2"},
                                      {.version = NULL},
                                      {.version = MUV_SERVER_API_1, .strict = 7},
                                      {.version = MUV_SERVER_API_1, .deprecation_errors = 7}};
    static const char *const named[] = {"version", "version", "strict", "deprecation_errors"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        muv_client_opts_t opts = {.server_api = &wrong[i]};
        muv_client_t *client = NULL;
        muv_error_t error = {0};

        CHECK_CODE(muv_client_new(&f->loop, mock_uri(f->mock, NULL), &opts, &error, &client),
                   MUV_EINVAL);
        assert_non_null(strstr(error.message, "server_api"));
        assert_non_null(strstr(error.message, named[i]));
    }
    open_client(f, NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_declares_the_version),   TEST(the_first_hello_is_no_legacy_one),
        TEST(flags_are_sent_as_they_are_set),       TEST(nothing_is_declared_by_default),
        TEST(other_versions_and_flags_are_refused),
    };

    return cmocka_run_group_tests_name("server_api", tests, NULL, NULL);
}
