/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of MONGODB-OIDC. */
#include "auth/oidc.h"

#include <string.h>

#include "support/check.h"

static void expect_span(muv__span_t span, const char *expected)
{
    assert_int_equal(span.size, strlen(expected));
    assert_memory_equal(span.data, expected, span.size);
}

static int read_info(const char *json, muv__oidc_idp_info_t *ret, bson_t **ret_document)
{
    *ret_document = bson_from(json);
    return muv__oidc_read_idp_info(muv__span(bson_get_data(*ret_document), (*ret_document)->len),
                                   ret);
}

static void payloads_are_small_documents(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    muv__oidc_principal(NULL, &buf);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, "{}");
    muv__buf_reset(&buf, 1000);
    muv__oidc_principal("user", &buf);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, "{\"n\": \"user\"}");
    muv__buf_reset(&buf, 1000);
    muv__oidc_token("token", &buf);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, "{\"jwt\": \"token\"}");
    muv__buf_done(&buf);
}

static void the_issuer_is_read(void **state)
{
    muv__oidc_idp_info_t info;
    bson_t *document;

    (void)state;
    assert_int_equal(read_info("{\"issuer\": \"https://idp\", \"clientId\": \"c\","
                               " \"requestScopes\": [\"a\", \"b\"], \"more\": 1}",
                               &info, &document),
                     1);
    expect_span(info.issuer, "https://idp");
    expect_span(info.client_id, "c");
    assert_int_equal(info.scope_count, 2);
    expect_span(info.scopes[0], "a");
    expect_span(info.scopes[1], "b");
    bson_destroy(document);
}

static void an_answer_without_an_issuer_is_refused(void **state)
{
    static const char *const bad[] = {"{}", "{\"issuer\": 1}", "{\"issuer\": \"\"}",
                                      "{\"issuer\": \"a\", \"requestScopes\": \"b\"}",
                                      "{\"issuer\": \"a\", \"requestScopes\": [1]}"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(bad); i++) {
        muv__oidc_idp_info_t info;
        bson_t *document;

        assert_int_equal(read_info(bad[i], &info, &document), 0);
        bson_destroy(document);
    }
}

static void scopes_beyond_the_maximum_are_left_out(void **state)
{
    muv__oidc_idp_info_t info;
    bson_t document = BSON_INITIALIZER;
    bson_t scopes = BSON_INITIALIZER;

    (void)state;
    for (unsigned i = 0; i < MUV__OIDC_SCOPES_MAX + 5; i++) {
        assert_true(bson_append_utf8(&scopes, text_of("%u", i), -1, "s", 1));
    }
    assert_true(BSON_APPEND_UTF8(&document, "issuer", "a"));
    assert_true(BSON_APPEND_ARRAY(&document, "requestScopes", &scopes));
    assert_int_equal(
        muv__oidc_read_idp_info(muv__span(bson_get_data(&document), document.len), &info), 1);
    assert_int_equal(info.scope_count, MUV__OIDC_SCOPES_MAX);
    bson_destroy(&scopes);
    bson_destroy(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_are_small_documents),
        cmocka_unit_test(the_issuer_is_read),
        cmocka_unit_test(an_answer_without_an_issuer_is_refused),
        cmocka_unit_test(scopes_beyond_the_maximum_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
