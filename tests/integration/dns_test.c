/* SPDX-License-Identifier: Apache-2.0 */
/* Names of servers, looked up by c-ares on the loop through a scripted name server: no thread is
 * ever started, and each way of answering badly gives an error that says so. */
#include "integration/client_fixture.h"

#include <string.h>

#include "support/dns_stub.h"

#define NAME "db.example.test"

static dns_stub_t *dns;

static int open_dns(void **state)
{
    client_fixture_t *f;

    if (open_fixture(state) != 0) {
        return -1;
    }
    f = *state;
    dns = dns_new(&f->loop);
    return 0;
}

static int close_dns(void **state)
{
    client_fixture_t *f = *state;

    if (f->client != NULL) {
        close_client(f, MUV_CLOSE_ABORT);
    }
    dns_close(dns);
    return close_fixture(state);
}

static void open_named(client_fixture_t *f, const char *options)
{
    char uri[256];

    (void)snprintf(uri, sizeof uri, "mongodb://" NAME ":%d/?directConnection=true%s",
                   mock_port(f->mock, 0), options);
    open_client_at(f, uri, &(muv_client_opts_t){.dns_servers = dns_address(dns)});
}

static void a_name_is_resolved_through_the_given_server(void **state)
{
    client_fixture_t *f = *state;

    dns_add_a(dns, NAME, "127.0.0.1");
    open_named(f, "");
    warm_up(f);
    assert_in_range(dns_question_count(dns, NAME, DNS_A), 1, 3);
    CHECK_ONE_THREAD();
}

static void an_alias_is_followed(void **state)
{
    client_fixture_t *f = *state;

    dns_add_cname(dns, NAME, "real.example.test");
    dns_add_a(dns, "real.example.test", "127.0.0.1");
    open_named(f, "");
    warm_up(f);
}

/* Nobody listens on 127.0.0.2 and ::1 at this port. */
static void addresses_are_tried_until_one_takes_the_connection(void **state)
{
    client_fixture_t *f = *state;

    dns_add_a(dns, NAME, "127.0.0.2");
    dns_add_a(dns, NAME, "127.0.0.1");
    dns_add_aaaa(dns, NAME, "::1");
    open_named(f, "");
    warm_up(f);
}

static void a_slow_name_server_is_waited_for(void **state)
{
    client_fixture_t *f = *state;

    dns_add_a(dns, NAME, "127.0.0.1");
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_TABLE, 300);
    open_named(f, "");
    warm_up(f);
}

static void an_answer_too_large_for_one_datagram_comes_over_tcp(void **state)
{
    client_fixture_t *f = *state;

    dns_add_a(dns, NAME, "127.0.0.1");
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_TRUNCATED, 0);
    open_named(f, "");
    warm_up(f);
    assert_in_range(dns_tcp_question_count(dns), 1, 100);
}

static void expect_no_server(client_fixture_t *f, const char *part)
{
    outcome_t o = {0};

    open_named(f, "&serverSelectionTimeoutMS=400");
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, NAME);
    CHECK_CONTAINS(o.error.message, part);
    CHECK_ONE_THREAD();
    outcome_clear(&o);
}

static void an_unknown_name_says_so(void **state)
{
    expect_no_server(*state, "not found");
}

static void a_name_without_addresses_says_so(void **state)
{
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_EMPTY, 0);
    expect_no_server(*state, "");
}

static void a_failing_name_server_is_an_error(void **state)
{
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_SERVFAIL, 0);
    expect_no_server(*state, "");
}

static void a_name_server_that_refuses_is_an_error(void **state)
{
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_REFUSED, 0);
    expect_no_server(*state, "");
}

static void garbage_from_the_name_server_is_an_error(void **state)
{
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_GARBAGE, 0);
    expect_no_server(*state, "");
}

static void answers_to_other_questions_are_ignored(void **state)
{
    dns_add_a(dns, NAME, "127.0.0.1");
    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_WRONG_ID, 0);
    expect_no_server(*state, "");
}

/* connectTimeoutMS bounds the look-up. */
static void a_silent_name_server_runs_into_the_timeout(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_SILENCE, 0);
    open_named(f, "&serverSelectionTimeoutMS=400&connectTimeoutMS=150");
    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, "connectTimeoutMS");
    outcome_clear(&o);
}

static void a_name_that_appears_later_is_found(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_named(f, "");
    start_ping(f, &o, 10000);
    run_for(&f->loop, 50);
    assert_false(o.done);
    dns_add_a(dns, NAME, "127.0.0.1");
    await_success(&o);
    outcome_clear(&o);
}

static void a_client_closed_during_the_look_up_leaves_nothing(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_SILENCE, 0);
    open_named(f, "");
    start_ping(f, &o, 0);
    run_for(&f->loop, 20);
    assert_in_range(dns_question_count(dns, NAME, DNS_ANY_TYPE), 1, 10);
    close_client(f, MUV_CLOSE_ABORT);
    CHECK_ERROR(&o.error, MUV_ECLOSED);
    outcome_clear(&o);
}

static void bad_name_servers_are_refused(void **state)
{
    client_fixture_t *f = *state;
    muv_error_t error = {0};
    const char *const bad[] = {"", "no address", "127.0.0.1:53,", "name.test:53", "127.0.0.1:0"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_CODE(muv_client_new(&f->loop, "mongodb://" NAME,
                                  &(muv_client_opts_t){.dns_servers = bad[i]}, &error, &f->client),
                   MUV_EINVAL);
        CHECK_CONTAINS(error.message, "dns_servers");
    }
    assert_null(f->client);
}

/* --- one thread --------------------------------------------------------------------------------*/

#define FINDS 1000

static outcome_t finds[FINDS];

/* A pool that connects by name while the finds are in flight. */
static void a_thousand_finds_and_a_look_up_need_one_thread(void **state)
{
    client_fixture_t *f = *state;
    unsigned questions;

    dns_set_ttl(dns, 0);
    dns_add_a(dns, NAME, "127.0.0.1");
    open_named(f, "&maxPoolSize=50");
    warm_up(f);
    questions = dns_question_count(dns, NAME, DNS_A);
    f->ended = 0;
    mock_script(f->mock, "find", &(mock_step_t){.delay_ms = 30, .times = 50});
    for (int i = 0; i < FINDS; i++) {
        start_find(f, &finds[i], i, NULL);
        CHECK_ONE_THREAD();
    }
    while (f->ended < FINDS) {
        (void)uv_run(&f->loop, UV_RUN_ONCE);
        CHECK_ONE_THREAD();
    }
    assert_true(dns_question_count(dns, NAME, DNS_A) > questions);
    assert_in_range(stats_of(f).connections_created, 10, 50);
    for (int i = 0; i < FINDS; i++) {
        CHECK_NO_ERROR(finds[i].error.code != 0 ? &finds[i].error : NULL);
        assert_string_equal(finds[i].text, text_of("{ \"_id\" : %d }", i));
        outcome_clear(&finds[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dns, close_dns)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_resolved_through_the_given_server),
        TEST(an_alias_is_followed),
        TEST(addresses_are_tried_until_one_takes_the_connection),
        TEST(a_slow_name_server_is_waited_for),
        TEST(an_answer_too_large_for_one_datagram_comes_over_tcp),
        TEST(an_unknown_name_says_so),
        TEST(a_name_without_addresses_says_so),
        TEST(a_failing_name_server_is_an_error),
        TEST(a_name_server_that_refuses_is_an_error),
        TEST(garbage_from_the_name_server_is_an_error),
        TEST(answers_to_other_questions_are_ignored),
        TEST(a_silent_name_server_runs_into_the_timeout),
        TEST(a_name_that_appears_later_is_found),
        TEST(a_client_closed_during_the_look_up_leaves_nothing),
        TEST(bad_name_servers_are_refused),
        TEST(a_thousand_finds_and_a_look_up_need_one_thread),
    };

    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
