/* SPDX-License-Identifier: Apache-2.0 */
/* MONGODB-AWS of a whole client: where its keys come from, and what goes wrong there. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "integration/auth_aws_fixture.h"
#include "muv/events.h"
#include "muv/log.h"

static void check_header(const aws_fixture_t *a, unsigned index, const char *name,
                         const char *expected)
{
    const char *value = http_server_header(http_server_request(a->endpoint, index), name);

    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void check_line(const aws_fixture_t *a, unsigned index, const char *method,
                       const char *target)
{
    const http_server_request_t *request = http_server_request(a->endpoint, index);

    assert_string_equal(request->method, method);
    assert_string_equal(request->target, target);
}

/* --- keys from the options ---------------------------------------------------------------------*/

static void keys_of_the_options_log_in(void **state)
{
    aws_fixture_t *a = *state;
    muv_aws_opts_t keys = {ID, SECRET, TOKEN, NULL, NULL};
    muv_client_opts_t opts = {.aws = &keys};

    set_variable("AWS_ACCESS_KEY_ID", "ignored");
    set_variable("AWS_SECRET_ACCESS_KEY", "ignored");
    open_client(a->f, OPTIONS, &opts);
    find_once(a);
    assert_int_equal(a->server.accepted, 1);
    close_client(a->f, MUV_CLOSE_DRAIN);
    keys.session_token = NULL;
    a->server.session_token = NULL;
    open_client(a->f, OPTIONS, &opts);
    find_once(a);
    assert_int_equal(a->server.accepted, 2);
    assert_int_equal(a->server.refused, 0);
    assert_int_equal(http_server_count(a->endpoint), 0);
}

static void the_host_of_the_server_decides_the_region(void **state)
{
    aws_fixture_t *a = *state;
    muv_aws_opts_t keys = {ID, SECRET, TOKEN, NULL, NULL};

    a->server.host = "sts.eu-central-1.amazonaws.com";
    a->server.region = "eu-central-1";
    open_client(a->f, OPTIONS, &(muv_client_opts_t){.aws = &keys});
    find_once(a);
    assert_int_equal(a->server.accepted, 1);
}

static void wrong_keys_are_refused_by_the_server(void **state)
{
    aws_fixture_t *a = *state;
    muv_aws_opts_t keys = {ID, SECRET "x", TOKEN, NULL, NULL};
    outcome_t o = {0};

    open_client(a->f, OPTIONS, &(muv_client_opts_t){.aws = &keys});
    start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
    await_error(&o, MUV_EAUTH);
    assert_int_equal(o.error.server_code, 18);
    CHECK_CONTAINS(o.error.message, "MONGODB-AWS");
    CHECK_CONTAINS(o.error.message, "$external");
    assert_null(strstr(o.error.message, SECRET));
    assert_string_equal(a->server.why, "the signature");
    outcome_clear(&o);
}

static void a_server_that_does_not_know_our_nonce_gets_no_signature(void **state)
{
    aws_fixture_t *a = *state;
    muv_aws_opts_t keys = {ID, SECRET, TOKEN, NULL, NULL};

    a->server.foreign_nonce = true;
    open_client(a->f, OPTIONS, &(muv_client_opts_t){.aws = &keys});
    fail_once(a, "nonce");
    assert_int_equal(mock_request_count(a->f->mock, "saslContinue"), 0);
}

static void refuse_options(aws_fixture_t *a, const char *options, const muv_aws_opts_t *keys)
{
    muv_client_opts_t opts = {.aws = keys};
    muv_client_t *client = NULL;
    muv_error_t error = {0};

    CHECK_CODE(muv_client_new(&a->f->loop, mock_uri(a->f->mock, options), &opts, &error, &client),
               MUV_EINVAL);
    assert_null(client);
    CHECK_CONTAINS(error.message, "aws");
    assert_null(strstr(error.message, SECRET));
}

static void ignore_request(muv_credential_request_t *request, void *data)
{
    (void)request;
    (void)data;
}

static void wrong_options_are_refused(void **state)
{
    aws_fixture_t *a = *state;

    refuse_options(a, OPTIONS, &(muv_aws_opts_t){.access_key_id = ID});
    refuse_options(a, OPTIONS, &(muv_aws_opts_t){.secret_access_key = SECRET});
    refuse_options(a, OPTIONS, &(muv_aws_opts_t){.session_token = TOKEN});
    refuse_options(a, OPTIONS, &(muv_aws_opts_t){.callback = NULL});
    refuse_options(a, OPTIONS,
                   &(muv_aws_opts_t){ID, SECRET, NULL, .callback = ignore_request, NULL});
    refuse_options(a, NULL, &(muv_aws_opts_t){ID, SECRET, NULL, NULL, NULL});
}

/* --- keys from the environment -----------------------------------------------------------------*/

static void keys_of_the_environment_are_read_at_every_login(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o[2] = {{0}};

    set_variable("AWS_ACCESS_KEY_ID", ID);
    set_variable("AWS_SECRET_ACCESS_KEY", SECRET);
    set_variable("AWS_SESSION_TOKEN", TOKEN);
    open_client(a->f, OPTIONS, NULL);
    hold_one(a, &o[0]);
    a->server.access_key_id = "NEW";
    a->server.secret_access_key = "new";
    a->server.session_token = NULL;
    set_variable("AWS_ACCESS_KEY_ID", "NEW");
    set_variable("AWS_SECRET_ACCESS_KEY", "new");
    set_variable("AWS_SESSION_TOKEN", "");
    hold_one(a, &o[1]);
    assert_int_equal(a->server.accepted, 2);
    assert_int_equal(a->server.refused, 0);
    release_all(a, o, 2);
}

static void half_of_the_keys_is_an_error_that_names_the_variable(void **state)
{
    aws_fixture_t *a = *state;

    set_variable("AWS_ACCESS_KEY_ID", ID);
    open_client(a->f, OPTIONS, NULL);
    fail_once(a, "AWS_SECRET_ACCESS_KEY is not set");
    assert_int_equal(a->server.accepted, 0);
}

/* --- endpoints ---------------------------------------------------------------------------------*/

static void a_web_identity_is_exchanged_for_keys(void **state)
{
    aws_fixture_t *a = *state;
    const http_server_request_t *request;

    use_web_identity(a);
    set_variable("AWS_ROLE_SESSION_NAME", "app");
    endpoint_answers(
        a, "POST", "/sts",
        text_of("{\"AssumeRoleWithWebIdentityResponse\": {\"AssumeRoleWithWebIdentityResult\":"
                " {\"Credentials\": %s}}}",
                keys_text(SECRET, "SessionToken", HOUR_S)));
    open_client(a->f, OPTIONS, NULL);
    find_once(a);
    (void)unlink(a->token_path);
    assert_int_equal(a->server.accepted, 1);
    assert_int_equal(http_server_count(a->endpoint), 1);
    check_line(a, 0, "POST", "/sts");
    check_header(a, 0, "Accept", "application/json");
    check_header(a, 0, "Content-Type", "application/x-www-form-urlencoded");
    request = http_server_request(a->endpoint, 0);
    assert_string_equal(request->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                                       "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
                                       "&RoleSessionName=app&WebIdentityToken=" IDENTITY);
}

/* An STS with TLS. The authority of its certificate is trusted if the environment says so. */
typedef struct sts {
    cert_t authority;
    cert_t stranger; /* Another authority. */
    cert_t cert;
    http_server_t *server;
} sts_t;

static void open_sts(aws_fixture_t *a, sts_t *sts)
{
    const char *keys = keys_text(SECRET, "SessionToken", HOUR_S);

    sts->authority = cert_make(&(cert_spec_t){.common_name = "authority", .is_authority = 1});
    sts->stranger = cert_make(&(cert_spec_t){.common_name = "stranger", .is_authority = 1});
    sts->cert = cert_make(&(cert_spec_t){
        .common_name = "sts", .issuer = &sts->authority, .alt_names = "IP:127.0.0.1"});
    sts->server = http_server_new(
        &a->f->loop, &(tls_server_opts_t){.cert = &sts->cert, .wall_s = (int64_t)time(NULL)});
    http_server_on(sts->server, "POST", "/sts",
                   &(http_server_reply_t){.body = text_of("{\"Credentials\": %s}", keys)});
    use_web_identity(a);
    set_variable("AWS_ENDPOINT_URL_STS", http_server_url(sts->server, "/sts"));
}

static void close_sts(sts_t *sts)
{
    http_server_close(sts->server);
    cert_done(&sts->cert);
    cert_done(&sts->authority);
    cert_done(&sts->stranger);
}

/* A client that trusts this authority. */
static void open_trusting(aws_fixture_t *a, const cert_t *authority)
{
    pem_t pem = cert_pem(authority, NULL, NULL);
    char path[AWS_PATH_SIZE];

    write_file(path, pem.text);
    free(pem.text);
    set_variable("SSL_CERT_FILE", path);
    open_client(a->f, OPTIONS, NULL);
    (void)unlink(path);
}

/* Authorities of tlsCAFile are for the server of MongoDB. */
static void an_endpoint_of_https_must_be_trusted_by_the_system(void **state)
{
    aws_fixture_t *a = *state;
    sts_t sts;

    open_sts(a, &sts);
    open_trusting(a, &sts.stranger);
    fail_once(a, "AssumeRoleWithWebIdentity at STS: ");
    assert_int_equal(http_server_count(sts.server), 0);
    close_client(a->f, MUV_CLOSE_DRAIN);
    open_trusting(a, &sts.authority);
    find_once(a);
    assert_int_equal(http_server_count(sts.server), 1);
    assert_int_equal(a->server.accepted, 1);
    close_sts(&sts);
}

static void a_container_gets_keys_from_its_agent(void **state)
{
    aws_fixture_t *a = *state;

    use_container(a, HOUR_S);
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc=");
    open_client(a->f, OPTIONS, NULL);
    find_once(a);
    assert_int_equal(a->server.accepted, 1);
    assert_int_equal(http_server_count(a->endpoint), 1);
    check_line(a, 0, "GET", "/keys");
    check_header(a, 0, "Authorization", "Basic abc=");
}

/* The file is read anew for every request: EKS changes it. */
static void a_container_may_have_its_token_in_a_file(void **state)
{
    aws_fixture_t *a = *state;

    use_container(a, HOUR_S);
    write_token_file(a, IDENTITY "\r\n");
    set_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", a->token_path);
    open_client(a->f, OPTIONS, NULL);
    find_once(a);
    (void)unlink(a->token_path);
    check_header(a, 0, "Authorization", IDENTITY);
}

static void an_instance_gets_keys_in_three_steps(void **state)
{
    aws_fixture_t *a = *state;

    use_instance(a);
    open_client(a->f, OPTIONS, NULL);
    find_once(a);
    assert_int_equal(a->server.accepted, 1);
    assert_int_equal(http_server_count(a->endpoint), 3);
    check_line(a, 0, "PUT", "/latest/api/token");
    check_header(a, 0, "X-aws-ec2-metadata-token-ttl-seconds", "30");
    check_line(a, 1, "GET", ROLES);
    check_header(a, 1, "X-aws-ec2-metadata-token", SESSION);
    check_line(a, 2, "GET", ROLES "my-role");
    check_header(a, 2, "X-aws-ec2-metadata-token", SESSION);
}

/* --- what goes wrong there ---------------------------------------------------------------------*/

static void failures_of_sts_are_told_without_contents(void **state)
{
    aws_fixture_t *a = *state;

    use_web_identity(a);
    http_server_on(a->endpoint, NULL, "/sts",
                   &(http_server_reply_t){.status = 400, .body = "{\"Error\": \"" IDENTITY "\"}"});
    open_client(a->f, OPTIONS, NULL);
    fail_once(a, "AssumeRoleWithWebIdentity at STS: HTTP status 400");
    assert_int_equal(mock_request_count(a->f->mock, "find"), 0);
    (void)unlink(a->token_path);
    fail_once(a, "AWS_WEB_IDENTITY_TOKEN_FILE: no such file or directory");
}

static void failures_of_ec2_name_the_step(void **state)
{
    aws_fixture_t *a = *state;

    set_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", http_server_url(a->endpoint, ""));
    open_client(a->f, OPTIONS, NULL);
    fail_once(a, "session token from the EC2 endpoint: HTTP status 404");
    endpoint_answers(a, "PUT", "/latest/api/token", SESSION);
    fail_once(a, "name of the role from the EC2 endpoint: HTTP status 404");
    endpoint_answers(a, "GET", ROLES "my-role", "{\"Code\": \"Failed\", \"Token\": \"" TOKEN "\"}");
    endpoint_answers(a, "GET", ROLES, "my-role");
    fail_once(a, "keys of the role from the EC2 endpoint: the reply has a Code other than Success");
    http_server_clear(a->endpoint);
    http_server_on(a->endpoint, NULL, "/", &(http_server_reply_t){.act = HTTP_SERVER_CLOSE});
    fail_once(a, "session token from the EC2 endpoint: ");
}

static void ec2_may_be_forbidden(void **state)
{
    aws_fixture_t *a = *state;

    set_variable("AWS_EC2_METADATA_DISABLED", "true");
    open_client(a->f, OPTIONS, NULL);
    fail_once(a, "AWS_EC2_METADATA_DISABLED");
}

/* An operation does not wait longer than it may, whatever the endpoint does. */
static void an_endpoint_that_never_answers_holds_no_operation_up(void **state)
{
    aws_fixture_t *a = *state;
    outcome_t o = {0};

    set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", http_server_url(a->endpoint, "/keys"));
    http_server_on(a->endpoint, NULL, "/", &(http_server_reply_t){.act = HTTP_SERVER_HANG});
    open_client(a->f, OPTIONS, NULL);
    start_command(a->f, &o, "{\"find\": \"c\"}", &(muv_run_command_opts_t){.timeout_ms = 300});
    await_error(&o, MUV_ETIMEOUT);
    assert_int_equal(http_server_count(a->endpoint), 1);
    outcome_clear(&o);
}

static void closing_in_the_middle_of_everything_ends_it(void **state)
{
    aws_fixture_t *a = *state;

    use_instance(a);
    for (unsigned ms = 0; ms < 12; ms++) {
        outcome_t o = {0};

        open_client(a->f, OPTIONS, NULL);
        start_command(a->f, &o, "{\"find\": \"c\"}", NULL);
        run_for(&a->f->loop, ms);
        close_client(a->f, MUV_CLOSE_ABORT);
        assert_true(o.done);
        outcome_clear(&o);
    }
}

/* --- secrets -----------------------------------------------------------------------------------*/

typedef struct seen {
    unsigned count;
    unsigned with_secret;
} seen_t;

static void look_at(seen_t *seen, const char *text)
{
    static const char *const secrets[] = {SECRET, TOKEN, IDENTITY, SESSION, "Signature="};

    seen->count++;
    for (size_t i = 0; i < MUV__COUNT_OF(secrets); i++) {
        if (text != NULL && strstr(text, secrets[i]) != NULL) {
            print_error("a secret in: %s\n", text);
            seen->with_secret++;
        }
    }
}

static void on_log(const muv_log_message_t *message, void *data)
{
    char *json = bson_as_relaxed_extended_json(message->data, NULL);

    look_at(data, json);
    bson_free(json);
}

static void on_command(const muv_command_event_t *event, void *data)
{
    seen_t *seen = data;

    if (event->document != NULL) {
        bson_t document;
        char *json;

        assert_true(bson_init_static(&document, event->document, event->document_size));
        json = bson_as_relaxed_extended_json(&document, NULL);
        look_at(seen, json);
        bson_free(json);
    }
    if (event->error != NULL) {
        look_at(seen, event->error->message);
    }
}

/* Errors are looked through in fail_once(). */
static void no_log_message_and_no_event_holds_a_secret(void **state)
{
    aws_fixture_t *a = *state;
    seen_t logged = {0};
    seen_t events = {0};
    muv_log_opts_t log = {.cb = on_log, .data = &logged, .all = MUV_LOG_TRACE};
    muv_listener_t listener = {.on_command = on_command, .data = &events};
    muv_client_opts_t opts = {.log = &log, .listener = &listener};

    use_instance(a);
    open_client(a->f, OPTIONS, &opts);
    find_once(a);
    close_client(a->f, MUV_CLOSE_DRAIN);
    use_web_identity(a);
    endpoint_answers(a, "POST", "/sts",
                     text_of("{\"Credentials\": %s}", keys_text(SECRET, "SessionToken", HOUR_S)));
    open_client(a->f, OPTIONS, &opts);
    find_once(a);
    close_client(a->f, MUV_CLOSE_DRAIN);
    a->server.secret_access_key = "another";
    open_client(a->f, OPTIONS, &opts);
    fail_once(a, "MONGODB-AWS");
    close_client(a->f, MUV_CLOSE_DRAIN);
    (void)unlink(a->token_path);
    assert_true(logged.count > 20);
    assert_true(events.count >= 2);
    assert_int_equal(logged.with_secret, 0);
    assert_int_equal(events.with_secret, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_of_the_options_log_in, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(the_host_of_the_server_decides_the_region, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(wrong_keys_are_refused_by_the_server, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(a_server_that_does_not_know_our_nonce_gets_no_signature,
                                        aws_open, aws_close),
        cmocka_unit_test_setup_teardown(wrong_options_are_refused, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(keys_of_the_environment_are_read_at_every_login, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(half_of_the_keys_is_an_error_that_names_the_variable,
                                        aws_open, aws_close),
        cmocka_unit_test_setup_teardown(a_web_identity_is_exchanged_for_keys, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(an_endpoint_of_https_must_be_trusted_by_the_system,
                                        aws_open, aws_close),
        cmocka_unit_test_setup_teardown(a_container_gets_keys_from_its_agent, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(a_container_may_have_its_token_in_a_file, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(an_instance_gets_keys_in_three_steps, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(failures_of_sts_are_told_without_contents, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(failures_of_ec2_name_the_step, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(ec2_may_be_forbidden, aws_open, aws_close),
        cmocka_unit_test_setup_teardown(an_endpoint_that_never_answers_holds_no_operation_up,
                                        aws_open, aws_close),
        cmocka_unit_test_setup_teardown(closing_in_the_middle_of_everything_ends_it, aws_open,
                                        aws_close),
        cmocka_unit_test_setup_teardown(no_log_message_and_no_event_holds_a_secret, aws_open,
                                        aws_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
