/* SPDX-License-Identifier: Apache-2.0 */
/* The published values of CRC-32C. */
#include "wire/crc32c.h"

#include <string.h>

#include "support/check.h"

/* RFC 3720, appendix B.4: its byte order on the wire is the other one. */
static void the_examples_of_rfc_3720_give_their_values(void **state)
{
    uint8_t bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(muv__crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(muv__crc32c(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(muv__crc32c(0, bytes, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(muv__crc32c(0, bytes, 32), 0x113fdb5c);
}

static void the_iscsi_read_command_of_rfc_3720_gives_its_value(void **state)
{
    const uint8_t bytes[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };

    (void)state;
    assert_int_equal(muv__crc32c(0, bytes, sizeof(bytes)), 0xd9963a56);
}

static void the_check_value_and_nothing_give_their_values(void **state)
{
    (void)state;
    assert_int_equal(muv__crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
    assert_int_equal(muv__crc32c(0, (const uint8_t *)"", 0), 0);
}

static void parts_give_the_value_of_the_whole(void **state)
{
    const uint8_t *text = (const uint8_t *)"123456789";

    (void)state;
    for (size_t split = 0; split <= 9; split++) {
        uint32_t crc = muv__crc32c(0, text, split);

        assert_int_equal(muv__crc32c(crc, text + split, 9 - split), 0xe3069283);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_3720_give_their_values),
        cmocka_unit_test(the_iscsi_read_command_of_rfc_3720_gives_its_value),
        cmocka_unit_test(the_check_value_and_nothing_give_their_values),
        cmocka_unit_test(parts_give_the_value_of_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
