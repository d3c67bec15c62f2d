/* SPDX-License-Identifier: Apache-2.0 */
/* Names on a real loop through a scripted name server: answers come later and inside a net event,
 * whatever the server does; no thread is started; nothing keeps the loop alive or is left on it. */
#include "net/net.h"

#include <string.h>

#include "unit/net/net_fixture.h"

#define NAME "db.example.test"

typedef struct answer {
    net_fixture_t *f;
    muv__resolve_t *resolve;
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
    size_t count;
    char error[128];
    bool done;
    bool starting;
} answer_t;

static void on_answer(void *owner, const muv__net_addr_t *addrs, size_t count,
                      const char *error_text)
{
    answer_t *a = owner;

    assert_int_equal(a->f->depth, 1);
    assert_false(a->starting);
    assert_false(a->done);
    assert_int_equal(count == 0, error_text != NULL);
    assert_in_range(count, 0, MUV__RESOLVE_MAX_ADDRS);
    memcpy(a->addrs, addrs, count * sizeof *addrs);
    a->count = count;
    if (error_text != NULL) {
        (void)strncpy(a->error, error_text, sizeof a->error - 1);
    }
    a->done = true;
}

static void ask(answer_t *a, net_fixture_t *f, const char *name)
{
    *a = (answer_t){.f = f, .starting = true};
    muv__net_keep_alive(f->net, 1);
    assert_int_equal(muv__net_resolve(f->net, name, 27018, on_answer, a, &a->resolve), 0);
    a->starting = false;
}

static void resolve(answer_t *a, net_fixture_t *f, const char *name)
{
    ask(a, f, name);
    run_until(&f->loop, &a->done, WAIT_MS);
}

/* Does the answer hold this address with the port? */
static bool has(const answer_t *a, int family, const uint8_t *ip)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->addrs[i].family == family && a->addrs[i].port == 27018 &&
            memcmp(a->addrs[i].ip, ip, family == MUV__NET_IPV4 ? 4 : 16) == 0) {
            return true;
        }
    }
    return false;
}

static const uint8_t ipv4[4] = {10, 1, 2, 3};
static const uint8_t ipv6[16] = {0x20, 1, 0xd, 0xb8, [15] = 5};

static void both_families_are_found(void **state)
{
    answer_t a;

    dns_add_a(dns, NAME, "10.1.2.3");
    dns_add_aaaa(dns, NAME, "2001:db8::5");
    resolve(&a, *state, NAME);
    assert_int_equal(a.count, 2);
    assert_true(has(&a, MUV__NET_IPV4, ipv4));
    assert_true(has(&a, MUV__NET_IPV6, ipv6));
    CHECK_ONE_THREAD();
}

static void one_family_is_enough(void **state)
{
    answer_t a;

    dns_add_a(dns, NAME, "10.1.2.3");
    dns_set_answer(dns, NAME, DNS_AAAA, DNS_EMPTY, 0);
    resolve(&a, *state, NAME);
    assert_int_equal(a.count, 1);
    assert_true(has(&a, MUV__NET_IPV4, ipv4));
}

static void addresses_as_text_need_no_server(void **state)
{
    answer_t a;

    resolve(&a, *state, "10.1.2.3");
    assert_true(has(&a, MUV__NET_IPV4, ipv4));
    resolve(&a, *state, "2001:db8::5");
    assert_true(has(&a, MUV__NET_IPV6, ipv6));
    resolve(&a, *state, "2001:db8::5%lo");
    assert_true(has(&a, MUV__NET_IPV6, ipv6));
    assert_int_not_equal(a.addrs[0].scope_id, 0);
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 0);
}

static void more_addresses_than_fit_are_cut(void **state)
{
    answer_t a;

    for (int i = 1; i <= 20; i++) {
        dns_add_a(dns, NAME, text_of("10.0.0.%d", i));
    }
    resolve(&a, *state, NAME);
    assert_int_equal(a.count, MUV__RESOLVE_MAX_ADDRS);
}

static void bad_answers_have_a_text(void **state)
{
    static const dns_answer_t bad[] = {DNS_NXDOMAIN, DNS_SERVFAIL, DNS_REFUSED, DNS_EMPTY,
                                       DNS_GARBAGE};
    answer_t a;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dns_set_answer(dns, NAME, DNS_ANY_TYPE, bad[i], 0);
        resolve(&a, *state, NAME);
        assert_int_equal(a.count, 0);
        assert_true(a.error[0] != '\0');
    }
}

static void a_name_that_is_none_fails_later_too(void **state)
{
    char name[256];
    answer_t a;

    resolve(&a, *state, "..");
    assert_int_equal(a.count, 0);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    resolve(&a, *state, name);
    assert_int_equal(a.count, 0);
}

static void without_a_name_server_the_answer_still_comes(void **state)
{
    net_fixture_t *f = *state;
    answer_t a;

    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_TABLE, 0);
    muv__net_set_dns_servers(f->net, "127.0.0.1:9");
    resolve(&a, f, NAME);
    assert_int_equal(a.count, 0);
    assert_true(a.error[0] != '\0');
}

static void a_cancelled_question_calls_nobody(void **state)
{
    net_fixture_t *f = *state;
    answer_t a;

    dns_add_a(dns, NAME, "10.1.2.3");
    ask(&a, f, NAME);
    muv__resolve_cancel(a.resolve);
    ask(&a, f, NAME);
    run_for(&f->loop, 1);
    if (!a.done) {
        muv__resolve_cancel(a.resolve);
    }
    ask(&a, f, "10.1.2.3");
    muv__resolve_cancel(a.resolve);
    run_for(&f->loop, 30);
    assert_false(a.done);
}

static void a_net_closed_with_cancelled_questions_leaves_nothing(void **state)
{
    net_fixture_t *f = *state;
    answer_t a[3];

    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_SILENCE, 0);
    for (int i = 0; i < 3; i++) {
        ask(&a[i], f, NAME);
    }
    run_for(&f->loop, 10);
    for (int i = 0; i < 3; i++) {
        muv__resolve_cancel(a[i].resolve);
    }
    end_net(f);
}

static void many_questions_at_once_are_all_answered(void **state)
{
    enum { COUNT = 100 };
    net_fixture_t *f = *state;
    static answer_t a[COUNT];

    for (int i = 0; i < COUNT; i++) {
        dns_add_a(dns, text_of("h%d.example.test", i), text_of("10.0.0.%d", i));
    }
    for (int i = 0; i < COUNT; i++) {
        ask(&a[i], f, text_of("h%d.example.test", i));
    }
    for (int i = 0; i < COUNT; i++) {
        run_until(&f->loop, &a[i].done, WAIT_MS);
        assert_int_equal(a[i].count, 1);
        assert_int_equal(a[i].addrs[0].ip[3], i);
    }
    CHECK_ONE_THREAD();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dns, close_dns)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_families_are_found),
        TEST(one_family_is_enough),
        TEST(addresses_as_text_need_no_server),
        TEST(more_addresses_than_fit_are_cut),
        TEST(bad_answers_have_a_text),
        TEST(a_name_that_is_none_fails_later_too),
        TEST(without_a_name_server_the_answer_still_comes),
        TEST(a_cancelled_question_calls_nobody),
        TEST(a_net_closed_with_cancelled_questions_leaves_nothing),
        TEST(many_questions_at_once_are_all_answered),
    };

    return cmocka_run_group_tests_name("uv_resolve", tests, NULL, NULL);
}
