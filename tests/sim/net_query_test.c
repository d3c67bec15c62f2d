/* SPDX-License-Identifier: Apache-2.0 */
/* SRV and TXT records of the simulated net: the promises of src/net/net.h that the client's
 * look-ups rest on. */
#include "net_sim.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define NAME "_mongodb._tcp.a.test"

typedef struct rig {
    sim_world_t *world;
    muv__net_t *net;
    unsigned depth;
    bool closed;
    int64_t since_us;
    char log[1024]; /* "[ms] records\n" */
} rig_t;

static void on_begin(void *data, int64_t now_us)
{
    rig_t *rig = data;

    assert_int_equal(rig->depth++, 0);
    assert_int_equal(now_us, sim_now_us(rig->world));
}

static void on_end(void *data)
{
    rig_t *rig = data;

    rig->depth--;
}

static void on_nothing(void *data)
{
    (void)data;
}

static void put(rig_t *rig, const char *format, ...) MUV__PRINTF(2, 3);

static void put(rig_t *rig, const char *format, ...)
{
    size_t size = strlen(rig->log);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(rig->log + size, sizeof rig->log - size, format, arguments);
    va_end(arguments);
}

static void on_records(void *owner, const muv__net_records_t *records)
{
    rig_t *rig = owner;

    assert_int_equal(rig->depth, 1);
    put(rig, "[%d]", (int)((sim_now_us(rig->world) - rig->since_us) / SIM_MS));
    for (uint32_t i = 0; i < records->count; i++) {
        if (records->srv != NULL) {
            put(rig, " %s %u", records->srv[i].target, records->srv[i].port);
        } else {
            put(rig, " '%.*s'", (int)records->txt[i].size, records->txt[i].text);
        }
    }
    if (records->count == 0) {
        put(rig, " %s%s", records->error_text, records->absent ? ", absent" : "");
    } else if (records->srv != NULL) {
        put(rig, " for %u s", records->lowest_ttl_s);
    }
    put(rig, "\n");
}

static void rig_open(rig_t *rig)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_nothing, .on_turn = on_nothing};

    memset(rig, 0, sizeof *rig);
    rig->world = sim_new(1);
    rig->since_us = sim_now_us(rig->world);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
}

static void on_net_closed(void *data)
{
    rig_t *rig = data;

    rig->closed = true;
}

static void rig_end(rig_t *rig)
{
    muv__net_close(rig->net, on_net_closed);
    sim_run(rig->world);
    assert_true(rig->closed);
    sim_free(rig->world);
    assert_int_equal(alloc_live_blocks(), 0);
}

static void records_come_later_and_as_they_were_at_the_question(void **state)
{
    muv__query_t *query;
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_srv(rig.world, NAME, "h1.a.test:27017 h2.a.test.:1", 60, 5 * SIM_MS);
    sim_txt(rig.world, "a.test", "x=1\n\ny=2", 2 * SIM_MS);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &query), 0);
    assert_int_equal(muv__net_query_txt(rig.net, "a.test", on_records, &rig, &query), 0);
    assert_int_equal(muv__net_query_txt(rig.net, NAME, on_records, &rig, &query), 0);
    sim_srv(rig.world, NAME, "h3.a.test:2", 60, 0);
    assert_string_equal(rig.log, "");
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_string_equal(rig.log, "[1] Domain name not found, absent\n"
                                 "[2] 'x=1' '' 'y=2'\n"
                                 "[5] h1.a.test 27017 h2.a.test. 1 for 60 s\n");
    assert_int_equal(sim_srv_asked(rig.world, NAME), 1);
    assert_int_equal(sim_txt_asked(rig.world, "b.test"), 0);
    rig_end(&rig);
}

static void failures_say_whether_they_are_final(void **state)
{
    muv__query_t *query;
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_srv_fails(rig.world, NAME, "refused", false, SIM_MS);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &query), 0);
    sim_srv_fails(rig.world, NAME, "none", true, 2 * SIM_MS);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &query), 0);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_string_equal(rig.log, "[1] refused\n[2] none, absent\n");
    rig_end(&rig);
}

static void a_cancelled_question_is_silent(void **state)
{
    muv__query_t *queries[2];
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_srv(rig.world, NAME, "h1.a.test:27017", 60, SIM_MS);
    sim_txt_fails(rig.world, "a.test", "", false, SIM_NEVER);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &queries[0]), 0);
    assert_int_equal(muv__net_query_txt(rig.net, "a.test", on_records, &rig, &queries[1]), 0);
    muv__query_cancel(queries[0]);
    sim_run_for(rig.world, 10 * SIM_MS);
    muv__query_cancel(queries[1]);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_string_equal(rig.log, "");
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_later_and_as_they_were_at_the_question),
        cmocka_unit_test(failures_say_whether_they_are_final),
        cmocka_unit_test(a_cancelled_question_is_silent),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
