/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the simulated net: the promises of src/net/net.h that sources of credentials rest on. */
#include "net_rig.h"

#include "net/net.h"
#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

static void on_content(void *owner, muv__span_t content, int status)
{
    net_rig_t *rig = owner;
    size_t length = strlen(rig->log);

    assert_int_equal(rig->depth, 1);
    (void)snprintf(rig->log + length, sizeof rig->log - length, "[%d] '%.*s', %d\n",
                   (int)(sim_now_us(rig->world) - rig->since_us), (int)content.size,
                   content.size == 0 ? "" : (const char *)content.data, status);
}

static void load(net_rig_t *rig, const char *path, muv__load_t **ret)
{
    assert_int_equal(muv__net_load_file(rig->net, path, 8, on_content, rig, ret), 0);
}

static void contents_come_later_and_as_they_were_at_the_call(void **state)
{
    muv__load_t *ignored;
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
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
    net_rig_end(&rig);
}

static void failures_are_system_codes(void **state)
{
    muv__load_t *ignored;
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
    sim_file(rig.world, "/long", "123456789", 200);
    sim_file_fails(rig.world, "/closed", SIM_EACCES, 300);
    load(&rig, "/missing", &ignored);
    load(&rig, "/long", &ignored);
    load(&rig, "/closed", &ignored);
    sim_run_for(rig.world, SIM_MS);
    assert_string_equal(rig.log, "[100] '', -2\n"
                                 "[200] '', -27\n"
                                 "[300] '', -13\n");
    net_rig_end(&rig);
}

static void a_cancelled_load_is_silent_and_the_net_waits_for_it(void **state)
{
    muv__load_t *loads[2];
    net_rig_t rig;

    (void)state;
    net_rig_open(&rig);
    sim_file(rig.world, "/token", "token", SIM_MS / 2);
    sim_file_fails(rig.world, "/hangs", SIM_ENOENT, SIM_NEVER);
    load(&rig, "/token", &loads[0]);
    load(&rig, "/hangs", &loads[1]);
    muv__load_cancel(loads[0]);
    muv__load_cancel(loads[1]);
    muv__net_close(rig.net, net_rig_on_closed);
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
