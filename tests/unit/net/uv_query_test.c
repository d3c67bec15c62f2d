/* SPDX-License-Identifier: Apache-2.0 */
/* SRV and TXT records on a real loop through a scripted name server: answers come later and inside
 * a net event, whatever the server does; what does not exist is told apart from what failed; no
 * thread is started; nothing keeps the loop alive or is left on it. */
#include "net/net.h"

#include <stdio.h>
#include <string.h>

#include "support/alloc.h"
#include "unit/net/net_fixture.h"

#define SRV_NAME "_mongodb._tcp.cluster.example.test"
#define TXT_NAME "cluster.example.test"

typedef struct answer {
    net_fixture_t *f;
    muv__query_t *query;
    char text[8192]; /* "target:port " or "text|" for each record. */
    uint32_t count;
    uint32_t lowest_ttl_s;
    char error[128];
    bool absent;
    bool done;
    bool starting;
} answer_t;

static void put(answer_t *a, const char *format, ...) MUV__PRINTF(2, 3);

static void put(answer_t *a, const char *format, ...)
{
    size_t size = strlen(a->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(a->text + size, sizeof a->text - size, format, arguments);
    va_end(arguments);
}

static void on_records(void *owner, const muv__net_records_t *records)
{
    answer_t *a = owner;

    assert_int_equal(a->f->depth, 1);
    assert_false(a->starting);
    assert_false(a->done);
    assert_int_equal(records->count == 0, records->error_text != NULL);
    assert_true(records->error_text != NULL || !records->absent);
    for (uint32_t i = 0; i < records->count; i++) {
        if (records->srv != NULL) {
            put(a, "%s:%u ", records->srv[i].target, records->srv[i].port);
        } else {
            put(a, "%.*s|", (int)records->txt[i].size, records->txt[i].text);
        }
    }
    a->count = records->count;
    a->lowest_ttl_s = records->lowest_ttl_s;
    a->absent = records->absent;
    if (records->error_text != NULL) {
        (void)strncpy(a->error, records->error_text, sizeof a->error - 1);
    }
    a->done = true;
}

static void ask(answer_t *a, net_fixture_t *f, const char *name, int type)
{
    *a = (answer_t){.f = f, .starting = true};
    muv__net_keep_alive(f->net, 1);
    assert_int_equal(type == DNS_SRV ? muv__net_query_srv(f->net, name, on_records, a, &a->query)
                                     : muv__net_query_txt(f->net, name, on_records, a, &a->query),
                     0);
    a->starting = false;
}

static void query(answer_t *a, net_fixture_t *f, const char *name, int type)
{
    ask(a, f, name, type);
    run_until(&f->loop, &a->done, WAIT_MS);
}

/* --- good answers ------------------------------------------------------------------------------*/

static void srv_records_come_with_their_lowest_ttl(void **state)
{
    answer_t a;

    dns_set_ttl(dns, 300);
    dns_add_srv(dns, SRV_NAME, "h1.example.test", 27017);
    dns_set_ttl(dns, 90);
    dns_add_srv(dns, SRV_NAME, "H2.example.test", 27018);
    query(&a, *state, SRV_NAME, DNS_SRV);
    assert_string_equal(a.text, "h1.example.test:27017 H2.example.test:27018 ");
    assert_int_equal(a.lowest_ttl_s, 90);
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 1);
    CHECK_ONE_THREAD();
}

static void strings_of_a_txt_record_are_put_together(void **state)
{
    answer_t a;

    dns_add_txt(dns, TXT_NAME, (const char *const[]){"replicaS", "", "et=rep", "l0", NULL});
    query(&a, *state, TXT_NAME, DNS_TXT);
    assert_string_equal(a.text, "replicaSet=repl0|");
    assert_int_equal(a.count, 1);
}

static void several_txt_records_stay_apart(void **state)
{
    answer_t a;

    dns_add_txt(dns, TXT_NAME, (const char *const[]){"a=1", "b=2", NULL});
    dns_add_txt(dns, TXT_NAME, (const char *const[]){"", NULL});
    dns_add_txt(dns, TXT_NAME, (const char *const[]){"c=3", NULL});
    query(&a, *state, TXT_NAME, DNS_TXT);
    assert_string_equal(a.text, "a=1b=2||c=3|");
    assert_int_equal(a.count, 3);
}

static void an_answer_too_large_for_one_datagram_comes_over_tcp(void **state)
{
    answer_t a;

    for (unsigned i = 0; i < 100; i++) {
        dns_add_srv(dns, SRV_NAME, text_of("h%u.example.test", i), 27017);
    }
    query(&a, *state, SRV_NAME, DNS_SRV);
    assert_int_equal(a.count, 100);
    assert_int_equal(dns_tcp_question_count(dns), 1);
    dns_add_txt(dns, TXT_NAME, (const char *const[]){"a=1", NULL});
    dns_set_answer(dns, TXT_NAME, DNS_TXT, DNS_TRUNCATED, 0);
    query(&a, *state, TXT_NAME, DNS_TXT);
    assert_string_equal(a.text, "a=1|");
    assert_int_equal(dns_tcp_question_count(dns), 2);
}

static void a_slow_server_is_waited_for(void **state)
{
    answer_t a;

    dns_add_srv(dns, SRV_NAME, "h1.example.test", 27017);
    dns_set_answer(dns, SRV_NAME, DNS_SRV, DNS_TABLE, 300);
    query(&a, *state, SRV_NAME, DNS_SRV);
    assert_int_equal(a.count, 1);
}

/* The name is asked for as it is, whatever search domains the system has. */
static void names_are_not_completed(void **state)
{
    answer_t a;

    query(&a, *state, "short", DNS_SRV);
    assert_true(a.absent);
    assert_int_equal(dns_question_count(dns, "short", DNS_SRV), 1);
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 1);
}

/* --- bad answers -------------------------------------------------------------------------------*/

static void what_does_not_exist_is_absent(void **state)
{
    static const dns_answer_t answers[] = {DNS_NXDOMAIN, DNS_EMPTY};
    answer_t a;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        dns_set_answer(dns, "*", DNS_ANY_TYPE, answers[i], 0);
        query(&a, *state, SRV_NAME, DNS_SRV);
        assert_true(a.absent && a.error[0] != '\0');
        query(&a, *state, TXT_NAME, DNS_TXT);
        assert_true(a.absent && a.error[0] != '\0');
    }
}

static void an_alias_without_records_is_absent(void **state)
{
    answer_t a;

    dns_add_cname(dns, SRV_NAME, "other.example.test");
    query(&a, *state, SRV_NAME, DNS_SRV);
    assert_true(a.absent);
}

static void a_name_that_is_none_is_absent(void **state)
{
    answer_t a;

    query(&a, *state, "a..b", DNS_SRV);
    assert_true(a.absent);
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 0);
}

static void failures_may_pass(void **state)
{
    static const dns_answer_t answers[] = {DNS_SERVFAIL, DNS_REFUSED, DNS_GARBAGE};
    answer_t a;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        dns_set_answer(dns, "*", DNS_ANY_TYPE, answers[i], 0);
        query(&a, *state, SRV_NAME, DNS_SRV);
        assert_true(!a.absent && a.error[0] != '\0');
        query(&a, *state, TXT_NAME, DNS_TXT);
        assert_true(!a.absent && a.error[0] != '\0');
    }
}

static void more_records_than_anybody_has_are_refused(void **state)
{
    answer_t a;

    for (unsigned i = 0; i <= MUV__NET_MAX_RECORDS; i++) {
        dns_add_srv(dns, SRV_NAME, text_of("h%u.t", i), 27017);
    }
    query(&a, *state, SRV_NAME, DNS_SRV);
    assert_int_equal(a.count, 0);
    CHECK_CONTAINS(a.error, "too many");
}

static void without_a_name_server_the_answer_still_comes(void **state)
{
    net_fixture_t *f = *state;
    answer_t a;

    muv__net_set_dns_servers(f->net, "127.0.0.1:9");
    query(&a, f, SRV_NAME, DNS_SRV);
    assert_int_equal(a.count, 0);
    assert_false(a.absent);
}

/* --- cancelling --------------------------------------------------------------------------------*/

static void a_cancelled_question_calls_nobody(void **state)
{
    net_fixture_t *f = *state;
    answer_t a;

    dns_add_srv(dns, SRV_NAME, "h1.example.test", 27017);
    ask(&a, f, SRV_NAME, DNS_SRV);
    muv__query_cancel(a.query);
    run_for(&f->loop, 30);
    assert_false(a.done);
    /* Answered inside the call, and not delivered yet. */
    ask(&a, f, "a..b", DNS_TXT);
    muv__query_cancel(a.query);
    run_for(&f->loop, 30);
    assert_false(a.done);
}

static void a_net_closed_with_cancelled_questions_leaves_nothing(void **state)
{
    net_fixture_t *f = *state;
    answer_t a[2];

    dns_set_answer(dns, "*", DNS_ANY_TYPE, DNS_SILENCE, 0);
    ask(&a[0], f, SRV_NAME, DNS_SRV);
    ask(&a[1], f, TXT_NAME, DNS_TXT);
    run_for(&f->loop, 10);
    muv__query_cancel(a[0].query);
    muv__query_cancel(a[1].query);
    end_net(f);
}

/* Out of memory the call says so, or the answer does, or the answer is a little late. */
static void every_allocation_may_fail(void **state)
{
    net_fixture_t *f = *state;
    unsigned good = 0;
    unsigned nth = 0;
    bool failed;

    dns_add_txt(dns, TXT_NAME, (const char *const[]){"a=1", NULL});
    do {
        answer_t a = {.f = f};
        int rc;

        alloc_fail_at(++nth, false);
        muv__net_keep_alive(f->net, 1);
        rc = muv__net_query_txt(f->net, TXT_NAME, on_records, &a, &a.query);
        if (rc == 0) {
            run_until(&f->loop, &a.done, WAIT_MS);
            assert_true(a.count == 1 || a.error[0] != '\0');
        }
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        assert_true(rc == 0 || (rc == MUV_ENOMEM && failed));
        good += a.count == 1;
    } while (failed);
    assert_in_range(nth, 5, 10);
    assert_int_equal(good, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dns, close_dns)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(srv_records_come_with_their_lowest_ttl),
        TEST(strings_of_a_txt_record_are_put_together),
        TEST(several_txt_records_stay_apart),
        TEST(an_answer_too_large_for_one_datagram_comes_over_tcp),
        TEST(a_slow_server_is_waited_for),
        TEST(names_are_not_completed),
        TEST(what_does_not_exist_is_absent),
        TEST(an_alias_without_records_is_absent),
        TEST(a_name_that_is_none_is_absent),
        TEST(failures_may_pass),
        TEST(more_records_than_anybody_has_are_refused),
        TEST(without_a_name_server_the_answer_still_comes),
        TEST(a_cancelled_question_calls_nobody),
        TEST(a_net_closed_with_cancelled_questions_leaves_nothing),
        TEST(every_allocation_may_fail),
    };

    alloc_install();
    return cmocka_run_group_tests_name("uv_query", tests, NULL, NULL);
}
