/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-OIDC's built-in environments: what they ask for, what they make of the answers, and that
 * no text of theirs ever holds a token. */
#include "source/source.h"

#include "muv/error.h"

#include "support/alloc.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

/* --- a source and its environment --------------------------------------------------------------*/

static const uint8_t randoms[16] = {1, 2, 3};

/* Pairs of names and values, NULL at the end. */
static const char *const *variables;
static const char *const none[] = {NULL};

static const char *get(const char *name, void *data)
{
    assert_ptr_equal(data, &variables);
    for (const char *const *at = variables; *at != NULL; at += 2) {
        if (strcmp(at[0], name) == 0) {
            return at[1];
        }
    }
    return NULL;
}

static muv__source_t *source;

static void open_source(const char *environment, const char *resource, const char *username,
                        const char *const *pairs)
{
    muv__oidc_source_config_t config = {.environment = environment,
                                        .token_resource = resource,
                                        .username = username,
                                        .get = get,
                                        .data = &variables};

    variables = pairs;
    assert_int_equal(muv__oidc_source_new(&config, &source), 0);
}

static muv__source_next_t begin(void)
{
    return source->ops->begin(source, 1735689600, randoms);
}

static muv__source_next_t on_text(const char *text)
{
    return source->ops->on_file(source, muv__span(text, strlen(text)), NULL);
}

static muv__source_next_t on_status(int status, const char *body)
{
    char text[256];
    int size = snprintf(text, sizeof text, "%s", body);
    muv__http_response_t response = {.status = status};

    assert_in_range(size, 0, sizeof text - 1);
    response.body = (muv__buf_t){.data = (uint8_t *)text, .size = (size_t)size};
    return source->ops->on_response(source, &response, NULL);
}

static void close_source(void)
{
    source->ops->free(source);
    source = NULL;
    assert_int_equal(alloc_live_blocks(), 0);
}

static void check_token(muv__source_next_t next, const char *expected)
{
    muv__credentials_t *credentials = source->credentials;

    assert_string_equal(source->why, "");
    assert_int_equal(next, MUV__SOURCE_DONE);
    assert_string_equal(credentials->oidc_token, expected);
    assert_null(credentials->refresh_token);
    assert_null(credentials->aws.access_key_id);
    assert_true(credentials->expires_s == MUV__CREDENTIALS_NEVER);
    assert_false(credentials->passing);
    source->credentials = NULL;
    muv__credentials_release(credentials);
}

static void check_failure(muv__source_next_t next, const char *why)
{
    assert_int_equal(next, MUV__SOURCE_FAILED);
    assert_string_equal(source->why, why);
    assert_null(source->credentials);
}

static void check_url(const char *host, uint16_t port, const char *target)
{
    assert_string_equal(source->request.url.host.name, host);
    assert_int_equal(source->request.url.host.port, port);
    assert_string_equal(source->request.url.target, target);
    assert_false(source->request.url.secure);
    assert_string_equal(source->request.method, "GET");
    assert_int_equal(source->request.body.size, 0);
}

static void check_header(size_t index, const char *name, const char *value)
{
    assert_true(index < source->request.header_count);
    assert_string_equal(source->request.headers[index].name, name);
    assert_string_equal(source->request.headers[index].value, value);
}

/* --- making one --------------------------------------------------------------------------------*/

static void only_known_environments_with_what_they_need_are_made(void **state)
{
    muv__oidc_source_config_t config = {.environment = "aws", .token_resource = "r", .get = get};

    (void)state;
    assert_int_equal(muv__oidc_source_new(&config, &source), MUV_EINVAL);
    config = (muv__oidc_source_config_t){.environment = "azure", .get = get};
    assert_int_equal(muv__oidc_source_new(&config, &source), MUV_EINVAL);
    config.environment = "gcp";
    assert_int_equal(muv__oidc_source_new(&config, &source), MUV_EINVAL);
    assert_null(source);
    assert_int_equal(alloc_live_blocks(), 0);
}

/* --- test --------------------------------------------------------------------------------------*/

static const char *const test_file[] = {"OIDC_TOKEN_FILE", "/tokens/one", NULL};

static void the_test_environment_reads_the_file_of_its_variable(void **state)
{
    (void)state;
    open_source("test", NULL, NULL, test_file);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    assert_string_equal(source->path, "/tokens/one");
    check_token(on_text("abc.def.ghi"), "abc.def.ghi");
    close_source();
}

static void a_variable_that_is_missing_or_empty_is_named(void **state)
{
    static const char *const empty[] = {"OIDC_TOKEN_FILE", "", NULL};

    (void)state;
    open_source("test", NULL, NULL, none);
    check_failure(begin(), "OIDC environment test: OIDC_TOKEN_FILE is not set");
    variables = empty;
    check_failure(begin(), "OIDC environment test: OIDC_TOKEN_FILE is not set");
    close_source();
}

static void line_ends_behind_a_token_are_no_part_of_it(void **state)
{
    (void)state;
    open_source("test", NULL, NULL, test_file);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_token(on_text("abc\n"), "abc");
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_token(on_text("abc\r\n\r\n\n"), "abc");
    close_source();
}

static void check_content_fails(const char *content, size_t size, const char *why)
{
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_failure(source->ops->on_file(source, muv__span(content, size), NULL), why);
}

static void a_file_without_a_token_or_with_more_is_refused(void **state)
{
    static const char empty[] = "OIDC environment test: the file named by OIDC_TOKEN_FILE is empty";
    static const char characters[] = "OIDC environment test: the file named by OIDC_TOKEN_FILE "
                                     "holds characters that no token has";

    (void)state;
    open_source("test", NULL, NULL, test_file);
    check_content_fails("", 0, empty);
    check_content_fails("\r\n\n", 3, empty);
    check_content_fails("abc def", 7, characters);
    check_content_fails(" abc", 4, characters);
    check_content_fails("abc\ndef\n", 8, characters);
    check_content_fails("abc\0def", 7, characters);
    check_content_fails("abc\x7f", 4, characters);
    check_content_fails("abc\xc3\xa9", 5, characters);
    check_content_fails("abc \n", 5, characters);
    close_source();
}

static void a_file_that_cannot_be_read_is_named_by_its_variable(void **state)
{
    (void)state;
    open_source("test", NULL, NULL, test_file);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_failure(source->ops->on_file(source, muv__span(NULL, 0), "permission denied"),
                  "OIDC environment test: cannot read the file named by OIDC_TOKEN_FILE: "
                  "permission denied");
    close_source();
}

/* --- k8s ---------------------------------------------------------------------------------------*/

static void check_k8s_path(const char *const *pairs, const char *expected)
{
    open_source("k8s", NULL, NULL, pairs);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    assert_string_equal(source->path, expected);
    check_token(on_text("abc\n"), "abc");
    close_source();
}

static void k8s_looks_at_azure_then_at_aws_then_at_the_service_account(void **state)
{
    static const char *const both[] = {"AWS_WEB_IDENTITY_TOKEN_FILE", "/aws",
                                       "AZURE_FEDERATED_TOKEN_FILE", "/azure", NULL};
    static const char *const aws[] = {"AZURE_FEDERATED_TOKEN_FILE", "",
                                      "AWS_WEB_IDENTITY_TOKEN_FILE", "/aws", NULL};

    (void)state;
    check_k8s_path(both, "/azure");
    check_k8s_path(aws, "/aws");
    check_k8s_path(none, "/var/run/secrets/kubernetes.io/serviceaccount/token");
}

static void k8s_says_which_file_was_missing(void **state)
{
    static const char *const azure[] = {"AZURE_FEDERATED_TOKEN_FILE", "/azure", NULL};

    (void)state;
    open_source("k8s", NULL, NULL, azure);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_failure(source->ops->on_file(source, muv__span(NULL, 0), "no such file or directory"),
                  "OIDC environment k8s: cannot read the file named by "
                  "AZURE_FEDERATED_TOKEN_FILE: no such file or directory");
    variables = none;
    assert_int_equal(begin(), MUV__SOURCE_READ);
    check_failure(on_text(""), "OIDC environment k8s: the file of the service account is empty");
    close_source();
}

/* --- azure -------------------------------------------------------------------------------------*/

#define AZURE_TARGET "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="

static void azure_asks_the_instance_metadata_service(void **state)
{
    (void)state;
    open_source("azure", "api://my app/\xc3\xa9~", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("169.254.169.254", 80, AZURE_TARGET "api%3A%2F%2Fmy%20app%2F%C3%A9~");
    assert_int_equal(source->request.header_count, 2);
    check_header(0, "Metadata", "true");
    check_header(1, "Accept", "application/json");
    check_token(on_status(200, "{\"access_token\": \"abc\\u002e\", \"expires_in\": \"70\"}"),
                "abc.");
    close_source();
}

static void azure_names_the_identity_that_the_user_name_is(void **state)
{
    (void)state;
    open_source("azure", "Az09-._", "id=1&x", none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("169.254.169.254", 80, AZURE_TARGET "Az09-._&client_id=id%3D1%26x");
    close_source();
}

static void azure_is_found_where_its_variable_says(void **state)
{
    static const char *const moved[] = {"AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                        "http://127.0.0.1:8080/sub//", NULL};

    (void)state;
    open_source("azure", "r", NULL, moved);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("127.0.0.1", 8080, "/sub" AZURE_TARGET "r");
    close_source();
}

static void a_variable_that_gives_no_http_url_is_named(void **state)
{
    static const char *const wrong[][3] = {
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "https://127.0.0.1", NULL},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "127.0.0.1", NULL},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://a\r\nb", NULL},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://u:p@a", NULL},
        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", "//", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        open_source("azure", "r", NULL, wrong[i]);
        check_failure(begin(), "OIDC environment azure: no http URL can be made of "
                               "AZURE_POD_IDENTITY_AUTHORITY_HOST, TOKEN_RESOURCE and the user "
                               "name");
        close_source();
    }
}

static void a_resource_that_fits_into_no_url_is_refused(void **state)
{
    static char resource[4000];

    (void)state;
    memset(resource, '/', sizeof resource - 1);
    open_source("azure", resource, NULL, none);
    check_failure(begin(), "OIDC environment azure: no http URL can be made of TOKEN_RESOURCE and "
                           "the user name");
    close_source();
    open_source("gcp", resource, NULL, none);
    check_failure(begin(), "OIDC environment gcp: no http URL can be made of TOKEN_RESOURCE");
    close_source();
}

static void check_azure_fails(const char *body, const char *why)
{
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(on_status(200, body), why);
}

static void an_answer_of_azure_without_one_token_is_refused(void **state)
{
    static const char object[] =
        "OIDC environment azure: the metadata service's answer is no JSON object";
    static const char member[] =
        "OIDC environment azure: the metadata service's answer has not one access_token";
    static const char text[] =
        "OIDC environment azure: the metadata service's access_token is no text";

    (void)state;
    open_source("azure", "r", NULL, none);
    check_azure_fails("", object);
    check_azure_fails("abc", object);
    check_azure_fails("{\"access_token\": \"abc\"", object);
    check_azure_fails("{}", member);
    check_azure_fails("{\"a\": {\"access_token\": \"abc\"}}", member);
    check_azure_fails("{\"access_token\": \"abc\", \"access_token\": \"def\"}", member);
    check_azure_fails("{\"access_token\": 5}", text);
    check_azure_fails("{\"access_token\": \"a\\u0000b\"}", text);
    check_azure_fails("{\"access_token\": \"\"}",
                      "OIDC environment azure: the metadata service's access_token is empty");
    check_azure_fails("{\"access_token\": \"a b\"}",
                      "OIDC environment azure: the metadata service's access_token holds "
                      "characters that no token has");
    close_source();
}

/* --- gcp ---------------------------------------------------------------------------------------*/

#define GCP_TARGET "/computeMetadata/v1/instance/service-accounts/default/identity?audience="

static void gcp_asks_the_metadata_server(void **state)
{
    (void)state;
    open_source("gcp", "my audience", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("metadata", 80, GCP_TARGET "my%20audience");
    assert_int_equal(source->request.header_count, 1);
    check_header(0, "Metadata-Flavor", "Google");
    check_token(on_status(200, "abc.def\n"), "abc.def");
    close_source();
}

static void gcp_is_found_where_its_variable_says(void **state)
{
    static const char *const host[] = {"GCE_METADATA_HOST", "metadata.google.internal", NULL};
    static const char *const host_port[] = {"GCE_METADATA_HOST", "127.0.0.1:8080", NULL};

    (void)state;
    open_source("gcp", "r", NULL, host);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("metadata.google.internal", 80, GCP_TARGET "r");
    variables = host_port;
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_url("127.0.0.1", 8080, GCP_TARGET "r");
    assert_int_equal(source->request.header_count, 1);
    close_source();
}

static void a_host_of_gcp_that_is_none_is_named(void **state)
{
    static const char *const path[] = {"GCE_METADATA_HOST", "a/b", NULL};
    static const char *const query[] = {"GCE_METADATA_HOST", "a?b", NULL};
    static const char *const fragment[] = {"GCE_METADATA_HOST", "a#b", NULL};
    static const char *const bytes[] = {"GCE_METADATA_HOST", "a b", NULL};

    (void)state;
    open_source("gcp", "r", NULL, path);
    check_failure(begin(), "OIDC environment gcp: GCE_METADATA_HOST is no host");
    variables = query;
    check_failure(begin(), "OIDC environment gcp: GCE_METADATA_HOST is no host");
    variables = fragment;
    check_failure(begin(), "OIDC environment gcp: GCE_METADATA_HOST is no host");
    variables = bytes;
    check_failure(begin(), "OIDC environment gcp: no http URL can be made of GCE_METADATA_HOST and "
                           "TOKEN_RESOURCE");
    close_source();
}

static void an_answer_of_gcp_without_a_token_is_refused(void **state)
{
    (void)state;
    open_source("gcp", "r", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(on_status(200, ""),
                  "OIDC environment gcp: the metadata service's answer is empty");
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(on_status(200, "<html> </html>"),
                  "OIDC environment gcp: the metadata service's answer holds characters that no "
                  "token has");
    close_source();
}

/* --- both --------------------------------------------------------------------------------------*/

static void a_status_is_told_and_what_came_with_it_is_not(void **state)
{
    (void)state;
    open_source("gcp", "r", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(on_status(404, "secret"),
                  "OIDC environment gcp: the metadata service answered with status 404");
    close_source();
    open_source("azure", "r", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(on_status(201, "{\"access_token\": \"secret\"}"),
                  "OIDC environment azure: the metadata service answered with status 201");
    close_source();
}

static void without_an_answer_the_reason_is_passed_on(void **state)
{
    (void)state;
    open_source("azure", "r", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    check_failure(source->ops->on_response(source, NULL, "169.254.169.254:80: timed out"),
                  "OIDC environment azure: the metadata service did not answer: "
                  "169.254.169.254:80: timed out");
    close_source();
}

static void a_run_that_was_given_up_does_not_disturb_the_next_one(void **state)
{
    (void)state;
    open_source("azure", "r", NULL, none);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    assert_int_equal(begin(), MUV__SOURCE_FETCH);
    assert_int_equal(source->request.header_count, 2);
    check_token(on_status(200, "{\"access_token\": \"abc\"}"), "abc");
    close_source();
}

static void a_token_that_nobody_took_goes_with_its_source(void **state)
{
    (void)state;
    open_source("test", NULL, NULL, test_file);
    assert_int_equal(begin(), MUV__SOURCE_READ);
    assert_int_equal(on_text("abc"), MUV__SOURCE_DONE);
    close_source();
}

/* --- memory ------------------------------------------------------------------------------------*/

static void run_azure(void *data)
{
    static char body[] = "{\"access_token\": \"abc\"}";
    muv__oidc_source_config_t config = {
        .environment = "azure", .token_resource = "r", .get = get, .data = &variables};
    muv__http_response_t response = {.status = 200,
                                     .body = {.data = (uint8_t *)body, .size = sizeof body - 1}};
    muv__source_t *made;
    int code = muv__oidc_source_new(&config, &made);

    (void)data;
    if (code != 0) {
        assert_int_equal(code, MUV_ENOMEM);
        assert_true(alloc_has_failed());
        return;
    }
    assert_int_equal(made->ops->begin(made, 0, randoms), MUV__SOURCE_FETCH);
    if (made->ops->on_response(made, &response, NULL) == MUV__SOURCE_FAILED) {
        assert_true(alloc_has_failed());
        assert_string_equal(made->why, "OIDC environment azure: out of memory");
        assert_null(made->credentials);
    } else {
        assert_string_equal(made->credentials->oidc_token, "abc");
    }
    made->ops->free(made);
}

static void run_file(void *data)
{
    muv__oidc_source_config_t config = {.environment = "test", .get = get, .data = &variables};
    muv__source_t *made;
    int code = muv__oidc_source_new(&config, &made);

    (void)data;
    if (code != 0) {
        assert_int_equal(code, MUV_ENOMEM);
        assert_true(alloc_has_failed());
        return;
    }
    if (made->ops->begin(made, 0, randoms) == MUV__SOURCE_FAILED ||
        made->ops->on_file(made, muv__span("abc", 3), NULL) == MUV__SOURCE_FAILED) {
        assert_true(alloc_has_failed());
        assert_string_equal(made->why, "OIDC environment test: out of memory");
        assert_null(made->credentials);
    } else {
        assert_string_equal(made->credentials->oidc_token, "abc");
    }
    made->ops->free(made);
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    variables = none;
    assert_int_equal(alloc_sweep(run_azure, NULL), 4);
    variables = test_file;
    assert_int_equal(alloc_sweep(run_file, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_known_environments_with_what_they_need_are_made),
        cmocka_unit_test(the_test_environment_reads_the_file_of_its_variable),
        cmocka_unit_test(a_variable_that_is_missing_or_empty_is_named),
        cmocka_unit_test(line_ends_behind_a_token_are_no_part_of_it),
        cmocka_unit_test(a_file_without_a_token_or_with_more_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named_by_its_variable),
        cmocka_unit_test(k8s_looks_at_azure_then_at_aws_then_at_the_service_account),
        cmocka_unit_test(k8s_says_which_file_was_missing),
        cmocka_unit_test(azure_asks_the_instance_metadata_service),
        cmocka_unit_test(azure_names_the_identity_that_the_user_name_is),
        cmocka_unit_test(azure_is_found_where_its_variable_says),
        cmocka_unit_test(a_variable_that_gives_no_http_url_is_named),
        cmocka_unit_test(a_resource_that_fits_into_no_url_is_refused),
        cmocka_unit_test(an_answer_of_azure_without_one_token_is_refused),
        cmocka_unit_test(gcp_asks_the_metadata_server),
        cmocka_unit_test(gcp_is_found_where_its_variable_says),
        cmocka_unit_test(a_host_of_gcp_that_is_none_is_named),
        cmocka_unit_test(an_answer_of_gcp_without_a_token_is_refused),
        cmocka_unit_test(a_status_is_told_and_what_came_with_it_is_not),
        cmocka_unit_test(without_an_answer_the_reason_is_passed_on),
        cmocka_unit_test(a_run_that_was_given_up_does_not_disturb_the_next_one),
        cmocka_unit_test(a_token_that_nobody_took_goes_with_its_source),
        cmocka_unit_test_teardown(each_allocation_may_fail, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests_name("oidc_source", tests, NULL, NULL);
}
