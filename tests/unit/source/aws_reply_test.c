/* SPDX-License-Identifier: Apache-2.0 */
/* Keys out of the replies of STS, ECS and EC2, and replies that have none. */
#include "source/aws_reply.h"

#include <stdlib.h>
#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

#define KEYS "\"AccessKeyId\": \"ASIAKEY\", \"SecretAccessKey\": \"s3cr/et+\""
#define END "\"Expiration\": \"2015-08-30T12:36:00Z\""

#define FLAT MUV__AWS_REPLY_TOKEN
#define STS MUV__AWS_REPLY_SESSION_TOKEN

/* In memory of exactly its size, so that reading on is seen. */
static int read_reply(const char *json, const char *token_name, muv__credentials_t **ret,
                      const char **ret_why)
{
    size_t size = strlen(json);
    char *body = malloc(size + (size == 0));
    int rc;

    assert_non_null(body);
    memcpy(body, json, size);
    rc = muv__aws_reply_read(muv__span(body, size), token_name, ret, ret_why);
    free(body);
    return rc;
}

static muv__credentials_t *take(const char *json, const char *token_name, const char *token)
{
    muv__credentials_t *credentials = NULL;
    const char *why = NULL;

    CHECK_CODE(read_reply(json, token_name, &credentials, &why), 0);
    assert_non_null(credentials);
    assert_string_equal(credentials->aws.access_key_id, "ASIAKEY");
    assert_string_equal(credentials->aws.secret_access_key, "s3cr/et+");
    if (token == NULL) {
        assert_null(credentials->aws.session_token);
    } else {
        assert_string_equal(credentials->aws.session_token, token);
    }
    return credentials;
}

static void take_until(const char *json, const char *token_name, int64_t expires_s)
{
    muv__credentials_t *credentials = take(json, token_name, "t0ken==");

    assert_true(credentials->expires_s == expires_s);
    assert_int_equal(credentials->passing, 0);
    muv__credentials_release(credentials);
}

static void reject(const char *json, const char *token_name, const char *expected)
{
    muv__credentials_t *credentials = NULL;
    const char *why = NULL;

    CHECK_CODE(read_reply(json, token_name, &credentials, &why), MUV_EINVAL);
    assert_null(credentials);
    assert_string_equal(why, expected);
}

static void the_reply_of_ec2_is_read(void **state)
{
    (void)state;
    take_until("{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"2015-08-30T06:36:00Z\",\n"
               "  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"ASIAKEY\",\n"
               "  \"SecretAccessKey\" : \"s3cr\\/et+\",\n  \"Token\" : \"t0ken==\",\n"
               "  \"Expiration\" : \"2015-08-30T12:36:00Z\"\n}",
               FLAT, 1440938160);
}

static void the_reply_of_ecs_is_read(void **state)
{
    (void)state;
    take_until("{\"RoleArn\": \"arn:aws:iam::1:role/r\", " KEYS ", \"Token\": \"t0ken==\", " END
               "}",
               FLAT, 1440938160);
}

/* What STS sends when JSON is asked for: the XML's nesting, and the date as a number. */
static void the_reply_of_sts_is_read(void **state)
{
    (void)state;
    take_until("{\"AssumeRoleWithWebIdentityResponse\": {\"AssumeRoleWithWebIdentityResult\": {"
               "\"AssumedRoleUser\": {\"Arn\": \"arn\", \"AssumedRoleId\": \"id\"},"
               "\"Audience\": \"sts.amazonaws.com\", \"Credentials\": {" KEYS
               ", \"SessionToken\": \"t0ken==\", \"Expiration\": 1.44093816E9},"
               "\"Provider\": \"p\"}, \"ResponseMetadata\": {\"RequestId\": \"r\"}}}",
               STS, 1440938160);
    take_until("{\"AssumeRoleWithWebIdentityResponse\": {\"AssumeRoleWithWebIdentityResult\": {"
               "\"Credentials\": {" KEYS
               ", \"SessionToken\": \"t0ken==\", \"Expiration\": 1440938160.9}}}}",
               STS, 1440938160);
}

/* (Authentication: AssumeRoleWithWebIdentity) */
static void the_reply_of_the_specification_is_read(void **state)
{
    (void)state;
    take_until("{\"Credentials\": {" KEYS ", \"SessionToken\": \"t0ken==\", " END "}}", STS,
               1440938160);
}

static void the_token_has_its_own_name_at_each_endpoint(void **state)
{
    (void)state;
    muv__credentials_release(
        take("{" KEYS ", \"SessionToken\": \"t0ken==\", " END "}", FLAT, NULL));
    muv__credentials_release(
        take("{\"Credentials\": {" KEYS ", \"Token\": \"t0ken==\", " END "}}", STS, NULL));
    muv__credentials_release(take("{" KEYS ", \"Token\": null, " END "}", FLAT, NULL));
}

static void keys_without_an_end_are_passing(void **state)
{
    static const char *const replies[] = {"{" KEYS "}", "{" KEYS ", \"Expiration\": null}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        muv__credentials_t *credentials = take(replies[i], FLAT, NULL);

        assert_int_equal(credentials->passing, 1);
        assert_true(credentials->expires_s == MUV__CREDENTIALS_NEVER);
        muv__credentials_release(credentials);
    }
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    reject("", FLAT, "no JSON object");
    reject("<html>s3cret</html>", FLAT, "no JSON object");
    reject("[{" KEYS "}]", FLAT, "no JSON object");
    reject("{" KEYS, FLAT, "no JSON object");
    reject("{" KEYS "}}", STS, "no JSON object");
}

static void a_code_other_than_success_is_refused(void **state)
{
    (void)state;
    reject("{\"Code\": \"AssumeRoleUnauthorizedAccess\", \"Message\": \"m\"}", FLAT,
           "a Code other than Success");
    reject("{\"Code\": \"Failed\", " KEYS "}", FLAT, "a Code other than Success");
    reject("{\"Code\": 200, " KEYS "}", FLAT, "a Code other than Success");
    reject("{\"Code\": \"Success\", \"Code\": \"Failed\", " KEYS "}", FLAT,
           "a Code other than Success");
    muv__credentials_release(take("{\"Code\": null, " KEYS "}", FLAT, NULL));
}

static void a_reply_of_sts_without_credentials_is_refused(void **state)
{
    (void)state;
    reject("{" KEYS "}", STS, "no Credentials");
    reject("{\"Error\": {\"Code\": \"ExpiredToken\"}}", STS, "no Credentials");
    reject("{\"AssumeRoleWithWebIdentityResponse\": 1, \"Credentials\": {" KEYS "}}", STS,
           "no Credentials");
    reject("{\"AssumeRoleWithWebIdentityResponse\": {\"AssumeRoleWithWebIdentityResult\": {}}}",
           STS, "no Credentials");
    reject("{\"Credentials\": {" KEYS "}, \"Credentials\": {" KEYS "}}", STS, "no Credentials");
    reject("{\"Credentials\": []}", STS, "no valid AccessKeyId");
}

static void keys_that_are_missing_or_none_are_refused(void **state)
{
    (void)state;
    reject("{}", FLAT, "no valid AccessKeyId");
    reject("{\"AccessKeyId\": null, \"SecretAccessKey\": \"s\"}", FLAT, "no valid AccessKeyId");
    reject("{\"AccessKeyId\": \"\", \"SecretAccessKey\": \"s\"}", FLAT, "no valid AccessKeyId");
    reject("{\"AccessKeyId\": 5, \"SecretAccessKey\": \"s\"}", FLAT, "no valid AccessKeyId");
    reject("{\"AccessKeyId\": \"a\", \"AccessKeyId\": \"b\", \"SecretAccessKey\": \"s\"}", FLAT,
           "no valid AccessKeyId");
    reject("{\"AccessKeyId\": \"a\"}", FLAT, "no valid SecretAccessKey");
    reject("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\\u0000t\"}", FLAT,
           "no valid SecretAccessKey");
    reject("{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"s\\r\\nx: y\"}", FLAT,
           "no valid SecretAccessKey");
    reject("{" KEYS ", \"Token\": \"\"}", FLAT, "no valid session token");
    reject("{" KEYS ", \"Token\": \"a b\"}", FLAT, "no valid session token");
    reject("{" KEYS ", \"Token\": \"\xc3\xa4\"}", FLAT, "no valid session token");
    reject("{" KEYS ", \"Token\": {}}", FLAT, "no valid session token");
    reject("{\"Credentials\": {" KEYS ", \"SessionToken\": 1}}", STS, "no valid session token");
}

static void an_end_that_is_none_is_refused(void **state)
{
    (void)state;
    reject("{" KEYS ", \"Expiration\": \"\"}", FLAT, "no valid Expiration");
    reject("{" KEYS ", \"Expiration\": \"tomorrow\"}", FLAT, "no valid Expiration");
    reject("{" KEYS ", \"Expiration\": \"2015-02-30T12:36:00Z\"}", FLAT, "no valid Expiration");
    reject("{" KEYS ", \"Expiration\": -1}", FLAT, "no valid Expiration");
    reject("{" KEYS ", \"Expiration\": 1e30}", FLAT, "no valid Expiration");
    reject("{" KEYS ", \"Expiration\": true}", FLAT, "no valid Expiration");
    reject("{" KEYS ", " END ", " END "}", FLAT, "no valid Expiration");
}

static void every_cut_is_refused(void **state)
{
    static const char whole[] = "{\"Code\": \"Success\", " KEYS ", \"Token\": \"t\", " END "}";
    muv__credentials_t *credentials = NULL;
    const char *why;

    (void)state;
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        CHECK_CODE(muv__aws_reply_read(muv__span(whole, size), FLAT, &credentials, &why),
                   MUV_EINVAL);
    }
}

static void read_whole(void *data)
{
    muv__credentials_t *credentials = NULL;
    const char *why;
    int rc = read_reply("{" KEYS ", \"Token\": \"t\", " END "}", FLAT, &credentials, &why);

    (void)data;
    CHECK_CODE(rc, alloc_has_failed() ? MUV_ENOMEM : 0);
    muv__credentials_release(credentials);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    assert_int_equal(alloc_sweep(read_whole, NULL), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reply_of_ec2_is_read),
        cmocka_unit_test(the_reply_of_ecs_is_read),
        cmocka_unit_test(the_reply_of_sts_is_read),
        cmocka_unit_test(the_reply_of_the_specification_is_read),
        cmocka_unit_test(the_token_has_its_own_name_at_each_endpoint),
        cmocka_unit_test(keys_without_an_end_are_passing),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(a_code_other_than_success_is_refused),
        cmocka_unit_test(a_reply_of_sts_without_credentials_is_refused),
        cmocka_unit_test(keys_that_are_missing_or_none_are_refused),
        cmocka_unit_test(an_end_that_is_none_is_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test_teardown(every_failing_allocation_is_survived, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
