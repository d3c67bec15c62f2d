/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with a Kerberos library of the test's own: scripted answers, a log of calls. */
#include "gssapi/conversation.h"

#include "muv/error.h"

#include <stdio.h>
#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

/* What the library does next, and what it was asked. */
static struct fake {
    int begin;        /* What these return; `why` is then "it broke". */
    int establish[3]; /* One for each call. */
    const char *tokens[3];
    int unwrap;
    const char *inside; /* Of `inside_size` bytes. */
    size_t inside_size;
    int wrap;
    unsigned established;
    unsigned ended;
    char log[512];
} fake;

static void put(const char *format, ...) MUV__PRINTF(1, 2);

static void put(const char *format, ...)
{
    size_t size = strlen(fake.log);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fake.log + size, sizeof fake.log - size, format, arguments);
    va_end(arguments);
}

static int answer(muv__krb5_t *krb5, int status, const char *output, size_t size)
{
    union {
        const char *text;
        void *value;
    } bytes = {.text = output};

    krb5->output = bytes.value;
    krb5->output_size = size;
    if (status < 0) {
        (void)snprintf(krb5->why, sizeof krb5->why, "it broke");
    }
    return status;
}

int muv__krb5_available(void)
{
    return 1;
}

int muv__krb5_begin(muv__krb5_t *krb5, const muv__krb5_names_t *names)
{
    put("begin %s %s %s %s %s\n", names->username, names->password == NULL ? "-" : names->password,
        names->service_name, names->service_host,
        names->service_realm == NULL ? "-" : names->service_realm);
    return answer(krb5, fake.begin, NULL, 0);
}

int muv__krb5_establish(muv__krb5_t *krb5, muv__span_t token)
{
    unsigned i = fake.established++;

    put("establish %.*s\n", (int)token.size, token.size == 0 ? "" : (const char *)token.data);
    assert_true(i < 3);
    return answer(krb5, fake.establish[i], fake.tokens[i],
                  fake.tokens[i] == NULL ? 0 : strlen(fake.tokens[i]));
}

int muv__krb5_unwrap(muv__krb5_t *krb5, muv__span_t message)
{
    put("unwrap %.*s\n", (int)message.size, message.size == 0 ? "" : (const char *)message.data);
    return answer(krb5, fake.unwrap, fake.inside, fake.inside_size);
}

int muv__krb5_wrap(muv__krb5_t *krb5, muv__span_t message)
{
    put("wrap %02x%02x%02x%02x %.*s\n", message.data[0], message.data[1], message.data[2],
        message.data[3], (int)message.size - 4, (const char *)message.data + 4);
    return answer(krb5, fake.wrap, "wrapped", 7);
}

void muv__krb5_end(muv__krb5_t *krb5)
{
    (void)krb5;
    fake.ended++;
}

/* --- the conversation --------------------------------------------------------------------------*/

static const muv__krb5_names_t names = {.username = "ann@R",
                                        .password = "s3cret",
                                        .service_name = "mongodb",
                                        .service_host = "db.test",
                                        .service_realm = NULL};

static int setup(void **state)
{
    muv__gssapi_t *gssapi;

    fake = (struct fake){.establish = {0, 1},
                         .tokens = {"hello", NULL},
                         .inside = "\x07\x00\x10\x00",
                         .inside_size = 4};
    if (muv__gssapi_new(&names, &gssapi) != 0) {
        return -1;
    }
    *state = gssapi;
    return 0;
}

static int teardown(void **state)
{
    muv__gssapi_free(*state);
    assert_int_equal(fake.ended, 1);
    return 0;
}

static muv__gssapi_result_t step(muv__gssapi_t *gssapi, const char *token)
{
    CHECK_CODE(muv__gssapi_put(gssapi, muv__span(token, strlen(token))), 0);
    muv__gssapi_run(gssapi);
    return muv__gssapi_result(gssapi);
}

static void check_token(muv__gssapi_result_t result, const char *token, int last)
{
    if (result.why != NULL) {
        fail_msg("it failed: %s", result.why);
    }
    assert_int_equal(result.token.size, strlen(token));
    assert_true(result.token.size == 0 || memcmp(result.token.data, token, strlen(token)) == 0);
    assert_int_equal(result.last, last);
}

static void check_failure(muv__gssapi_result_t result, const char *why)
{
    assert_non_null(result.why);
    assert_string_equal(result.why, why);
    assert_int_equal(result.token.size, 0);
    assert_false(result.last);
}

static void a_login_goes_through_its_steps(void **state)
{
    check_token(step(*state, ""), "hello", 0);
    check_token(step(*state, "challenge"), "", 0);
    check_token(step(*state, "offer"), "wrapped", 1);
    assert_string_equal(fake.log, "begin ann@R s3cret mongodb db.test -\n"
                                  "establish \n"
                                  "establish challenge\n"
                                  "unwrap offer\n"
                                  "wrap 01000000 ann@R\n");
}

static void a_context_may_take_more_rounds(void **state)
{
    fake.establish[1] = 0;
    fake.tokens[1] = "more";
    fake.establish[2] = 1;
    fake.tokens[2] = "end";
    check_token(step(*state, ""), "hello", 0);
    check_token(step(*state, "a"), "more", 0);
    check_token(step(*state, "b"), "end", 0);
    check_token(step(*state, "c"), "wrapped", 1);
}

static void what_the_library_says_is_the_reason(void **state)
{
    fake.begin = -1;
    check_failure(step(*state, ""), "it broke");
    assert_int_equal(fake.established, 0);
}

static void a_context_that_fails_ends_it(void **state)
{
    fake.establish[1] = -1;
    check_token(step(*state, ""), "hello", 0);
    check_failure(step(*state, "forged"), "it broke");
}

/* An empty token would have the library begin a new context. */
static void an_empty_token_of_the_server_is_refused(void **state)
{
    check_token(step(*state, ""), "hello", 0);
    check_failure(step(*state, ""), "the server's token is empty");
    assert_int_equal(fake.established, 1);
}

static void check_offer(muv__gssapi_t *gssapi, const char *offer, size_t size, const char *why)
{
    fake.inside = offer;
    fake.inside_size = size;
    check_token(step(gssapi, ""), "hello", 0);
    check_token(step(gssapi, "challenge"), "", 0);
    check_failure(step(gssapi, "offer"), why);
    assert_null(strstr(fake.log, "wrap 0"));
}

static void an_offer_without_no_layer_is_refused(void **state)
{
    check_offer(*state, "\x06\x00\x10\x00", 4,
                "the server wants a security layer of GSSAPI; libmuv has TLS only");
}

static void an_offer_that_is_too_short_is_refused(void **state)
{
    check_offer(*state, "\x01\x00\x00", 3,
                "the server's message about security layers is malformed");
}

static void an_offer_that_is_too_long_is_refused(void **state)
{
    check_offer(*state, "\x01\x00\x00\x00x", 5,
                "the server's message about security layers is malformed");
}

static void an_empty_offer_is_refused(void **state)
{
    check_offer(*state, NULL, 0, "the server's message about security layers is malformed");
}

static void an_offer_that_cannot_be_unwrapped_is_refused(void **state)
{
    fake.unwrap = -1;
    check_offer(*state, NULL, 0, "it broke");
}

static void a_choice_that_cannot_be_wrapped_ends_it(void **state)
{
    fake.wrap = -1;
    check_token(step(*state, ""), "hello", 0);
    check_token(step(*state, "challenge"), "", 0);
    check_failure(step(*state, "offer"), "it broke");
}

static void a_token_may_be_as_large_as_its_limit(void **state)
{
    static uint8_t token[MUV__GSSAPI_MAX_TOKEN + 1];

    CHECK_CODE(muv__gssapi_put(*state, muv__span(token, sizeof token)), MUV_ETOOLARGE);
    CHECK_CODE(muv__gssapi_put(*state, muv__span(token, sizeof token - 1)), 0);
}

static void live_without_memory(void *data)
{
    muv__gssapi_t *gssapi;
    int status = muv__gssapi_new(&names, &gssapi);

    (void)data;
    if (status == 0) {
        status = muv__gssapi_put(gssapi, muv__span("token", 5));
        muv__gssapi_free(gssapi);
    }
    CHECK_CODE(status, alloc_has_failed() ? MUV_ENOMEM : 0);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(alloc_sweep(live_without_memory, NULL), 2);
}

static void freeing_nothing_is_allowed(void **state)
{
    (void)state;
    muv__gssapi_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_goes_through_its_steps),
        TEST(a_context_may_take_more_rounds),
        TEST(what_the_library_says_is_the_reason),
        TEST(a_context_that_fails_ends_it),
        TEST(an_empty_token_of_the_server_is_refused),
        TEST(an_offer_without_no_layer_is_refused),
        TEST(an_offer_that_is_too_short_is_refused),
        TEST(an_offer_that_is_too_long_is_refused),
        TEST(an_empty_offer_is_refused),
        TEST(an_offer_that_cannot_be_unwrapped_is_refused),
        TEST(a_choice_that_cannot_be_wrapped_ends_it),
        TEST(a_token_may_be_as_large_as_its_limit),
        cmocka_unit_test_teardown(each_allocation_may_fail, alloc_teardown),
        cmocka_unit_test(freeing_nothing_is_allowed),
    };

    alloc_install();
    return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
