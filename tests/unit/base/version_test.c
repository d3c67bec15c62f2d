/* SPDX-License-Identifier: Apache-2.0 */
/* The version's three faces say the same. */
#include "muv/version.h"

#include "support/check.h"

static void parts_text_and_library_agree(void **state)
{
    (void)state;
    assert_string_equal(MUV_VERSION_STRING, text_of("%d.%d.%d", MUV_VERSION_MAJOR,
                                                    MUV_VERSION_MINOR, MUV_VERSION_PATCH));
    assert_string_equal(muv_version(), MUV_VERSION_STRING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts_text_and_library_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
