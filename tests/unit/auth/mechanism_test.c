/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation by what hello tells of the user. */
#include "auth/mechanism.h"

#include "support/check.h"

static muv__mechanism_t negotiate(const char *hello)
{
    bson_t *document = bson_from(hello);
    muv__mechanism_t mechanism =
        muv__mechanism_negotiate(muv__span(bson_get_data(document), document->len));

    bson_destroy(document);
    return mechanism;
}

static void sha_256_wins_wherever_it_is_listed(void **state)
{
    (void)state;
    assert_int_equal(negotiate("{\"saslSupportedMechs\": [\"SCRAM-SHA-256\"]}"),
                     MUV__MECHANISM_SCRAM_SHA_256);
    assert_int_equal(negotiate("{\"saslSupportedMechs\": [\"SCRAM-SHA-1\", \"SCRAM-SHA-256\"]}"),
                     MUV__MECHANISM_SCRAM_SHA_256);
    assert_int_equal(negotiate("{\"saslSupportedMechs\": [\"FUTURE\", 1, \"SCRAM-SHA-256\"]}"),
                     MUV__MECHANISM_SCRAM_SHA_256);
}

static void everything_else_means_sha_1(void **state)
{
    static const char *const hellos[] = {
        "{}",
        "{\"saslSupportedMechs\": []}",
        "{\"saslSupportedMechs\": \"SCRAM-SHA-256\"}",
        "{\"saslSupportedMechs\": [\"SCRAM-SHA-1\"]}",
        "{\"saslSupportedMechs\": [\"SCRAM-SHA-2560\", \"scram-sha-256\", \"PLAIN\"]}",
        "{\"saslSupportedMechs\": [[\"SCRAM-SHA-256\"]]}"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(hellos); i++) {
        assert_int_equal(negotiate(hellos[i]), MUV__MECHANISM_SCRAM_SHA_1);
    }
    assert_int_equal(muv__mechanism_negotiate(muv__span(NULL, 0)), MUV__MECHANISM_SCRAM_SHA_1);
}

static void every_mechanism_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_DEFAULT), "SCRAM");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_SCRAM_SHA_1), "SCRAM-SHA-1");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_SCRAM_SHA_256), "SCRAM-SHA-256");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_X509), "MONGODB-X509");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_PLAIN), "PLAIN");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_AWS), "MONGODB-AWS");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_OIDC), "MONGODB-OIDC");
    assert_string_equal(muv__mechanism_name(MUV__MECHANISM_GSSAPI), "GSSAPI");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_wins_wherever_it_is_listed),
        cmocka_unit_test(everything_else_means_sha_1),
        cmocka_unit_test(every_mechanism_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
