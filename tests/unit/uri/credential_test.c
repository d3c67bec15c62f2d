/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials beyond the official file: callbacks, properties out of place, messages. */
#include "uri/credential.h"

#include "support/check.h"

#include <string.h>

static muv__uri_t *uri;
static muv_error_t error;
static muv__credential_t credential;

static int tear_down(void **state)
{
    (void)state;
    muv__uri_free(uri);
    uri = NULL;
    return 0;
}

static int resolve(const char *text, int has_callback)
{
    muv__uri_free(uri);
    uri = NULL;
    CHECK_CODE(muv__uri_new(text, strlen(text), &error, &uri), 0);
    CHECK_CODE(muv__uri_finish(uri, &error), 0);
    memset(&credential, 0x55, sizeof(credential));
    return muv__credential_of(uri, has_callback, &error, &credential);
}

static void check_refused(const char *text, int has_callback, const char *message)
{
    CHECK_CODE(resolve(text, has_callback), MUV_EINVAL);
    assert_string_equal(error.message, message);
    assert_int_equal(credential.enabled, 0x55);
}

static void nothing_is_resolved_without_user_and_mechanism(void **state)
{
    (void)state;
    CHECK_CODE(resolve("mongodb://h/db?authSource=x", 0), 0);
    assert_false(credential.enabled);
    assert_null(credential.username);
    assert_null(credential.source);
}

static void a_user_without_password_is_left_to_the_login(void **state)
{
    (void)state;
    CHECK_CODE(resolve("mongodb://u@h", 0), 0);
    assert_true(credential.enabled);
    assert_null(credential.password);
    assert_string_equal(credential.source, "admin");
    check_refused("mongodb://u@h/?authMechanism=SCRAM-SHA-256", 0,
                  "SCRAM-SHA-256: needs a password");
    check_refused("mongodb://u@h/?authMechanism=PLAIN", 0, "PLAIN: needs a password");
    CHECK_CODE(resolve("mongodb://u:@h/?authMechanism=PLAIN", 0), 0);
    assert_string_equal(credential.password, "");
}

static void oidc_takes_an_environment_or_a_callback(void **state)
{
    (void)state;
    CHECK_CODE(resolve("mongodb://u@h/?authMechanism=MONGODB-OIDC", 1), 0);
    assert_string_equal(credential.username, "u");
    check_refused("mongodb://h/?authMechanism=MONGODB-OIDC", 0,
                  "MONGODB-OIDC: needs ENVIRONMENT in authMechanismProperties, or a callback");
    check_refused("mongodb://h/?authMechanism=MONGODB-OIDC&authMechanismProperties="
                  "ENVIRONMENT:test",
                  1, "MONGODB-OIDC: takes either ENVIRONMENT or a callback, not both");
    check_refused("mongodb://h/?authMechanism=MONGODB-OIDC&authMechanismProperties="
                  "TOKEN_RESOURCE:x",
                  1, "MONGODB-OIDC: TOKEN_RESOURCE needs ENVIRONMENT azure or gcp");
    check_refused("mongodb://h/?authMechanism=MONGODB-OIDC&authMechanismProperties="
                  "ENVIRONMENT:k8s,TOKEN_RESOURCE:x",
                  0,
                  "MONGODB-OIDC: TOKEN_RESOURCE belongs to ENVIRONMENT azure and gcp, and must be "
                  "given there");
}

static void hosts_for_oidc_tokens_cannot_come_from_the_string(void **state)
{
    (void)state;
    check_refused("mongodb://h/?authMechanism=MONGODB-OIDC&authMechanismProperties="
                  "ALLOWED_HOSTS:evil.example",
                  1, "authMechanismProperties: property 1 is not known to MONGODB-OIDC");
}

static void properties_belong_to_their_mechanism(void **state)
{
    (void)state;
    check_refused("mongodb://u:p@h/?authMechanismProperties=SERVICE_NAME:x", 0,
                  "authMechanismProperties: property 1 is not known to the default authMechanism");
    check_refused("mongodb://h/?authMechanism=MONGODB-X509&authMechanismProperties=A:b", 0,
                  "authMechanismProperties: property 1 is not known to MONGODB-X509");
    check_refused("mongodb://h/?authMechanism=MONGODB-AWS&authMechanismProperties="
                  "AWS_SESSION_TOKEN:t",
                  0, "authMechanismProperties: property 1 is not known to MONGODB-AWS");
    CHECK_CODE(resolve("mongodb://h/?authMechanismProperties=A:b", 0), 0);
    assert_false(credential.enabled);
}

static void gssapi_gets_its_default_service_name(void **state)
{
    (void)state;
    CHECK_CODE(resolve("mongodb://u@h/db?authMechanism=GSSAPI&authMechanismProperties="
                       "SERVICE_HOST:x,SERVICE_REALM:y,CANONICALIZE_HOST_NAME:true",
                       0),
               0);
    assert_string_equal(credential.source, "$external");
    assert_int_equal(credential.property_count, 4);
    assert_string_equal(muv__credential_property(&credential, "SERVICE_NAME"), "mongodb");
    assert_string_equal(muv__credential_property(&credential, "SERVICE_REALM"), "y");
    assert_null(muv__credential_property(&credential, "service_realm"));
}

static void credentials_in_the_string_are_refused_where_they_have_no_place(void **state)
{
    (void)state;
    check_refused("mongodb://u:p@h/?authMechanism=MONGODB-AWS", 0,
                  "MONGODB-AWS: takes no user name in the connection string");
    check_refused("mongodb://u:p@h/?authMechanism=MONGODB-X509", 0,
                  "MONGODB-X509: takes no password in the connection string");
    CHECK_CODE(resolve("mongodb://CN%3Dme:@h/?authMechanism=MONGODB-X509", 0), 0);
    assert_null(credential.password);
    check_refused("mongodb://CN%3Dme@h/?authMechanism=MONGODB-X509&authSource=db", 0,
                  "authSource: must be $external for MONGODB-X509");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_resolved_without_user_and_mechanism),
        CASE(a_user_without_password_is_left_to_the_login),
        CASE(oidc_takes_an_environment_or_a_callback),
        CASE(hosts_for_oidc_tokens_cannot_come_from_the_string),
        CASE(properties_belong_to_their_mechanism),
        CASE(gssapi_gets_its_default_service_name),
        CASE(credentials_in_the_string_are_refused_where_they_have_no_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
