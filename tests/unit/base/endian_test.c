/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endian.h"

#include <string.h>

#include "support/check.h"

/* One byte in, so that nothing is aligned. */
static const uint8_t bytes[9] = {0, 0x01, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0x88};

static void the_first_byte_is_the_lowest(void **state)
{
    (void)state;
    assert_true(muv__load_u32(bytes + 1) == UINT32_C(0x84030201));
    assert_true(muv__load_i32(bytes + 1) == -2080177663);
    assert_true(muv__load_u64(bytes + 1) == UINT64_C(0x8807060584030201));
    assert_true(muv__load_i64(bytes + 1) == INT64_C(-8644934338954984959));
}

static void what_is_stored_is_loaded(void **state)
{
    uint8_t copy[9] = {0};

    (void)state;
    muv__store_u32(copy + 1, UINT32_C(0x84030201));
    muv__store_u32(copy + 5, UINT32_C(0x88070605));
    assert_memory_equal(copy, bytes, 9);
    memset(copy, 0, sizeof(copy));
    muv__store_i64(copy + 1, INT64_C(-8644934338954984959));
    assert_memory_equal(copy, bytes, 9);
    muv__store_i32(copy + 1, INT32_MIN);
    CHECK_BYTES_EQUAL(copy + 1, 4, "00000080");
    muv__store_double(copy + 1, 1.0);
    CHECK_BYTES_EQUAL(copy + 1, 8, "000000000000f03f");
    assert_true(muv__load_double(copy + 1) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_byte_is_the_lowest),
        cmocka_unit_test(what_is_stored_is_loaded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
