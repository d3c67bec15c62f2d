/* SPDX-License-Identifier: Apache-2.0 */
/* What all questions to name servers share: one channel for all kinds, delivery in a turn of its
 * own, cancelling from inside another answer, sockets that there was no memory to watch. */
#include "net/net.h"

#include <string.h>

#include "support/alloc.h"
#include "unit/net/net_fixture.h"

#define NAME "a.example.test"

/* Three questions and what became of them, in order: 'a' an address, 's' SRV, 't' TXT. */
typedef struct rig {
    net_fixture_t *f;
    muv__resolve_t *address;
    muv__query_t *srv;
    muv__query_t *txt;
    char order[8];
    bool cancels; /* The first that is answered cancels the others. */
    bool done;
} rig_t;

static void cancel_all(rig_t *rig)
{
    if (rig->address != NULL) {
        muv__resolve_cancel(rig->address);
    }
    if (rig->srv != NULL) {
        muv__query_cancel(rig->srv);
    }
    if (rig->txt != NULL) {
        muv__query_cancel(rig->txt);
    }
    rig->address = NULL;
    rig->srv = NULL;
    rig->txt = NULL;
}

static void note(rig_t *rig, char what)
{
    assert_int_equal(rig->f->depth, 1);
    rig->order[strlen(rig->order)] = what;
    if (rig->cancels) {
        cancel_all(rig);
    }
    rig->done = rig->cancels || strlen(rig->order) == 3;
}

static void on_address(void *owner, const muv__net_addr_t *addrs, size_t count,
                       const char *error_text)
{
    rig_t *rig = owner;

    (void)addrs;
    (void)count;
    (void)error_text;
    rig->address = NULL;
    note(rig, 'a');
}

static void on_srv(void *owner, const muv__net_records_t *records)
{
    rig_t *rig = owner;

    (void)records;
    rig->srv = NULL;
    note(rig, 's');
}

static void on_txt(void *owner, const muv__net_records_t *records)
{
    rig_t *rig = owner;

    (void)records;
    rig->txt = NULL;
    note(rig, 't');
}

static void ask_all(rig_t *rig, const char *name)
{
    muv__net_t *net = rig->f->net;

    assert_int_equal(muv__net_query_srv(net, name, on_srv, rig, &rig->srv), 0);
    assert_int_equal(muv__net_query_txt(net, name, on_txt, rig, &rig->txt), 0);
    assert_int_equal(muv__net_resolve(net, "10.0.0.1", 1, on_address, rig, &rig->address), 0);
}

/* Names that are none are answered by c-ares inside the call: nobody hears of it there. */
static void answers_come_in_their_order_in_a_later_turn(void **state)
{
    rig_t rig = {.f = *state};

    ask_all(&rig, "a..b");
    assert_string_equal(rig.order, "");
    run_until(&rig.f->loop, &rig.done, WAIT_MS);
    assert_string_equal(rig.order, "sta");
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 0);
}

static void an_answer_can_cancel_those_behind_it(void **state)
{
    rig_t rig = {.f = *state, .cancels = true};

    ask_all(&rig, "a..b");
    run_until(&rig.f->loop, &rig.done, WAIT_MS);
    run_for(&rig.f->loop, 20);
    assert_string_equal(rig.order, "s");
}

static void an_answer_can_cancel_those_under_way(void **state)
{
    rig_t rig = {.f = *state, .cancels = true};

    dns_set_answer(dns, NAME, DNS_SRV, DNS_SILENCE, 0);
    dns_set_answer(dns, NAME, DNS_TXT, DNS_TABLE, 20);
    ask_all(&rig, NAME);
    run_until(&rig.f->loop, &rig.done, WAIT_MS);
    run_for(&rig.f->loop, 40);
    assert_string_equal(rig.order, "a");
}

/* Questions alone do not keep the loop: who asks does. */
static void questions_keep_no_loop_alive(void **state)
{
    rig_t rig = {.f = *state};

    dns_set_answer(dns, NAME, DNS_ANY_TYPE, DNS_SILENCE, 0);
    assert_int_equal(muv__net_query_srv(rig.f->net, NAME, on_srv, &rig, &rig.srv), 0);
    assert_int_equal(uv_run(&rig.f->loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(rig.order, "");
    cancel_all(&rig);
}

/* The third allocation of a first question is for the socket. It is watched from the next tick on,
 * a quarter of a second later, long before c-ares repeats the question. */
static void a_socket_without_memory_is_watched_later(void **state)
{
    rig_t rig = {.f = *state};

    dns_add_srv(dns, NAME, "h.example.test", 27017);
    muv__net_keep_alive(rig.f->net, 1);
    alloc_fail_at(3, false);
    assert_int_equal(muv__net_query_srv(rig.f->net, NAME, on_srv, &rig, &rig.srv), 0);
    assert_true(alloc_has_failed());
    run_for(&rig.f->loop, 100);
    assert_string_equal(rig.order, "");
    run_for(&rig.f->loop, 1500);
    assert_string_equal(rig.order, "s");
    assert_int_equal(dns_question_count(dns, NULL, DNS_ANY_TYPE), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_dns, close_dns)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_come_in_their_order_in_a_later_turn),
        TEST(an_answer_can_cancel_those_behind_it),
        TEST(an_answer_can_cancel_those_under_way),
        TEST(questions_keep_no_loop_alive),
        TEST(a_socket_without_memory_is_watched_later),
    };

    alloc_install();
    return cmocka_run_group_tests_name("uv_dns", tests, NULL, NULL);
}
