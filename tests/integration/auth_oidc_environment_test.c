/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC's built-in environments, from the connection string to the login: tokens from files,
 * and from metadata services that are found where the vendors' variables say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/oidc_fixture.h"
#include "support/http_server.h"

#define ENVIRONMENT "&authMechanismProperties=ENVIRONMENT:"
#define AZURE "azure,TOKEN_RESOURCE:api%3A%2F%2Fa%20b"
#define GCP "gcp,TOKEN_RESOURCE:my%20audience"

static const char *const variables[] = {"OIDC_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE", "GCE_METADATA_HOST",
                                        "AZURE_POD_IDENTITY_AUTHORITY_HOST"};

static char folder[32];
static char path[64];
static http_server_t *service;

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        (void)unsetenv(variables[i]);
    }
    (void)snprintf(folder, sizeof folder, "/tmp/muv-oidc-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/token", folder);
    return open_oidc(state);
}

static int teardown(void **state)
{
    (void)unlink(path);
    if (rmdir(folder) != 0) {
        return -1;
    }
    if (service != NULL) {
        http_server_close(service);
        service = NULL;
    }
    return close_oidc(state);
}

static void set_variable(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void write_token(const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* --- files -------------------------------------------------------------------------------------*/

static void check_file(oidc_fixture_t *t, const char *environment, const char *variable)
{
    write_token(TOKEN_1 "\n");
    set_variable(variable, path);
    oidc_open_without_source(t, "", text_of(ENVIRONMENT "%s", environment));
    oidc_find(t);
    assert_string_equal(t->oidc->last_token, TOKEN_1);
    assert_int_equal(t->oidc->starts, 1);
}

static void the_test_environment_has_a_file(void **state)
{
    check_file(*state, "test", "OIDC_TOKEN_FILE");
}

static void kubernetes_has_a_file_of_azure(void **state)
{
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere");
    check_file(*state, "k8s", "AZURE_FEDERATED_TOKEN_FILE");
}

static void kubernetes_has_a_file_of_aws(void **state)
{
    check_file(*state, "k8s", "AWS_WEB_IDENTITY_TOKEN_FILE");
}

static void a_token_that_ends_is_read_anew(void **state)
{
    oidc_fixture_t *t = *state;

    check_file(t, "test", "OIDC_TOKEN_FILE");
    write_token(TOKEN_2);
    mock_oidc_accept(t->oidc, TOKEN_2);
    mock_oidc_expire(t->oidc, TOKEN_1);
    oidc_find(t);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
    assert_int_equal(t->oidc->starts, 2);
    assert_int_equal(t->oidc->refusals, 0);
}

static void a_file_is_read_once_for_all_connections(void **state)
{
    oidc_fixture_t *t = *state;

    check_file(t, "test", "OIDC_TOKEN_FILE");
    write_token("");
    oidc_drop_connections(t);
    oidc_find(t);
    assert_int_equal(t->oidc->speculations, 1);
}

static void check_failure(oidc_fixture_t *t, const char *environment, const char *message)
{
    oidc_open_without_source(t, "", text_of(ENVIRONMENT "%s", environment));
    oidc_find_fails(t, MUV_EAUTH, FAILED);
    assert_string_equal(t->last_message + strlen(FAILED), message);
    assert_int_equal(t->oidc->starts, 0);
}

static void a_missing_variable_is_named(void **state)
{
    check_failure(*state, "test", "OIDC environment test: OIDC_TOKEN_FILE is not set");
}

static void a_missing_file_is_named_by_its_variable(void **state)
{
    set_variable("AZURE_FEDERATED_TOKEN_FILE", path);
    check_failure(*state, "k8s",
                  "OIDC environment k8s: cannot read the file named by "
                  "AZURE_FEDERATED_TOKEN_FILE: no such file or directory");
}

static void a_file_that_is_no_token_s_is_refused(void **state)
{
    set_variable("OIDC_TOKEN_FILE", path);
    write_token(TOKEN_1 " and more");
    check_failure(*state, "test",
                  "OIDC environment test: the file named by OIDC_TOKEN_FILE holds characters that "
                  "no token has");
}

static void a_file_that_would_never_end_is_not_read(void **state)
{
    set_variable("OIDC_TOKEN_FILE", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_failure(*state, "test",
                  "OIDC environment test: cannot read the file named by OIDC_TOKEN_FILE: invalid "
                  "argument");
}

static void a_client_may_be_closed_while_a_file_is_read(void **state)
{
    oidc_fixture_t *t = *state;

    write_token(TOKEN_1);
    set_variable("OIDC_TOKEN_FILE", path);
    for (unsigned turns = 0; turns < 24; turns++) {
        outcome_t o = {0};

        oidc_open_without_source(t, "", ENVIRONMENT "test");
        start_find(t->f, &o, 5, NULL);
        for (unsigned i = 0; i < turns; i++) {
            (void)uv_run(&t->f->loop, UV_RUN_NOWAIT);
        }
        close_client(t->f, MUV_CLOSE_ABORT);
        assert_true(o.done);
        outcome_clear(&o);
    }
}

/* --- metadata services -------------------------------------------------------------------------*/

static void open_service(oidc_fixture_t *t, const http_server_reply_t *reply)
{
    service = http_server_new(&t->f->loop, NULL);
    http_server_on(service, "GET", "/", reply);
    set_variable("AZURE_POD_IDENTITY_AUTHORITY_HOST", http_server_url(service, "/"));
    set_variable("GCE_METADATA_HOST", text_of("127.0.0.1:%d", http_server_port(service)));
}

static void azure_gives_a_token_as_json(void **state)
{
    oidc_fixture_t *t = *state;
    const http_server_request_t *request;

    open_service(t,
                 &(http_server_reply_t){.body = "{\"token_type\": \"Bearer\", \"expires_in\":"
                                                " \"86399\", \"access_token\": \"" TOKEN_1 "\"}"});
    oidc_open_without_source(t, "my-id@", ENVIRONMENT AZURE);
    oidc_find(t);
    assert_string_equal(t->oidc->last_token, TOKEN_1);
    assert_int_equal(http_server_count(service), 1);
    request = http_server_request(service, 0);
    assert_string_equal(request->target, "/metadata/identity/oauth2/token?api-version=2018-02-01"
                                         "&resource=api%3A%2F%2Fa%20b&client_id=my-id");
    assert_string_equal(http_server_header(request, "Metadata"), "true");
    assert_string_equal(http_server_header(request, "Accept"), "application/json");
}

static void gcp_gives_a_token_alone(void **state)
{
    oidc_fixture_t *t = *state;
    const http_server_request_t *request;

    open_service(t, &(http_server_reply_t){.body = TOKEN_1, .piece_bytes = 3});
    oidc_open_without_source(t, "", ENVIRONMENT GCP);
    oidc_find(t);
    assert_string_equal(t->oidc->last_token, TOKEN_1);
    assert_int_equal(http_server_count(service), 1);
    request = http_server_request(service, 0);
    assert_string_equal(request->target, "/computeMetadata/v1/instance/service-accounts/default/"
                                         "identity?audience=my%20audience");
    assert_string_equal(http_server_header(request, "Metadata-Flavor"), "Google");
}

static void a_service_is_asked_again_when_its_token_is_refused(void **state)
{
    oidc_fixture_t *t = *state;

    open_service(t, &(http_server_reply_t){.body = TOKEN_1, .times = 1});
    http_server_on(service, "GET", "/", &(http_server_reply_t){.body = TOKEN_2});
    mock_oidc_accept(t->oidc, TOKEN_2);
    oidc_open_without_source(t, "", ENVIRONMENT GCP);
    oidc_find(t);
    mock_oidc_expire(t->oidc, TOKEN_1);
    oidc_find(t);
    assert_int_equal(http_server_count(service), 2);
    assert_string_equal(t->oidc->last_token, TOKEN_2);
}

static void a_service_that_refuses_is_quoted_by_its_status(void **state)
{
    open_service(*state, &(http_server_reply_t){.status = 400,
                                                .body = "{\"access_token\": \"" TOKEN_1 "\"}"});
    check_failure(*state, AZURE,
                  "OIDC environment azure: the metadata service answered with status 400");
}

static void a_service_that_talks_of_something_else_is_refused(void **state)
{
    open_service(*state, &(http_server_reply_t){.body = "<html>" TOKEN_1 "</html>"});
    check_failure(*state, AZURE,
                  "OIDC environment azure: the metadata service's answer is no JSON object");
}

static void check_no_answer(oidc_fixture_t *t, http_server_act_t act)
{
    open_service(t, &(http_server_reply_t){.act = act});
    oidc_open_without_source(t, "", "&connectTimeoutMS=500" ENVIRONMENT GCP);
    oidc_find_fails(t, MUV_EAUTH,
                    FAILED "OIDC environment gcp: the metadata service did not answer: ");
    CHECK_CONTAINS(t->last_message, text_of("127.0.0.1:%d", http_server_port(service)));
    assert_int_equal(t->oidc->starts, 0);
}

static void a_service_that_hangs_is_given_up(void **state)
{
    check_no_answer(*state, HTTP_SERVER_HANG);
}

static void a_service_that_hangs_up_is_an_error(void **state)
{
    check_no_answer(*state, HTTP_SERVER_CLOSE);
}

static bool was_asked(void *data)
{
    (void)data;
    return http_server_count(service) == 1;
}

static void a_client_may_be_closed_while_a_service_thinks(void **state)
{
    oidc_fixture_t *t = *state;
    outcome_t o = {0};

    open_service(t, &(http_server_reply_t){.act = HTTP_SERVER_HANG});
    oidc_open_without_source(t, "", ENVIRONMENT GCP);
    start_find(t->f, &o, 5, NULL);
    run_until_true(&t->f->loop, was_asked, NULL, WAIT_MS);
    close_client(t->f, MUV_CLOSE_ABORT);
    assert_true(o.done);
    outcome_clear(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_test_environment_has_a_file),
        TEST(kubernetes_has_a_file_of_azure),
        TEST(kubernetes_has_a_file_of_aws),
        TEST(a_token_that_ends_is_read_anew),
        TEST(a_file_is_read_once_for_all_connections),
        TEST(a_missing_variable_is_named),
        TEST(a_missing_file_is_named_by_its_variable),
        TEST(a_file_that_is_no_token_s_is_refused),
        TEST(a_file_that_would_never_end_is_not_read),
        TEST(a_client_may_be_closed_while_a_file_is_read),
        TEST(azure_gives_a_token_as_json),
        TEST(gcp_gives_a_token_alone),
        TEST(a_service_is_asked_again_when_its_token_is_refused),
        TEST(a_service_that_refuses_is_quoted_by_its_status),
        TEST(a_service_that_talks_of_something_else_is_refused),
        TEST(a_service_that_hangs_is_given_up),
        TEST(a_service_that_hangs_up_is_an_error),
        TEST(a_client_may_be_closed_while_a_service_thinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
