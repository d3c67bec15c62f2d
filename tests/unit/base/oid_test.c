/* SPDX-License-Identifier: Apache-2.0 */
#include "base/oid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[MUV__OID_SEED_SIZE] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xff, 0xff, 0xfe};

static void an_id_is_time_then_random_bytes_then_a_counter(void **state)
{
    static const uint8_t expected[] = {0x12, 0x34, 0x56, 0x78, 0xa1, 0xa2,
                                       0xa3, 0xa4, 0xa5, 0xff, 0xff, 0xfe};
    muv__oid_source_t source = {.seeded = 0};
    uint8_t oid[MUV__OID_SIZE];

    (void)state;
    muv__oid_seed(&source, seed);
    muv__oid_next(&source, 0x12345678, oid);
    assert_memory_equal(oid, expected, sizeof(oid));
}

static void the_counter_wraps_to_zero(void **state)
{
    muv__oid_source_t source = {.seeded = 0};
    uint8_t oid[MUV__OID_SIZE];

    (void)state;
    muv__oid_seed(&source, seed);
    for (int i = 0; i < 3; i++) {
        muv__oid_next(&source, 1, oid);
    }
    assert_memory_equal(oid + 9, "\0\0\0", 3);
    muv__oid_next(&source, 1, oid);
    assert_memory_equal(oid + 9, "\0\0\1", 3);
}

/* Unsigned, so ids work until 2106 (ObjectID specification). */
static void times_beyond_2038_are_kept(void **state)
{
    muv__oid_source_t source = {.seeded = 0};
    uint8_t oid[MUV__OID_SIZE];

    (void)state;
    muv__oid_seed(&source, seed);
    muv__oid_next(&source, INT64_C(0xffffffff), oid);
    assert_memory_equal(oid, "\xff\xff\xff\xff", 4);
    muv__oid_next(&source, INT64_C(0x80000000), oid);
    assert_memory_equal(oid, "\x80\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_time_then_random_bytes_then_a_counter),
        cmocka_unit_test(the_counter_wraps_to_zero),
        cmocka_unit_test(times_beyond_2038_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
