/* SPDX-License-Identifier: Apache-2.0 */
/* The sliced PBKDF2 against OpenSSL's own. */
#include "auth/pbkdf2.h"

#include <dlfcn.h>
#include <string.h>

#include <openssl/evp.h>

#include "support/check.h"

/* Hashes that were finished: this definition comes before that of the shared library. */
static unsigned finished;

int EVP_DigestFinal_ex(EVP_MD_CTX *state, unsigned char *digest, unsigned *size)
{
    int (*real)(EVP_MD_CTX *, unsigned char *, unsigned *) = NULL;

    *(void **)(&real) = dlsym(RTLD_NEXT, "EVP_DigestFinal_ex");
    assert_non_null(real);
    finished++;
    return real(state, digest, size);
}

static void expect_equal(muv__hash_t hash, const char *password, const char *salt,
                         uint32_t iterations, uint32_t slice)
{
    uint8_t expected[MUV__HASH_MAX_SIZE];
    uint32_t slices = 0;
    muv__pbkdf2_t pbkdf2;
    int rc = 0;

    assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const uint8_t *)salt,
                                       (int)strlen(salt), (int)iterations, muv__hash_md(hash),
                                       (int)muv__hash_size(hash), expected),
                     1);
    assert_int_equal(muv__pbkdf2_init(&pbkdf2, hash, muv__span(password, strlen(password)),
                                      muv__span(salt, strlen(salt)), iterations),
                     0);
    while (rc == 0) {
        rc = muv__pbkdf2_work(&pbkdf2, slice);
        slices++;
    }
    assert_int_equal(rc, 1);
    assert_true(slices <= iterations / slice + 1);
    assert_true(slices >= (iterations - 1) / slice);
    assert_memory_equal(pbkdf2.result, expected, muv__hash_size(hash));
    muv__pbkdf2_done(&pbkdf2);
}

static void slices_of_any_size_give_what_openssl_gives(void **state)
{
    static const uint32_t slices[] = {1, 2, 7, 399, 400, 401, 4096, 100000};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(slices); i++) {
        expect_equal(MUV__HASH_SHA_1, "pencil", "salt", 4096, slices[i]);
        expect_equal(MUV__HASH_SHA_256, "pencil", "salt", 4096, slices[i]);
    }
}

static void few_iterations_are_right_too(void **state)
{
    (void)state;
    for (uint32_t iterations = 1; iterations < 5; iterations++) {
        expect_equal(MUV__HASH_SHA_1, "password", "NaCl", iterations, 1);
        expect_equal(MUV__HASH_SHA_256, "password", "NaCl", iterations, 3);
    }
}

static void passwords_around_the_hash_block_are_right(void **state)
{
    char password[200];

    (void)state;
    for (size_t length = 0; length < sizeof(password); length += length < 60 ? 20 : 1) {
        memset(password, 'p', length);
        password[length] = '\0';
        expect_equal(MUV__HASH_SHA_1, password, "s", 3, 2);
        expect_equal(MUV__HASH_SHA_256, password, "a longer salt, a longer salt", 3, 2);
    }
}

/* One iteration is an HMAC, which is two hashes. */
static void check_slices(muv__hash_t hash)
{
    const unsigned slice_hashes = 2 * MUV__PBKDF2_SLICE;
    muv__pbkdf2_t pbkdf2;

    finished = 0;
    assert_int_equal(muv__pbkdf2_init(&pbkdf2, hash, muv__span("pencil", 6), muv__span("salt", 4),
                                      1 + 2 * MUV__PBKDF2_SLICE + 7),
                     0);
    assert_int_equal(finished, 2);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(muv__pbkdf2_work(&pbkdf2, MUV__PBKDF2_SLICE), 0);
        assert_int_equal(finished, 2 + i * slice_hashes);
    }
    assert_int_equal(muv__pbkdf2_work(&pbkdf2, MUV__PBKDF2_SLICE), 1);
    assert_int_equal(finished, 2 + 2 * slice_hashes + 2 * 7);
    muv__pbkdf2_done(&pbkdf2);
}

/* The bound of 0.5 ms is one of the count: 1.2 us for an iteration is a slow machine (see the
 * header), and bench/storm measures this one. */
static void a_slice_is_exactly_so_many_iterations(void **state)
{
    (void)state;
    check_slices(MUV__HASH_SHA_1);
    check_slices(MUV__HASH_SHA_256);
    assert_true(MUV__PBKDF2_SLICE * 1200 <= 500 * 1000);
}

static void after_its_end_nothing_of_the_key_is_left(void **state)
{
    static const muv__pbkdf2_t zero;
    muv__pbkdf2_t pbkdf2;

    (void)state;
    assert_int_equal(muv__pbkdf2_init(&pbkdf2, MUV__HASH_SHA_256, muv__span("secret", 6),
                                      muv__span("salt", 4), 10),
                     0);
    muv__pbkdf2_done(&pbkdf2);
    assert_memory_equal(&pbkdf2, &zero, sizeof(zero));
    muv__pbkdf2_done(&pbkdf2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_of_any_size_give_what_openssl_gives),
        cmocka_unit_test(few_iterations_are_right_too),
        cmocka_unit_test(passwords_around_the_hash_block_are_right),
        cmocka_unit_test(a_slice_is_exactly_so_many_iterations),
        cmocka_unit_test(after_its_end_nothing_of_the_key_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
