/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 in both directions, and everything that is nearly base64. */
#include "auth/base64.h"

#include <string.h>

#include "support/check.h"

static void encodes_to(const char *bytes, const char *expected)
{
    char text[16] = {0};

    muv__base64_encode(muv__span(bytes, strlen(bytes)), text);
    assert_int_equal(strlen(text), MUV__BASE64_SIZE(strlen(bytes)));
    assert_string_equal(text, expected);
}

/* (RFC 4648, section 10) */
static void the_vectors_of_the_rfc_are_met(void **state)
{
    (void)state;
    encodes_to("", "");
    encodes_to("f", "Zg==");
    encodes_to("fo", "Zm8=");
    encodes_to("foo", "Zm9v");
    encodes_to("foob", "Zm9vYg==");
    encodes_to("fooba", "Zm9vYmE=");
    encodes_to("foobar", "Zm9vYmFy");
}

static void every_byte_survives_both_directions(void **state)
{
    uint8_t bytes[256];
    uint8_t decoded[256];
    char text[MUV__BASE64_SIZE(256)];
    size_t size = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 167 + 13);
    }
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        muv__base64_encode(muv__span(bytes, length), text);
        assert_int_equal(muv__base64_decode(text, MUV__BASE64_SIZE(length), decoded, length, &size),
                         1);
        assert_int_equal(size, length);
        assert_memory_equal(decoded, bytes, length);
    }
}

static int decodes(const char *text)
{
    uint8_t bytes[64];
    size_t size;

    return muv__base64_decode(text, strlen(text), bytes, sizeof(bytes), &size);
}

static void what_is_not_strict_is_refused(void **state)
{
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",  "Zg===",    "=",    "====",
                                      "Z===", "Zh==",  "Zm9=", "Zg==Zg==", "Zm 9", "Zm9\n",
                                      "-_-_", "Zm9v ", "Zm=v", "Z\x80g=",  "*m9v", "Zm8=\n"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(bad); i++) {
        if (decodes(bad[i])) {
            fail_msg("decoded: %s", bad[i]);
        }
    }
    assert_int_equal(decodes("Zg=="), 1);
    assert_int_equal(decodes("+/+/"), 1);
}

static void the_room_is_exact(void **state)
{
    uint8_t bytes[5];
    size_t size = 99;

    (void)state;
    assert_int_equal(muv__base64_decode("Zm9vYmFy", 8, bytes, 5, &size), 0);
    assert_int_equal(size, 99);
    assert_int_equal(muv__base64_decode("Zm9vYmE=", 8, bytes, 5, &size), 1);
    assert_memory_equal(bytes, "fooba", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_are_met),
        cmocka_unit_test(every_byte_survives_both_directions),
        cmocka_unit_test(what_is_not_strict_is_refused),
        cmocka_unit_test(the_room_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
