/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of replies, in every type that servers send them. Commands are checked in auth_test.c. */
#include "auth/sasl.h"

#include <string.h>

#include "support/check.h"

static int read_reply(const char *json, muv__sasl_reply_t *ret)
{
    bson_t *document = bson_from(json);
    int rc = muv__sasl_read(muv__span(bson_get_data(document), document->len), ret);

    bson_destroy(document);
    return rc;
}

static void an_id_may_be_any_whole_number(void **state)
{
    static const char *const ids[] = {"5", "5.0", "{\"$numberLong\": \"5\"}"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        muv__sasl_reply_t reply;

        assert_int_equal(read_reply(text_of("{\"conversationId\": %s, \"done\": true,"
                                            " \"payload\": \"\"}",
                                            ids[i]),
                                    &reply),
                         1);
        assert_int_equal(reply.conversation_id, 5);
        assert_int_equal(reply.done, 1);
        assert_int_equal(reply.payload.size, 0);
    }
}

static void an_id_that_does_not_fit_is_none(void **state)
{
    static const char *const ids[] = {"{\"$numberLong\": \"2147483648\"}", "true", "null", "[]"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        muv__sasl_reply_t reply;

        assert_int_equal(read_reply(text_of("{\"conversationId\": %s, \"done\": true,"
                                            " \"payload\": \"\"}",
                                            ids[i]),
                                    &reply),
                         0);
    }
}

static void a_payload_of_another_subtype_is_none(void **state)
{
    muv__sasl_reply_t reply;

    (void)state;
    assert_int_equal(read_reply("{\"conversationId\": 1, \"done\": true, \"payload\": {\"$binary\":"
                                " {\"base64\": \"AAAA\", \"subType\": \"02\"}}}",
                                &reply),
                     0);
}

static void bytes_that_are_no_document_are_refused(void **state)
{
    muv__sasl_reply_t reply;
    muv_error_t error;

    (void)state;
    memset(&error, 0, sizeof(error));
    assert_int_equal(muv__sasl_read(muv__span("\6\0\0\0\0", 5), &reply), 0);
    assert_int_equal(muv__sasl_read(muv__span(NULL, 0), &reply), 0);
    assert_int_equal(muv__sasl_refused(muv__span(NULL, 0), &error), 1);
    assert_int_equal(error.server_code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_may_be_any_whole_number),
        cmocka_unit_test(an_id_that_does_not_fit_is_none),
        cmocka_unit_test(a_payload_of_another_subtype_is_none),
        cmocka_unit_test(bytes_that_are_no_document_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
