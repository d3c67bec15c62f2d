/* SPDX-License-Identifier: Apache-2.0 */
/* The establishment machine: which address next, and what ends it. Its life on a network is in
 * tests/sim/conn_test.c. */
#include "conn/establish.h"

#include "support/check.h"

#define STEP(machine, event, effects, next)                                                        \
    do {                                                                                           \
        assert_int_equal(muv__establish_step(machine, event), (unsigned)(effects));                \
        assert_int_equal((machine)->state, next);                                                  \
    } while (0)

/* A name with so many addresses, connecting to the first. */
static muv__establish_t resolved(uint32_t addr_count)
{
    muv__establish_t machine;

    muv__establish_init(&machine);
    STEP(&machine, MUV__ESTABLISH_ON_START_NAME, MUV__ESTABLISH_DO_RESOLVE,
         MUV__ESTABLISH_RESOLVING);
    machine.addr_count = addr_count;
    STEP(&machine, MUV__ESTABLISH_ON_RESOLVED, MUV__ESTABLISH_DO_CONNECT,
         MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.next_addr, 1);
    return machine;
}

static void a_name_is_resolved_connected_and_greeted(void **state)
{
    muv__establish_t machine = resolved(2);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECTED, MUV__ESTABLISH_DO_GREET, MUV__ESTABLISH_GREETING);
    STEP(&machine, MUV__ESTABLISH_ON_GREETED, MUV__ESTABLISH_DO_REPORT_READY, MUV__ESTABLISH_READY);
    assert_true(muv__establish_ended(&machine));
}

static void a_path_needs_no_name(void **state)
{
    muv__establish_t machine;

    (void)state;
    muv__establish_init(&machine);
    STEP(&machine, MUV__ESTABLISH_ON_START_PATH, MUV__ESTABLISH_DO_CONNECT,
         MUV__ESTABLISH_CONNECTING);
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED,
         MUV__ESTABLISH_DO_DISCONNECT | MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
}

static void the_next_address_follows_a_failed_or_silent_one(void **state)
{
    muv__establish_t machine = resolved(3);

    (void)state;
    STEP(&machine, MUV__ESTABLISH_ON_CONNECT_FAILED,
         MUV__ESTABLISH_DO_DISCONNECT | MUV__ESTABLISH_DO_CONNECT, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.next_addr, 2);
    STEP(&machine, MUV__ESTABLISH_ON_DEADLINE,
         MUV__ESTABLISH_DO_DISCONNECT | MUV__ESTABLISH_DO_CONNECT, MUV__ESTABLISH_CONNECTING);
    assert_int_equal(machine.next_addr, 3);
    STEP(&machine, MUV__ESTABLISH_ON_DEADLINE,
         MUV__ESTABLISH_DO_DISCONNECT | MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
}

static void a_name_without_addresses_fails(void **state)
{
    muv__establish_t machine;

    (void)state;
    muv__establish_init(&machine);
    (void)muv__establish_step(&machine, MUV__ESTABLISH_ON_START_NAME);
    STEP(&machine, MUV__ESTABLISH_ON_RESOLVED, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
}

/* One that was reached is not left for another address: the server has answered. */
static void a_deadline_elsewhere_ends_it(void **state)
{
    muv__establish_t resolving;
    muv__establish_t greeting = resolved(2);
    muv__establish_t broken = resolved(2);

    (void)state;
    muv__establish_init(&resolving);
    (void)muv__establish_step(&resolving, MUV__ESTABLISH_ON_START_NAME);
    STEP(&resolving, MUV__ESTABLISH_ON_DEADLINE, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
    (void)muv__establish_step(&greeting, MUV__ESTABLISH_ON_CONNECTED);
    STEP(&greeting, MUV__ESTABLISH_ON_DEADLINE, MUV__ESTABLISH_DO_REPORT_FAILED,
         MUV__ESTABLISH_FAILED);
    (void)muv__establish_step(&broken, MUV__ESTABLISH_ON_CONNECTED);
    STEP(&broken, MUV__ESTABLISH_ON_BROKEN, MUV__ESTABLISH_DO_REPORT_FAILED, MUV__ESTABLISH_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_resolved_connected_and_greeted),
        cmocka_unit_test(a_path_needs_no_name),
        cmocka_unit_test(the_next_address_follows_a_failed_or_silent_one),
        cmocka_unit_test(a_name_without_addresses_fails),
        cmocka_unit_test(a_deadline_elsewhere_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
