/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM's messages: vectors of RFC 5802, RFC 7677 and the Authentication specification, and servers
 * that say something else. */
#include "auth/scram.h"

#include <string.h>

#include "auth/pbkdf2.h"
#include "support/check.h"

#define FIRST_NONCE "fyko+d2lbbFgONRv9qkxdawL"

struct vector {
    muv__hash_t hash;
    const char *nonce;
    const char *password;
    const char *first;
    const char *challenge;
    const char *final;
    const char *answer;
};

static const struct vector rfc_5802 = {
    MUV__HASH_SHA_1,
    FIRST_NONCE,
    "pencil",
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};
static const struct vector rfc_7677 = {
    MUV__HASH_SHA_256,
    "rOprNGfwEbeRWgbNEkqO",
    "pencil",
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};
/* The password is the MD5 digest of "user:mongo:pencil". */
static const struct vector mongodb_sha_1 = {
    MUV__HASH_SHA_1,
    FIRST_NONCE,
    "1c33006ec1ffd90f9cadcbcc0e118200",
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,"
    "i=10000",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,"
    "p=MC2T8BvbmWRckDw8oWl5IVghwCY=",
    "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=",
};

static muv__span_t span_of(const char *text)
{
    return muv__span(text, strlen(text));
}

static void expect_text(muv__buf_t *buf, const char *expected)
{
    assert_int_equal(buf->size, strlen(expected));
    assert_memory_equal(buf->data, expected, buf->size);
    muv__buf_done(buf);
}

static void start(muv__scram_t *scram, const struct vector *vector)
{
    static const uint8_t random[MUV__SCRAM_RANDOM_SIZE];
    muv__buf_t buf;

    muv__scram_init(scram, vector->hash, random);
    memset(scram->nonce, 0, sizeof(scram->nonce));
    memcpy(scram->nonce, vector->nonce, strlen(vector->nonce));
    muv__buf_init(&buf, 1000);
    CHECK_CODE(muv__scram_first(scram, "user", &buf), 0);
    expect_text(&buf, vector->first);
}

static void compute_keys(const muv__scram_t *scram, const char *password, muv__scram_keys_t *ret)
{
    muv__pbkdf2_t pbkdf2;

    CHECK_CODE(muv__pbkdf2_init(&pbkdf2, scram->hash, span_of(password),
                                muv__span(scram->salt, scram->salt_size), scram->iterations),
               0);
    assert_int_equal(muv__pbkdf2_work(&pbkdf2, UINT32_MAX), 1);
    CHECK_CODE(muv__scram_derive(scram->hash, pbkdf2.result, ret), 0);
    muv__pbkdf2_done(&pbkdf2);
}

/* Up to where the server's final message is awaited. */
static void start_and_prove(muv__scram_t *scram, const struct vector *vector)
{
    muv__scram_keys_t keys;
    muv__buf_t buf;

    start(scram, vector);
    CHECK_CODE(muv__scram_challenge(scram, span_of(vector->challenge)), 0);
    compute_keys(scram, vector->password, &keys);
    muv__buf_init(&buf, 1000);
    CHECK_CODE(muv__scram_final(scram, &keys, &buf), 0);
    expect_text(&buf, vector->final);
}

static void expect_exchange(const struct vector *vector)
{
    static const muv__scram_t zero;
    muv__scram_t scram;

    start_and_prove(&scram, vector);
    CHECK_CODE(muv__scram_verify(&scram, span_of(vector->answer)), 0);
    muv__scram_done(&scram);
    assert_memory_equal(&scram, &zero, sizeof(zero));
}

static void the_vector_of_rfc_5802_is_met(void **state)
{
    (void)state;
    expect_exchange(&rfc_5802);
}

static void the_vector_of_rfc_7677_is_met(void **state)
{
    (void)state;
    expect_exchange(&rfc_7677);
}

static void the_vector_of_the_specification_is_met(void **state)
{
    (void)state;
    expect_exchange(&mongodb_sha_1);
}

static void a_user_name_is_escaped_and_not_prepared(void **state)
{
    static const uint8_t random[MUV__SCRAM_RANDOM_SIZE];
    muv__scram_t scram;
    muv__buf_t buf;

    (void)state;
    muv__scram_init(&scram, MUV__HASH_SHA_256, random);
    muv__buf_init(&buf, 1000);
    CHECK_CODE(muv__scram_first(&scram, "=a,,b=I\xc2\xadX", &buf), 0);
    expect_text(&buf, "n,,n==3Da=2C=2Cb=3DI\xc2\xadX,r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    muv__scram_done(&scram);
}

static void a_user_name_beyond_the_limit_is_too_large(void **state)
{
    static const uint8_t random[MUV__SCRAM_RANDOM_SIZE];
    static char name[MUV__SCRAM_MAX_TRANSCRIPT / 3 + 1];
    muv__scram_t scram;
    muv__buf_t buf;

    (void)state;
    memset(name, ',', sizeof(name) - 1);
    muv__scram_init(&scram, MUV__HASH_SHA_256, random);
    muv__buf_init(&buf, 100000);
    CHECK_CODE(muv__scram_first(&scram, name, &buf), MUV_ETOOLARGE);
    muv__scram_done(&scram);
    muv__buf_done(&buf);
}

/* A challenge is judged on memory that ends where it ends. */
static void expect_challenge(const char *challenge, size_t size, int code, const char *why)
{
    char *copy = malloc(size == 0 ? 1 : size);
    muv__scram_t scram;

    assert_non_null(copy);
    memcpy(copy, challenge, size);
    start(&scram, &rfc_5802);
    CHECK_CODE(muv__scram_challenge(&scram, muv__span(copy, size)), code);
    if (code != 0) {
        CHECK_CONTAINS(scram.why, why);
        assert_null(strstr(scram.why, FIRST_NONCE));
    }
    muv__scram_done(&scram);
    free(copy);
}

#define REFUSED(challenge, why) expect_challenge(challenge, strlen(challenge), MUV_EAUTH, why)
#define TAKEN(challenge) expect_challenge(challenge, strlen(challenge), 0, NULL)

static void a_nonce_that_is_not_ours_is_refused(void **state)
{
    (void)state;
    REFUSED("r=xyko+d2lbbFgONRv9qkxdawL3rf,s=QSXC,i=4096", "does not begin with ours");
    REFUSED("r=fyko+d2lbbFgONRv9qkxdaw,s=QSXC,i=4096", "does not begin with ours");
    REFUSED("r=,s=QSXC,i=4096", "does not begin with ours");
    REFUSED("r=" FIRST_NONCE ",s=QSXC,i=4096", "nonce is not valid");
    REFUSED("r=" FIRST_NONCE "a b,s=QSXC,i=4096", "nonce is not valid");
    REFUSED("r=" FIRST_NONCE "\xc3\xa4,s=QSXC,i=4096", "nonce is not valid");
    expect_challenge("r=" FIRST_NONCE "a\0,s=QSXC,i=4096", 2 + 24 + 2 + 14, MUV_EAUTH,
                     "nonce is not valid");
}

static void missing_parts_are_refused(void **state)
{
    (void)state;
    REFUSED("", "empty or too long");
    REFUSED("r", "no nonce");
    REFUSED("s=QSXC,i=4096", "no nonce");
    REFUSED("r=" FIRST_NONCE "x", "no salt");
    REFUSED("r=" FIRST_NONCE "x,i=4096", "no salt");
    REFUSED("r=" FIRST_NONCE "x,s=,i=4096", "no salt");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC", "no iteration count");
    REFUSED("r=" FIRST_NONCE "x,i=4096,s=QSXC", "no salt");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4096,", "no iteration count");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4096,x", "something else");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4096,x=", "something else");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4096,1=a", "something else");
    REFUSED("m=ext,r=" FIRST_NONCE "x,s=QSXC,i=4096", "unknown extension");
    REFUSED("e=other-error", "reports an error");
}

static void an_extension_at_the_end_is_ignored(void **state)
{
    (void)state;
    TAKEN("r=" FIRST_NONCE "x,s=QSXC,i=4096,x=1,Y=a=b");
}

static void iterations_have_a_minimum_and_a_maximum(void **state)
{
    (void)state;
    TAKEN("r=" FIRST_NONCE "x,s=QSXC,i=4096");
    TAKEN("r=" FIRST_NONCE "x,s=QSXC,i=1000000");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4095", "below 4096");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=1", "below 4096");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=1000001", "above 1000000");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4294971392", "above 1000000");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=99999999999999999999999", "above 1000000");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=0", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=04096", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=-4096", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=+4096", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=4096 ", "not a number");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC,i=1e5", "not a number");
}

static void a_salt_that_is_not_base64_is_refused(void **state)
{
    char challenge[600] = "r=" FIRST_NONCE "x,s=";
    size_t at = strlen(challenge);

    (void)state;
    REFUSED("r=" FIRST_NONCE "x,s=QSX,i=4096", "base64");
    REFUSED("r=" FIRST_NONCE "x,s=QSXC=,i=4096", "base64");
    REFUSED("r=" FIRST_NONCE "x,s=Q$XC,i=4096", "base64");
    REFUSED("r=" FIRST_NONCE "x,s=QR==,i=4096", "base64");
    memset(challenge + at, 'A', 344); /* 258 bytes */
    memcpy(challenge + at + 344, ",i=4096", 8);
    REFUSED(challenge, "base64");
    memcpy(challenge + at + 340, "AA==,i=4096", 12); /* 256 bytes */
    TAKEN(challenge);
}

static void a_message_beyond_the_limit_is_refused(void **state)
{
    char challenge[MUV__SCRAM_MAX_MESSAGE + 2] = "r=" FIRST_NONCE "x,s=QSXC,i=4096,x=";
    size_t at = strlen(challenge);

    (void)state;
    memset(challenge + at, 'a', MUV__SCRAM_MAX_MESSAGE - at);
    TAKEN(challenge);
    challenge[MUV__SCRAM_MAX_MESSAGE] = 'a';
    REFUSED(challenge, "too long");
}

static void expect_answer(const char *answer, int code, const char *why)
{
    muv__scram_t scram;

    start_and_prove(&scram, &rfc_5802);
    CHECK_CODE(muv__scram_verify(&scram, span_of(answer)), code);
    if (code != 0) {
        CHECK_CONTAINS(scram.why, why);
    }
    muv__scram_done(&scram);
}

static void a_server_without_the_password_is_refused(void **state)
{
    (void)state;
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", 0, NULL);
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=1", 0, NULL);
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkFsKU=", MUV_EAUTH, "does not know the password");
    expect_answer("v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", MUV_EAUTH, "does not know the password");
    expect_answer("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", MUV_EAUTH, "digest");
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkF", MUV_EAUTH, "digest");
    expect_answer("v=", MUV_EAUTH, "digest");
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkFsKQ", MUV_EAUTH, "digest");
    expect_answer("", MUV_EAUTH, "empty");
    expect_answer("x=1", MUV_EAUTH, "no signature");
    expect_answer("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,", MUV_EAUTH, "no signature");
    expect_answer("e=invalid-proof", MUV_EAUTH, "reports an error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_of_rfc_5802_is_met),
        cmocka_unit_test(the_vector_of_rfc_7677_is_met),
        cmocka_unit_test(the_vector_of_the_specification_is_met),
        cmocka_unit_test(a_user_name_is_escaped_and_not_prepared),
        cmocka_unit_test(a_user_name_beyond_the_limit_is_too_large),
        cmocka_unit_test(a_nonce_that_is_not_ours_is_refused),
        cmocka_unit_test(missing_parts_are_refused),
        cmocka_unit_test(an_extension_at_the_end_is_ignored),
        cmocka_unit_test(iterations_have_a_minimum_and_a_maximum),
        cmocka_unit_test(a_salt_that_is_not_base64_is_refused),
        cmocka_unit_test(a_message_beyond_the_limit_is_refused),
        cmocka_unit_test(a_server_without_the_password_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
