/* SPDX-License-Identifier: Apache-2.0 */
/* Every protocol error has a text of its own. */
#include "wire/wire_error.h"

#include <string.h>

#include "support/check.h"

static void texts_differ_and_none_is_empty(void **state)
{
    (void)state;
    for (int a = MUV__WIRE_NONE; a < MUV__WIRE_ERROR_COUNT; a++) {
        assert_true(strlen(muv__wire_error_text((muv__wire_error_t)a)) > 0);
        for (int b = a + 1; b <= MUV__WIRE_ERROR_COUNT; b++) {
            assert_string_not_equal(muv__wire_error_text((muv__wire_error_t)a),
                                    muv__wire_error_text((muv__wire_error_t)b));
        }
    }
}

static void known_errors_have_their_text(void **state)
{
    (void)state;
    assert_string_equal(muv__wire_error_text(MUV__WIRE_NONE), "no error");
    assert_string_equal(muv__wire_error_text(MUV__WIRE_LENGTH_NEGATIVE),
                        "the message length is negative");
    assert_string_equal(muv__wire_error_text(MUV__WIRE_MEMORY), "out of memory for a reply");
    assert_string_equal(muv__wire_error_text(MUV__WIRE_ERROR_COUNT), "unknown protocol error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_differ_and_none_is_empty),
        cmocka_unit_test(known_errors_have_their_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
