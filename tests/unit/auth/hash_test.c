/* SPDX-License-Identifier: Apache-2.0 */
/* The hash functions against published vectors. */
#include "auth/hash.h"

#include <string.h>

#include "support/check.h"

static muv__span_t span_of(const char *text)
{
    return muv__span(text, strlen(text));
}

/* (FIPS 180: "abc") */
static void digests_are_those_of_the_standard(void **state)
{
    uint8_t digest[MUV__HASH_MAX_SIZE];

    (void)state;
    CHECK_CODE(muv__hash_digest(MUV__HASH_SHA_1, span_of("abc"), digest), 0);
    CHECK_BYTES_EQUAL(digest, muv__hash_size(MUV__HASH_SHA_1),
                      "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK_CODE(muv__hash_digest(MUV__HASH_SHA_256, span_of("abc"), digest), 0);
    CHECK_BYTES_EQUAL(digest, muv__hash_size(MUV__HASH_SHA_256),
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* (RFC 2202 and RFC 4231, case 2) */
static void hmacs_are_those_of_the_rfcs(void **state)
{
    muv__span_t text = span_of("what do ya want for nothing?");
    uint8_t digest[MUV__HASH_MAX_SIZE];

    (void)state;
    CHECK_CODE(muv__hash_hmac(MUV__HASH_SHA_1, span_of("Jefe"), text, digest), 0);
    CHECK_BYTES_EQUAL(digest, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    CHECK_CODE(muv__hash_hmac(MUV__HASH_SHA_256, span_of("Jefe"), text, digest), 0);
    CHECK_BYTES_EQUAL(digest, 32,
                      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void md5_is_written_in_hexadecimal(void **state)
{
    char hex[MUV__MD5_HEX_SIZE];

    (void)state;
    CHECK_CODE(muv__hash_md5_hex(span_of("user:mongo:pencil"), hex), 0);
    assert_memory_equal(hex, "1c33006ec1ffd90f9cadcbcc0e118200", sizeof(hex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(hmacs_are_those_of_the_rfcs),
        cmocka_unit_test(md5_is_written_in_hexadecimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
