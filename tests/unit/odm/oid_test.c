/* SPDX-License-Identifier: Apache-2.0 */
/* ObjectIds as text. */
#include "support/check.h"

#include "muv/odm/types.h"

static void text_and_bytes_are_turned_into_each_other(void **state)
{
    muv_oid_t oid;
    char text[25];

    (void)state;
    CHECK_CODE(muv_oid_from_text("0123456789abcDEFfedcba98", &oid), 0);
    CHECK_BYTES_EQUAL(oid.bytes, 12, "01 23 45 67 89 ab cd ef fe dc ba 98");
    muv_oid_to_text(&oid, text);
    assert_string_equal(text, "0123456789abcdeffedcba98");
}

static void other_text_is_refused(void **state)
{
    muv_oid_t oid;

    (void)state;
    CHECK_CODE(muv_oid_from_text("", &oid), MUV_EINVAL);
    CHECK_CODE(muv_oid_from_text("0123456789abcdeffedcba9", &oid), MUV_EINVAL);
    CHECK_CODE(muv_oid_from_text("0123456789abcdeffedcba981", &oid), MUV_EINVAL);
    CHECK_CODE(muv_oid_from_text("0123456789abcdeffedcba9g", &oid), MUV_EINVAL);
    CHECK_CODE(muv_oid_from_text(NULL, &oid), MUV_EINVAL);
    CHECK_CODE(muv_oid_from_text("0123456789abcdeffedcba98", NULL), MUV_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_are_turned_into_each_other),
        cmocka_unit_test(other_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
