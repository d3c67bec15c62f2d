/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of MONGODB-AWS, and servers that send others. */
#include "auth/aws.h"

#include <string.h>

#include "support/check.h"

#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
/* 32 zeros, then 0 to 31. */
#define BOTH_NONCES                                                                                \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw=="

static const uint8_t our_nonce[MUV__AWS_NONCE_SIZE];

static int answer(const char *payload, muv__buf_t *ret, const char **ret_why)
{
    muv__aws_credential_t credential = {"AKIDEXAMPLE", EXAMPLE_SECRET, "TOKEN"};
    bson_t *document = bson_from(payload);
    muv__span_t bytes = muv__span(bson_get_data(document), document->len);
    int rc = muv__aws_final(&credential, our_nonce, bytes, 1440938160, ret, ret_why);

    bson_destroy(document);
    return rc;
}

static void refused(const char *payload, const char *part)
{
    const char *why = NULL;
    muv__buf_t buf;

    muv__buf_init(&buf, 4096);
    CHECK_CODE(answer(payload, &buf, &why), MUV_EAUTH);
    CHECK_CONTAINS(why, part);
    assert_int_equal(buf.size, 0);
    muv__buf_done(&buf);
}

static void the_first_payload_holds_our_nonce_and_the_flag(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 100);
    muv__aws_first(our_nonce, &buf);
    CHECK_BYTES_BSON_EQUAL(
        buf.data, buf.size,
        "{\"r\": {\"$binary\": {\"base64\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        " \"subType\": \"00\"}}, \"p\": 110}");
    muv__buf_done(&buf);
}

static void the_answer_is_signed(void **state)
{
    const char *why = NULL;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 4096);
    CHECK_CODE(answer("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES
                      "\", \"subType\": \"00\"}},"
                      " \"h\": \"sts.amazonaws.com\"}",
                      &buf, &why),
               0);
    CHECK_BYTES_BSON_EQUAL(
        buf.data, buf.size,
        "{\"a\": \"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, "
        "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;"
        "x-mongodb-gs2-cb-flag;x-mongodb-server-nonce, "
        "Signature=5a1ef849b1c63974b0275ed94c68d0e7b57e19613a1dd35e1a9dd5b4840b00a0\","
        " \"d\": \"20150830T123600Z\", \"t\": \"TOKEN\"}");
    muv__buf_done(&buf);
}

static void a_nonce_that_is_not_ours_is_refused(void **state)
{
    (void)state;
    refused("{\"h\": \"sts.amazonaws.com\"}", "nonce");
    refused("{\"s\": \"AAAA\", \"h\": \"sts.amazonaws.com\"}", "nonce");
    refused("{\"s\": {\"$binary\": {\"base64\": \"AAAA\", \"subType\": \"00\"}}, \"h\": "
            "\"sts.amazonaws.com\"}",
            "nonce");
    refused("{\"s\": {\"$binary\": {\"base64\":"
            " \"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0"
            "eHw=="
            "\","
            " \"subType\": \"00\"}}, \"h\": \"sts.amazonaws.com\"}",
            "nonce");
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES "\", \"subType\": \"05\"}},"
            " \"h\": \"sts.amazonaws.com\"}",
            "nonce");
}

static void a_host_that_is_none_is_refused(void **state)
{
    (void)state;
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES "\", \"subType\": \"00\"}}}",
            "host");
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES
            "\", \"subType\": \"00\"}}, \"h\": 1}",
            "host");
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES
            "\", \"subType\": \"00\"}}, \"h\": \"\"}",
            "host");
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES
            "\", \"subType\": \"00\"}}, \"h\": \"a..b\"}",
            "host");
    refused("{\"s\": {\"$binary\": {\"base64\": \"" BOTH_NONCES
            "\", \"subType\": \"00\"}}, \"h\": \"a\\n.b\"}",
            "host");
}

static void what_is_no_document_is_refused(void **state)
{
    muv__aws_credential_t credential = {"AKIDEXAMPLE", EXAMPLE_SECRET, NULL};
    const char *why = NULL;
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 4096);
    for (size_t size = 0; size < 5; size++) {
        CHECK_CODE(
            muv__aws_final(&credential, our_nonce, muv__span("\5\0\0\0", size), 0, &buf, &why),
            MUV_EAUTH);
    }
    muv__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_payload_holds_our_nonce_and_the_flag),
        cmocka_unit_test(the_answer_is_signed),
        cmocka_unit_test(a_nonce_that_is_not_ours_is_refused),
        cmocka_unit_test(a_host_that_is_none_is_refused),
        cmocka_unit_test(what_is_no_document_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
