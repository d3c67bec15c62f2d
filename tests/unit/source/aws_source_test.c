/* SPDX-License-Identifier: Apache-2.0 */
/* The source of AWS keys: each way through it with literal requests and replies, and each error. */
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "support/alloc.h"
#include "support/check.h"
#include "unit/source/environment.h"

#define KEYS                                                                                       \
    "{\"Code\": \"Success\", \"AccessKeyId\": \"ASIAKEY\", \"SecretAccessKey\": \"s3cret\","       \
    " \"Token\": \"t0ken\", \"Expiration\": \"2015-08-30T12:36:00Z\"}"
#define STS_KEYS                                                                                   \
    "{\"Credentials\": {\"AccessKeyId\": \"ASIAKEY\", \"SecretAccessKey\": \"s3cret\","            \
    " \"SessionToken\": \"t0ken\", \"Expiration\": \"2015-08-30T12:36:00Z\"}}"
#define EXPIRES_S 1440938160
#define ROLES "/latest/meta-data/iam/security-credentials/"

typedef struct run {
    environment_t environment;
    muv__source_t *source;
    muv__source_next_t next;
} run_t;

static const uint8_t random_bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};

static void set(run_t *r, const char *name, const char *value)
{
    environment_set(&r->environment, name, value);
}

static void make(run_t *r)
{
    *r = (run_t){.next = MUV__SOURCE_FAILED};
    CHECK_CODE(muv__aws_source_new(environment_get, &r->environment, &r->source), 0);
}

static void begin(run_t *r)
{
    r->next = r->source->ops->begin(r->source, 1440000000, random_bytes);
}

static void end(run_t *r)
{
    r->source->ops->free(r->source);
}

/* The body lies in memory of exactly its size, and is gone when the source has seen it. */
static void answer(run_t *r, int status, const char *body)
{
    muv__http_response_t response = {.status = status};
    size_t size = strlen(body);

    assert_int_equal(r->next, MUV__SOURCE_FETCH);
    if (size > 0) {
        response.body = (muv__buf_t){.data = malloc(size), .size = size, .capacity = size};
        assert_non_null(response.body.data);
        memcpy(response.body.data, body, size);
    }
    r->next = r->source->ops->on_response(r->source, &response, NULL);
    free(response.body.data);
}

static void break_off(run_t *r, const char *why)
{
    assert_int_equal(r->next, MUV__SOURCE_FETCH);
    r->next = r->source->ops->on_response(r->source, NULL, why);
}

static void give_file(run_t *r, const char *path, const char *content)
{
    size_t size = strlen(content);
    char *copy = malloc(size + (size == 0));

    assert_int_equal(r->next, MUV__SOURCE_READ);
    assert_string_equal(r->source->path, path);
    assert_non_null(copy);
    memcpy(copy, content, size);
    r->next = r->source->ops->on_file(r->source, muv__span(copy, size), NULL);
    free(copy);
}

static void refuse_file(run_t *r, const char *why)
{
    assert_int_equal(r->next, MUV__SOURCE_READ);
    r->next = r->source->ops->on_file(r->source, muv__span(NULL, 0), why);
}

/* "METHOD scheme host target|Name: value|...|body" */
static const char *request_text(const muv__http_request_t *request)
{
    char host[MUV__HOST_TEXT_SIZE];
    const char *text;

    muv__host_format(&request->url.host, host);
    text = text_of("%s %s %s %s|", request->method, request->url.secure ? "https" : "http", host,
                   request->url.target);
    for (size_t i = 0; i < request->header_count; i++) {
        text = text_of("%s%s: %s|", text, request->headers[i].name, request->headers[i].value);
    }
    return text_of("%s%.*s", text, (int)request->body.size, (const char *)request->body.data);
}

static void check_request(run_t *r, const char *expected)
{
    assert_int_equal(r->next, MUV__SOURCE_FETCH);
    assert_string_equal(request_text(&r->source->request), expected);
}

static void check_failure(run_t *r, const char *why)
{
    assert_int_equal(r->next, MUV__SOURCE_FAILED);
    assert_string_equal(r->source->why, why);
    assert_null(r->source->credentials);
    assert_null(r->source->request.method);
    end(r);
}

static void check_keys(run_t *r, const char *token, int64_t expires_s)
{
    const muv__credentials_t *credentials = r->source->credentials;

    assert_int_equal(r->next, MUV__SOURCE_DONE);
    assert_non_null(credentials);
    assert_string_equal(credentials->aws.access_key_id, "ASIAKEY");
    assert_string_equal(credentials->aws.secret_access_key, "s3cret");
    if (token == NULL) {
        assert_null(credentials->aws.session_token);
    } else {
        assert_string_equal(credentials->aws.session_token, token);
    }
    assert_true(credentials->expires_s == expires_s);
    assert_int_equal(credentials->passing, expires_s == MUV__CREDENTIALS_NEVER);
}

/* --- the environment ---------------------------------------------------------------------------*/

static void keys_of_the_environment_come_first(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_ACCESS_KEY_ID", "ASIAKEY");
    set(&r, "AWS_SECRET_ACCESS_KEY", "s3cret");
    set(&r, "AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    set(&r, "AWS_ROLE_ARN", "arn");
    begin(&r);
    check_keys(&r, NULL, MUV__CREDENTIALS_NEVER);
    end(&r);
}

/* (Authentication: "always read environment variables dynamically during authorization") */
static void the_environment_is_read_anew_in_every_run(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_ACCESS_KEY_ID", "OLD");
    set(&r, "AWS_SECRET_ACCESS_KEY", "old");
    begin(&r);
    assert_int_equal(r.next, MUV__SOURCE_DONE);
    set(&r, "AWS_ACCESS_KEY_ID", "ASIAKEY");
    set(&r, "AWS_SECRET_ACCESS_KEY", "s3cret");
    set(&r, "AWS_SESSION_TOKEN", "t0ken");
    begin(&r);
    check_keys(&r, "t0ken", MUV__CREDENTIALS_NEVER);
    set(&r, "AWS_ACCESS_KEY_ID", NULL);
    begin(&r);
    check_failure(&r, "AWS_ACCESS_KEY_ID is not set, though others are");
}

static void half_of_the_keys_is_an_error(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_ACCESS_KEY_ID", "ASIAKEY");
    set(&r, "AWS_SECRET_ACCESS_KEY", "");
    begin(&r);
    check_failure(&r, "AWS_SECRET_ACCESS_KEY is not set, though others are");
    make(&r);
    set(&r, "AWS_SECRET_ACCESS_KEY", "s3cret");
    begin(&r);
    check_failure(&r, "AWS_ACCESS_KEY_ID is not set, though others are");
    make(&r);
    set(&r, "AWS_SESSION_TOKEN", "t0ken");
    begin(&r);
    check_failure(&r, "AWS_ACCESS_KEY_ID is not set, though others are");
}

/* An end of a line would end the header that is signed. */
static void keys_that_cannot_be_signed_are_an_error(void **state)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        run_t r;

        make(&r);
        for (size_t k = 0; k < 3; k++) {
            set(&r, names[k], k == i ? "s3cret\n" : "s3cret");
        }
        begin(&r);
        check_failure(&r, text_of("%s has a character that cannot be part of it", names[i]));
    }
}

/* --- web identity ------------------------------------------------------------------------------*/

static void make_identity(run_t *r)
{
    make(r);
    set(r, "AWS_ACCESS_KEY_ID", "");
    set(r, "AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token");
    set(r, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app");
}

static void a_role_is_assumed_with_the_token_of_a_file(void **state)
{
    run_t r;

    (void)state;
    make_identity(&r);
    set(&r, "AWS_ROLE_SESSION_NAME", "app@1");
    begin(&r);
    give_file(&r, "/var/run/token", "eyJh.eyJi.c2ln\r\n\n");
    check_request(&r, "POST https sts.amazonaws.com:443 /|Accept: application/json"
                      "|Content-Type: application/x-www-form-urlencoded"
                      "|Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                      "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp"
                      "&RoleSessionName=app%401&WebIdentityToken=eyJh.eyJi.c2ln");
    answer(&r, 200, STS_KEYS);
    check_keys(&r, "t0ken", EXPIRES_S);
    end(&r);
}

static void a_session_without_a_name_gets_a_random_one(void **state)
{
    run_t r;

    (void)state;
    make_identity(&r);
    set(&r, "AWS_STS_REGIONAL_ENDPOINTS", "regional");
    set(&r, "AWS_REGION", "eu-west-1");
    begin(&r);
    give_file(&r, "/var/run/token", "t");
    check_request(&r, "POST https sts.eu-west-1.amazonaws.com:443 /|Accept: application/json"
                      "|Content-Type: application/x-www-form-urlencoded"
                      "|Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                      "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp"
                      "&RoleSessionName=libmuv-000102030405060708090a0b0c0d0eff"
                      "&WebIdentityToken=t");
    end(&r);
}

/* The environment may be changed while the file is being read. */
static void the_path_is_kept(void **state)
{
    char path[] = "/var/run/token";
    run_t r;

    (void)state;
    make_identity(&r);
    set(&r, "AWS_WEB_IDENTITY_TOKEN_FILE", path);
    begin(&r);
    memset(path, 'x', sizeof(path) - 1);
    give_file(&r, "/var/run/token", "t");
    assert_int_equal(r.next, MUV__SOURCE_FETCH);
    end(&r);
}

static void web_identity_needs_both_variables(void **state)
{
    run_t r;

    (void)state;
    make_identity(&r);
    set(&r, "AWS_ROLE_ARN", NULL);
    begin(&r);
    check_request(&r, "PUT http 169.254.169.254:80 /latest/api/token"
                      "|X-aws-ec2-metadata-token-ttl-seconds: 30|");
    end(&r);
    make_identity(&r);
    set(&r, "AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
    set(&r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k");
    begin(&r);
    check_request(&r, "GET http 169.254.170.2:80 /k|Accept: application/json|");
    end(&r);
}

static void wrong_variables_of_web_identity_are_told_before_the_file_is_read(void **state)
{
    static char longest[2050];
    run_t r;

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    make_identity(&r);
    set(&r, "AWS_ROLE_ARN", longest);
    begin(&r);
    check_failure(&r, "AWS_ROLE_ARN is too long");
    make_identity(&r);
    set(&r, "AWS_ROLE_SESSION_NAME", longest);
    begin(&r);
    check_failure(&r, "AWS_ROLE_SESSION_NAME is too long");
    make_identity(&r);
    set(&r, "AWS_ENDPOINT_URL_STS", "sts");
    begin(&r);
    check_failure(&r, "AWS_ENDPOINT_URL_STS is not a valid URL");
}

static void a_token_file_that_is_none_is_an_error(void **state)
{
    static const char *const contents[] = {"", "\n", "to ken", "token\ntoken", "t\xc3\xa4"};
    run_t r;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(contents); i++) {
        make_identity(&r);
        begin(&r);
        give_file(&r, "/var/run/token", contents[i]);
        check_failure(&r, "AWS_WEB_IDENTITY_TOKEN_FILE: the file does not hold a token");
    }
    make_identity(&r);
    begin(&r);
    refuse_file(&r, "no such file or directory");
    check_failure(&r, "AWS_WEB_IDENTITY_TOKEN_FILE: no such file or directory");
}

static void a_token_that_is_too_long_is_an_error(void **state)
{
    static char token[220000];
    run_t r;

    (void)state;
    memset(token, '=', sizeof(token) - 1);
    make_identity(&r);
    begin(&r);
    give_file(&r, "/var/run/token", token);
    check_failure(&r, "AWS_WEB_IDENTITY_TOKEN_FILE: the token is too long");
}

static void failures_of_sts_name_the_step_and_no_contents(void **state)
{
    run_t r;

    (void)state;
    make_identity(&r);
    begin(&r);
    give_file(&r, "/var/run/token", "t");
    answer(&r, 400, "{\"Error\": {\"Message\": \"t is no token\"}}");
    check_failure(&r, "AssumeRoleWithWebIdentity at STS: HTTP status 400");
    make_identity(&r);
    begin(&r);
    give_file(&r, "/var/run/token", "t");
    break_off(&r, "sts.amazonaws.com: connection refused");
    check_failure(&r, "AssumeRoleWithWebIdentity at STS: sts.amazonaws.com: connection refused");
    make_identity(&r);
    begin(&r);
    give_file(&r, "/var/run/token", "t");
    answer(&r, 200, KEYS);
    check_failure(&r, "AssumeRoleWithWebIdentity at STS: the reply has no Credentials");
}

/* --- containers --------------------------------------------------------------------------------*/

static void a_container_asks_its_agent(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    begin(&r);
    check_request(&r, "GET http 169.254.170.2:80 /v2/credentials/1|Accept: application/json|");
    answer(&r, 200, KEYS);
    check_keys(&r, "t0ken", EXPIRES_S);
    end(&r);
}

static void a_container_may_have_a_token(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:7/k");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc=");
    begin(&r);
    check_request(&r,
                  "GET http 127.0.0.1:7 /k|Accept: application/json|Authorization: Basic abc=|");
    end(&r);
}

static void a_container_may_have_a_file_with_a_token(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/eks/token");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "unused");
    begin(&r);
    give_file(&r, "/eks/token", "eyJh.eyJi\n");
    check_request(&r, "GET http 169.254.170.23:80 /v1/credentials|Accept: application/json"
                      "|Authorization: eyJh.eyJi|");
    answer(&r, 200, KEYS);
    check_keys(&r, "t0ken", EXPIRES_S);
    end(&r);
}

static void wrong_tokens_of_a_container_are_errors(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:7/k");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y");
    begin(&r);
    check_failure(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN does not hold a token");
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:7/k");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/eks/token");
    begin(&r);
    give_file(&r, "/eks/token", "\n");
    check_failure(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE does not hold a token");
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:7/k");
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/eks/token");
    begin(&r);
    refuse_file(&r, "permission denied");
    check_failure(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: permission denied");
}

static void failures_of_a_container_are_errors(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/k");
    begin(&r);
    check_failure(&r, "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https://, or name this"
                      " machine or an agent of ECS or EKS");
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k");
    begin(&r);
    answer(&r, 500, KEYS);
    check_failure(&r, "keys from the ECS endpoint: HTTP status 500");
    make(&r);
    set(&r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k");
    begin(&r);
    answer(&r, 200, "");
    check_failure(&r, "keys from the ECS endpoint: the reply has no JSON object");
}

/* --- EC2 ---------------------------------------------------------------------------------------*/

static void an_instance_asks_in_three_steps(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    begin(&r);
    check_request(&r, "PUT http 169.254.169.254:80 /latest/api/token"
                      "|X-aws-ec2-metadata-token-ttl-seconds: 30|");
    answer(&r, 200, "AQAEA-tok==");
    check_request(&r,
                  "GET http 169.254.169.254:80 " ROLES "|X-aws-ec2-metadata-token: AQAEA-tok==|");
    answer(&r, 200, "my-role_1.a@b,c=d+e\n");
    check_request(&r, "GET http 169.254.169.254:80 " ROLES
                      "my-role_1.a@b,c=d+e|X-aws-ec2-metadata-token: AQAEA-tok==|");
    answer(&r, 200, KEYS);
    check_keys(&r, "t0ken", EXPIRES_S);
    end(&r);
}

static void the_endpoint_may_have_a_path(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:8000/mock/");
    begin(&r);
    check_request(&r, "PUT http 127.0.0.1:8000 /mock/latest/api/token"
                      "|X-aws-ec2-metadata-token-ttl-seconds: 30|");
    answer(&r, 200, "tok");
    check_request(&r, "GET http 127.0.0.1:8000 /mock" ROLES "|X-aws-ec2-metadata-token: tok|");
    answer(&r, 200, "role");
    check_request(&r, "GET http 127.0.0.1:8000 /mock" ROLES "role|X-aws-ec2-metadata-token: tok|");
    end(&r);
}

/* The path of the endpoint leaves room for the first request, for the first two, for none. */
static void an_endpoint_that_leaves_no_room_is_an_error(void **state)
{
    char endpoint[sizeof("http://h") + MUV__URL_TARGET_MAX];
    size_t room[] = {strlen("/latest/api/token") - 1, strlen(ROLES) - 1, strlen(ROLES) + 3};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(room); i++) {
        run_t r;

        memset(endpoint, 'a', sizeof(endpoint));
        memcpy(endpoint, "http://h/", 9);
        endpoint[8 + MUV__URL_TARGET_MAX - room[i]] = '\0';
        make(&r);
        set(&r, "AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
        begin(&r);
        if (i >= 1) {
            answer(&r, 200, "tok");
        }
        if (i >= 2) {
            answer(&r, 200, "role");
        }
        check_failure(&r, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    }
}

static void ec2_may_be_forbidden(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_EC2_METADATA_DISABLED", "true");
    begin(&r);
    check_failure(&r, "no variable of the environment names a source of keys, and"
                      " AWS_EC2_METADATA_DISABLED forbids to ask EC2");
}

/* No session: the older version of the service is not tried (Authentication: MUST use v2). */
static void a_session_that_is_none_is_an_error(void **state)
{
    static const char *const tokens[] = {"", "\n", "a b", "a\r\nX: y", "a\nb"};
    run_t r;

    (void)state;
    make(&r);
    begin(&r);
    answer(&r, 404, "tok");
    check_failure(&r, "session token from the EC2 endpoint: HTTP status 404");
    make(&r);
    begin(&r);
    break_off(&r, "169.254.169.254:80: timed out");
    check_failure(&r, "session token from the EC2 endpoint: 169.254.169.254:80: timed out");
    for (size_t i = 0; i < MUV__COUNT_OF(tokens); i++) {
        make(&r);
        begin(&r);
        answer(&r, 200, tokens[i]);
        check_failure(&r, "session token from the EC2 endpoint: the reply is not a token");
    }
}

static void begin_with_session(run_t *r)
{
    make(r);
    begin(r);
    answer(r, 200, "tok");
}

/* The name becomes a part of a URL. */
static void a_role_that_is_none_is_an_error(void **state)
{
    static const char *const names[] = {
        "",
        "\n",
        "a b",
        "a/b",
        "../../user-data",
        "a?b",
        "a#b",
        "a%2fb",
        "a\nb",
        ".",
        "..",
        "\xc3\xa4",
        "0123456789012345678901234567890123456789012345678901234567890123456"};
    run_t r;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(names); i++) {
        begin_with_session(&r);
        answer(&r, 200, names[i]);
        check_failure(&r, "name of the role from the EC2 endpoint: the reply is not the name of a"
                          " role");
    }
    begin_with_session(&r);
    answer(&r, 404, "");
    check_failure(&r, "name of the role from the EC2 endpoint: HTTP status 404");
}

static void failures_of_the_last_step_are_errors(void **state)
{
    run_t r;

    (void)state;
    begin_with_session(&r);
    answer(&r, 200, "role");
    answer(&r, 401, "");
    check_failure(&r, "keys of the role from the EC2 endpoint: HTTP status 401");
    begin_with_session(&r);
    answer(&r, 200, "role");
    answer(&r, 200, "{\"Code\": \"AssumeRoleUnauthorizedAccess\", \"Message\": \"m\"}");
    check_failure(&r, "keys of the role from the EC2 endpoint: the reply has a Code other than"
                      " Success");
}

/* --- life --------------------------------------------------------------------------------------*/

static void a_run_may_be_left_at_any_step(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    begin(&r);
    answer(&r, 200, "tok");
    set(&r, "AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    set(&r, "AWS_ROLE_ARN", "arn");
    begin(&r);
    assert_int_equal(r.source->request.header_count, 2);
    give_file(&r, "/t", "t");
    set(&r, "AWS_ROLE_ARN", NULL);
    begin(&r);
    check_request(&r, "PUT http 169.254.169.254:80 /latest/api/token"
                      "|X-aws-ec2-metadata-token-ttl-seconds: 30|");
    answer(&r, 200, "tok");
    answer(&r, 200, "role");
    answer(&r, 200, KEYS);
    assert_int_equal(r.next, MUV__SOURCE_DONE);
    begin(&r);
    assert_null(r.source->credentials);
    end(&r);
}

static void credentials_may_be_taken(void **state)
{
    muv__credentials_t *taken;
    run_t r;

    (void)state;
    make(&r);
    set(&r, "AWS_ACCESS_KEY_ID", "ASIAKEY");
    set(&r, "AWS_SECRET_ACCESS_KEY", "s3cret");
    begin(&r);
    taken = r.source->credentials;
    r.source->credentials = NULL;
    end(&r);
    assert_string_equal(taken->aws.secret_access_key, "s3cret");
    muv__credentials_release(taken);
}

/* (Authentication: "a 10 second read timeout") */
static void a_run_has_ten_seconds(void **state)
{
    run_t r;

    (void)state;
    make(&r);
    assert_true(r.source->timeout_us == 10000000);
    end(&r);
}

static void https_is_foreseen(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int wants;
    } cases[] = {
        {"AWS_ROLE_ARN", "arn", 0},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", "/t", 1},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", "", 0},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://example.com/", 1},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/", 0},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "nonsense", 0},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k", 0},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://example.com/", 1},
        {"AWS_ENDPOINT_URL_STS", "https://example.com/", 1},
    };
    environment_t local = {.count = 0};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(cases); i++) {
        environment_t e = {.count = 0};

        environment_set(&e, cases[i].name, cases[i].value);
        assert_int_equal(muv__aws_source_wants_tls(environment_get, &e), cases[i].wants);
    }
    environment_set(&local, "AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
    environment_set(&local, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1/");
    assert_int_equal(muv__aws_source_wants_tls(environment_get, &local), 0);
}

/* --- running out of memory ---------------------------------------------------------------------*/

typedef struct sweep {
    const char *variable;
    const char *value;
} sweep_t;

/* One run, fed with whatever it asks for. */
static void run_once(void *data)
{
    static const char *const bodies[] = {"tok", "role", KEYS};
    static char token[1000];
    const sweep_t *sweep = data;
    run_t r = {.next = MUV__SOURCE_FAILED};
    size_t step = strcmp(sweep->variable, "AWS_EC2_METADATA_DISABLED") == 0 ? 0 : 2;

    set(&r, sweep->variable, sweep->value);
    set(&r, "AWS_ROLE_ARN", "arn");
    set(&r, "AWS_SECRET_ACCESS_KEY",
        strcmp(sweep->variable, "AWS_ACCESS_KEY_ID") == 0 ? "s3cret" : NULL);
    set(&r, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t");
    if (muv__aws_source_new(environment_get, &r.environment, &r.source) != 0) {
        assert_true(alloc_has_failed());
        return;
    }
    begin(&r);
    if (r.next == MUV__SOURCE_READ) {
        memset(token, 't', sizeof(token) - 1);
        give_file(&r, r.source->path, token);
    }
    while (r.next == MUV__SOURCE_FETCH) {
        answer(&r, 200, r.source->request.body.size != 0 ? STS_KEYS : bodies[step++]);
    }
    assert_int_equal(r.next, alloc_has_failed() ? MUV__SOURCE_FAILED : MUV__SOURCE_DONE);
    if (r.next == MUV__SOURCE_FAILED) {
        assert_string_equal(r.source->why, "out of memory");
    }
    end(&r);
}

static void every_failing_allocation_is_survived(void **state)
{
    sweep_t sweeps[] = {{"AWS_ACCESS_KEY_ID", "ASIAKEY"},
                        {"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"},
                        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/k"},
                        {"AWS_EC2_METADATA_DISABLED", "false"}};
    unsigned allocations[] = {2, 9, 8, 7};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(sweeps); i++) {
        assert_int_equal(alloc_sweep(run_once, &sweeps[i]), allocations[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_environment_come_first),
        cmocka_unit_test(the_environment_is_read_anew_in_every_run),
        cmocka_unit_test(half_of_the_keys_is_an_error),
        cmocka_unit_test(keys_that_cannot_be_signed_are_an_error),
        cmocka_unit_test(a_role_is_assumed_with_the_token_of_a_file),
        cmocka_unit_test(a_session_without_a_name_gets_a_random_one),
        cmocka_unit_test(the_path_is_kept),
        cmocka_unit_test(web_identity_needs_both_variables),
        cmocka_unit_test(wrong_variables_of_web_identity_are_told_before_the_file_is_read),
        cmocka_unit_test(a_token_file_that_is_none_is_an_error),
        cmocka_unit_test(a_token_that_is_too_long_is_an_error),
        cmocka_unit_test(failures_of_sts_name_the_step_and_no_contents),
        cmocka_unit_test(a_container_asks_its_agent),
        cmocka_unit_test(a_container_may_have_a_token),
        cmocka_unit_test(a_container_may_have_a_file_with_a_token),
        cmocka_unit_test(wrong_tokens_of_a_container_are_errors),
        cmocka_unit_test(failures_of_a_container_are_errors),
        cmocka_unit_test(an_instance_asks_in_three_steps),
        cmocka_unit_test(the_endpoint_may_have_a_path),
        cmocka_unit_test(an_endpoint_that_leaves_no_room_is_an_error),
        cmocka_unit_test(ec2_may_be_forbidden),
        cmocka_unit_test(a_session_that_is_none_is_an_error),
        cmocka_unit_test(a_role_that_is_none_is_an_error),
        cmocka_unit_test(failures_of_the_last_step_are_errors),
        cmocka_unit_test(a_run_may_be_left_at_any_step),
        cmocka_unit_test(credentials_may_be_taken),
        cmocka_unit_test(a_run_has_ten_seconds),
        cmocka_unit_test(https_is_foreseen),
        cmocka_unit_test_teardown(every_failing_allocation_is_survived, alloc_teardown),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
