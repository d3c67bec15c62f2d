/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the simulated net: the promises of src/net/net.h that sources of credentials rest on. */
#include "net_sim.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

typedef struct rig {
    sim_world_t *world;
    muv__net_t *net;
    unsigned depth;
    bool closed;
    int64_t since_us;
    char log[512]; /* "[us] content, status\n" */
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

static void on_content(void *owner, muv__span_t content, int status)
{
    rig_t *rig = owner;
    size_t length = strlen(rig->log);

    assert_int_equal(rig->depth, 1);
    (void)snprintf(rig->log + length, sizeof rig->log - length, "[%d] '%.*s', %d\n",
                   (int)(sim_now_us(rig->world) - rig->since_us), (int)content.size,
                   content.size == 0 ? "" : (const char *)content.data, status);
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

static void load(rig_t *rig, const char *path, muv__load_t **ret)
{
    assert_int_equal(muv__net_load_file(rig->net, path, 8, on_content, rig, ret), 0);
}

static void contents_come_later_and_as_they_were_at_the_call(void **state)
{
    muv__load_t *ignored;
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_file(rig.world, "/token", "one", 500);
    load(&rig, "/token", &ignored);
    sim_file(rig.world, "/token", "", 400);
    load(&rig, "/token", &ignored);
    assert_string_equal(rig.log, "");
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, "[400] '', 0\n"
                                 "[500] 'one', 0\n");
    assert_int_equal(sim_file_loaded(rig.world, "/token"), 2);
    assert_int_equal(sim_file_loaded(rig.world, "/other"), 0);
    rig_end(&rig);
}

static void failures_are_system_codes(void **state)
{
    muv__load_t *ignored;
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_file(rig.world, "/long", "123456789", 200);
    sim_file_fails(rig.world, "/closed", SIM_EACCES, 300);
    load(&rig, "/missing", &ignored);
    load(&rig, "/long", &ignored);
    load(&rig, "/closed", &ignored);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, "[100] '', -2\n"
                                 "[200] '', -27\n"
                                 "[300] '', -13\n");
    rig_end(&rig);
}

static void a_cancelled_load_is_silent_and_the_net_waits_for_it(void **state)
{
    muv__load_t *loads[2];
    rig_t rig;

    (void)state;
    rig_open(&rig);
    sim_file(rig.world, "/token", "token", SIM_MS / 2);
    sim_file_fails(rig.world, "/hangs", SIM_ENOENT, SIM_NEVER);
    load(&rig, "/token", &loads[0]);
    load(&rig, "/hangs", &loads[1]);
    muv__load_cancel(loads[0]);
    muv__load_cancel(loads[1]);
    muv__net_close(rig.net, on_net_closed);
    sim_run_for(rig.world, SIM_MS - 1);
    assert_false(rig.closed);
    sim_run(rig.world);
    assert_true(rig.closed);
    assert_string_equal(rig.log, "");
    sim_free(rig.world);
    assert_int_equal(alloc_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_come_later_and_as_they_were_at_the_call),
        cmocka_unit_test(failures_are_system_codes),
        cmocka_unit_test(a_cancelled_load_is_silent_and_the_net_waits_for_it),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
