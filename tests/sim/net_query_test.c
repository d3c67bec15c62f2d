/* SPDX-License-Identifier: Apache-2.0 */
/* SRV and TXT records of the simulated net: the promises of src/net/net.h that the client's
 * look-ups rest on. */
#include "net_rig.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define NAME "_mongodb._tcp.a.test"

static void on_records(void *owner, const muv__net_records_t *records)
{
    net_rig_t *rig = owner;

    assert_int_equal(rig->depth, 1);
    net_rig_put(rig, "[%d]", net_rig_now_us(rig) / (int)SIM_MS);
    for (uint32_t i = 0; i < records->count; i++) {
        if (records->srv != NULL) {
            net_rig_put(rig, " %s %u", records->srv[i].target, records->srv[i].port);
        } else {
            net_rig_put(rig, " '%.*s'", (int)records->txt[i].size, records->txt[i].text);
        }
    }
    if (records->count == 0) {
        net_rig_put(rig, " %s%s", records->error_text, records->absent ? ", absent" : "");
    } else if (records->srv != NULL) {
        net_rig_put(rig, " for %u s", records->lowest_ttl_s);
    }
    net_rig_put(rig, "\n");
}

static void records_come_later_and_as_they_were_at_the_question(void **state)
{
    muv__query_t *query;
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
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
    net_rig_end(&rig);
}

static void failures_say_whether_they_are_final(void **state)
{
    muv__query_t *query;
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
    sim_srv_fails(rig.world, NAME, "refused", false, SIM_MS);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &query), 0);
    sim_srv_fails(rig.world, NAME, "none", true, 2 * SIM_MS);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &query), 0);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_string_equal(rig.log, "[1] refused\n[2] none, absent\n");
    net_rig_end(&rig);
}

static void a_cancelled_question_is_silent(void **state)
{
    muv__query_t *queries[2];
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
    sim_srv(rig.world, NAME, "h1.a.test:27017", 60, SIM_MS);
    sim_txt_fails(rig.world, "a.test", "", false, SIM_NEVER);
    assert_int_equal(muv__net_query_srv(rig.net, NAME, on_records, &rig, &queries[0]), 0);
    assert_int_equal(muv__net_query_txt(rig.net, "a.test", on_records, &rig, &queries[1]), 0);
    muv__query_cancel(queries[0]);
    sim_run_for(rig.world, 10 * SIM_MS);
    muv__query_cancel(queries[1]);
    sim_run_for(rig.world, 10 * SIM_MS);
    assert_string_equal(rig.log, "");
    net_rig_end(&rig);
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
