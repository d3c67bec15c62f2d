/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, retries and maxTimeMS of the mapper's commands. */
#include "integration/odm_fixture.h"

#define ID(byte) "{'$oid': '" byte byte byte byte byte byte byte byte byte byte byte byte "'}"
#define DOC(byte) "{'_id': " ID(byte) "}"

static muv_query_t *users(odm_fixture_t *o)
{
    return muv_query_new(o->registry, &user_model);
}

static const mock_request_t *sent(odm_fixture_t *o, const char *command, int index)
{
    return mock_request_of(o->f->mock, command, index);
}

static void check_same_session(odm_fixture_t *o, const char *a, const char *b)
{
    assert_true(mock_request_same(sent(o, a, -1), sent(o, b, -1), "lsid.id"));
}

static muv_session_t *start_session(odm_fixture_t *o)
{
    muv_session_t *session;

    CHECK_CODE(muv_session_start(o->f->client, NULL, &session), 0);
    return session;
}

/* An identifier is free again when nothing else takes a new one. */
static void check_session_is_free(odm_fixture_t *o, const char *command)
{
    warm_up(o->f);
    check_same_session(o, "ping", command);
}

static void get_more_goes_on_in_the_session_of_the_find(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, DOC("01"));
    odm_reply_more(o, 9, DOC("02"));
    odm_reply_more(o, 0, DOC("03"));
    odm_each(o, &out, users(o), NULL);
    odm_await_success(&out);
    assert_int_equal(out.calls, 3);
    check_same_session(o, "find", "getMore");
    assert_true(mock_request_same(sent(o, "getMore", 0), sent(o, "getMore", 1), "lsid.id"));
    odm_clear(&out);
    check_session_is_free(o, "find");
}

static void kill_cursors_goes_on_in_it_too(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {.verdict = MUV_ITERATE_STOP, .verdict_at = 1};

    odm_reply_find(o, 9, DOC("01") ", " DOC("02"));
    odm_each(o, &out, users(o), NULL);
    odm_await_success(&out);
    odm_clear(&out);
    while (mock_request_count(o->f->mock, "killCursors") == 0) {
        run_for(&o->f->loop, 1);
    }
    check_same_session(o, "find", "killCursors");
}

static void all_commands_of_a_load_are_part_of_its_session(void **state)
{
    odm_fixture_t *o = *state;
    muv_session_t *session = start_session(o);
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, "{'_id': " ID("01") ", 'a': " ID("0a") "}");
    odm_reply_more(o, 0, "{'_id': " ID("02") "}");
    odm_reply_find(o, 0, "{'_id': " ID("0a") ", 'n': 'Ann'}");
    odm_each(o, &out, muv_query_new(o->registry, &post_model),
             &(muv_load_opts_t){.related = "author", .session = session});
    odm_await_success(&out);
    odm_clear(&out);
    assert_true(mock_request_same(sent(o, "find", 0), sent(o, "find", 1), "lsid.id"));
    check_same_session(o, "find", "getMore");
    warm_up(o->f);
    assert_false(mock_request_same(sent(o, "find", 0), sent(o, "ping", -1), "lsid.id"));
    muv_session_end(session);
    check_session_is_free(o, "find");
}

static void saves_are_part_of_the_session_and_numbered(void **state)
{
    odm_fixture_t *o = *state;
    muv_session_t *session = start_session(o);
    odm_outcome_t out = {0};
    user_t *user = muv_doc_new(o->registry, &user_model);

    assert_non_null(user);
    user->email = muv_str("ann@x.org");
    mock_set_role(o->f->mock, 0, MOCK_MONGOS); /* A standalone numbers nothing. */
    mock_reply(o->f->mock, "insert", "{\"ok\": 1, \"n\": 1}");
    odm_save(o, &out, user, &(muv_save_opts_t){.session = session});
    odm_await_success(&out);
    odm_clear(&out);
    mock_reply(o->f->mock, "delete", "{\"ok\": 1, \"n\": 1}");
    odm_delete(o, &out, user);
    odm_await_success(&out);
    odm_clear(&out);
    assert_true(mock_request_has(sent(o, "insert", 0), "txnNumber"));
    assert_true(mock_request_has(sent(o, "delete", 0), "txnNumber"));
    assert_false(mock_request_same(sent(o, "insert", 0), sent(o, "delete", 0), "lsid.id"));
    muv_session_end(session);
    check_session_is_free(o, "insert");
    muv_doc_release(user);
}

static void a_session_of_another_client_is_refused(void **state)
{
    odm_fixture_t *o = *state;
    client_fixture_t other = {.mock = NULL};
    muv_query_t *query = users(o);
    muv_session_t *session;

    assert_int_equal(uv_loop_init(&other.loop), 0);
    open_client_at(&other, mock_uri(o->f->mock, NULL), NULL);
    CHECK_CODE(muv_session_start(other.client, NULL, &session), 0);
    CHECK_CODE(
        muv_query_first(o->mapper, query, &(muv_load_opts_t){.session = session}, NULL, NULL, NULL),
        MUV_EINVAL);
    assert_string_equal(muv_client_refusal(o->f->client)->message,
                        "session: it belongs to another client");
    muv_query_free(query);
    muv_session_end(session);
    close_client(&other, MUV_CLOSE_DRAIN);
    close_loop(&other.loop);
}

/* deprecated-options.json: "maxTimeMS is ignored if timeoutMS is set"; getMore carries none. */
static void the_time_of_a_query_is_sent_once(void **state)
{
    odm_fixture_t *o = *state;
    odm_outcome_t out = {0};

    odm_reply_find(o, 9, DOC("01"));
    odm_reply_more(o, 0, DOC("02"));
    odm_all(o, &out, muv_query_max_time_ms(users(o), 70), NULL);
    odm_await_success(&out);
    odm_clear(&out);
    assert_int_equal(mock_request_number(sent(o, "find", 0), "maxTimeMS"), 70);
    assert_false(mock_request_has(sent(o, "getMore", 0), "maxTimeMS"));
    odm_reply_find(o, 9, DOC("01"));
    odm_reply_more(o, 0, DOC("02"));
    odm_all(o, &out, muv_query_max_time_ms(users(o), 70), &(muv_load_opts_t){.timeout_ms = 30000});
    odm_await_success(&out);
    odm_clear(&out);
    assert_in_range(mock_request_number(sent(o, "find", 1), "maxTimeMS"), 20000, 30000);
    assert_false(mock_request_has(sent(o, "getMore", 1), "maxTimeMS"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, odm_open, odm_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(get_more_goes_on_in_the_session_of_the_find),
        TEST(kill_cursors_goes_on_in_it_too),
        TEST(all_commands_of_a_load_are_part_of_its_session),
        TEST(saves_are_part_of_the_session_and_numbered),
        TEST(a_session_of_another_client_is_refused),
        TEST(the_time_of_a_query_is_sent_once),
    };

    return cmocka_run_group_tests_name("odm_session", tests, NULL, NULL);
}
