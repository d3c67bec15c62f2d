/* SPDX-License-Identifier: Apache-2.0 */
#include "integration/auth_aws_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const variables[AWS_VARIABLES] = {"AWS_ACCESS_KEY_ID",
                                                     "AWS_SECRET_ACCESS_KEY",
                                                     "AWS_SESSION_TOKEN",
                                                     "AWS_WEB_IDENTITY_TOKEN_FILE",
                                                     "AWS_ROLE_ARN",
                                                     "AWS_ROLE_SESSION_NAME",
                                                     "AWS_REGION",
                                                     "AWS_STS_REGIONAL_ENDPOINTS",
                                                     "AWS_ENDPOINT_URL_STS",
                                                     "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                                     "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                                     "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                                     "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                                     "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                                     "AWS_EC2_METADATA_DISABLED",
                                                     "SSL_CERT_FILE"};

/* --- fixture -----------------------------------------------------------------------------------*/

static void clear_environment(aws_fixture_t *a)
{
    for (size_t i = 0; i < AWS_VARIABLES; i++) {
        const char *value = getenv(variables[i]);

        a->saved[i] = value == NULL ? NULL : strdup(value);
        (void)unsetenv(variables[i]);
    }
}

static void restore_environment(aws_fixture_t *a)
{
    for (size_t i = 0; i < AWS_VARIABLES; i++) {
        (void)unsetenv(variables[i]);
        if (a->saved[i] != NULL) {
            (void)setenv(variables[i], a->saved[i], 1);
            free(a->saved[i]);
        }
    }
}

int aws_open(void **state)
{
    aws_fixture_t *a = calloc(1, sizeof(*a));
    void *base;

    if (a == NULL || open_fixture(&base) != 0) {
        free(a);
        return -1;
    }
    a->f = base;
    clear_environment(a);
    a->server.access_key_id = ID;
    a->server.secret_access_key = SECRET;
    a->server.session_token = TOKEN;
    mock_aws_install(a->f->mock, &a->server);
    a->endpoint = http_server_new(&a->f->loop, NULL);
    *state = a;
    return 0;
}

int aws_close(void **state)
{
    aws_fixture_t *a = *state;
    void *base = a->f;
    int status;

    if (a->f->client != NULL) {
        close_client(a->f, MUV_CLOSE_ABORT);
    }
    http_server_close(a->endpoint);
    restore_environment(a);
    if (a->token_path[0] != '\0') {
        (void)unlink(a->token_path);
    }
    status = close_fixture(&base) != 0 || a->server.unauthorized != 0;
    free(a);
    return status;
}

void set_variable(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

const char *keys_text(const char *secret, const char *token_name, int in_s)
{
    time_t end = time(NULL) + in_s;
    struct tm parts;
    char date[32];

    assert_non_null(gmtime_r(&end, &parts));
    assert_true(strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
    return text_of("{\"AccessKeyId\": \"" ID "\", \"SecretAccessKey\": \"%s\", \"%s\": \"" TOKEN
                   "\", \"Expiration\": \"%s\"}",
                   secret, token_name, date);
}

void endpoint_answers(aws_fixture_t *a, const char *method, const char *prefix, const char *body)
{
    http_server_on(a->endpoint, method, prefix, &(http_server_reply_t){.body = body});
}

void use_container(aws_fixture_t *a, int in_s)
{
    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", http_server_url(a->endpoint, "/keys"));
    endpoint_answers(a, "GET", "/keys", keys_text(SECRET, "Token", in_s));
}

void write_file(char path[AWS_PATH_SIZE], const char *content)
{
    FILE *file;
    int fd;

    (void)snprintf(path, AWS_PATH_SIZE, "/tmp/muv_aws_XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void write_token_file(aws_fixture_t *a, const char *content)
{
    if (a->token_path[0] != '\0') {
        (void)unlink(a->token_path);
    }
    write_file(a->token_path, content);
}

void use_web_identity(aws_fixture_t *a)
{
    write_token_file(a, IDENTITY "\n");
    set_variable("AWS_WEB_IDENTITY_TOKEN_FILE", a->token_path);
    set_variable("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
    set_variable("AWS_ENDPOINT_URL_STS", http_server_url(a->endpoint, "/sts"));
}

void use_instance(aws_fixture_t *a)
{
    set_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", http_server_url(a->endpoint, ""));
    endpoint_answers(a, "PUT", "/latest/api/token", SESSION);
    endpoint_answers(a, "GET", ROLES "my-role", keys_text(SECRET, "Token", HOUR_S));
    endpoint_answers(a, "GET", ROLES, "my-role");
}

/* --- operations --------------------------------------------------------------------------------*/

void find_once(aws_fixture_t *a)
{
    outcome_t o = {0};

    start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
    await_success(&o);
    outcome_clear(&o);
}

void fail_once(aws_fixture_t *a, const char *part)
{
    outcome_t o = {0};

    start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
    await_error(&o, MUV_EAUTH);
    assert_int_equal(o.error.domain, MUV_DOMAIN_AUTH);
    CHECK_CONTAINS(o.error.message, "MONGODB-AWS");
    CHECK_CONTAINS(o.error.message, part);
    assert_null(strstr(o.error.message, SECRET));
    assert_null(strstr(o.error.message, TOKEN));
    assert_null(strstr(o.error.message, IDENTITY));
    assert_null(strstr(o.error.message, SESSION));
    outcome_clear(&o);
}

void hold_one(aws_fixture_t *a, outcome_t *o)
{
    unsigned held = mock_held(a->f->mock);

    mock_script(a->f->mock, "find", &(mock_step_t){.hold = true});
    start_command(a->f, o, "{\"find\": \"c\"}", NULL);
    await_held(a->f, held + 1);
}

void release_all(aws_fixture_t *a, outcome_t *o, unsigned count)
{
    assert_int_equal(mock_release(a->f->mock, count), count);
    for (unsigned i = 0; i < count; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
}
