/* SPDX-License-Identifier: Apache-2.0 */
/* Logins of a whole client: a real server with users made here, and the mock where that one has
 * nothing to offer. */
#include <stdio.h>
#include <string.h>

#include "client/client_inner.h"
#include "integration/client_fixture.h"
#include "muv/log.h"
#include "support/process.h"

#define PASSWORD "p3ncil-s3cret"
#define MANY 40

static server_process_t *real;

/* --- users -------------------------------------------------------------------------------------*/

static void run(client_fixture_t *f, const char *json)
{
    outcome_t o = {0};

    start_command(f, &o, json, NULL);
    await_success(&o);
    outcome_clear(&o);
}

static void create_user(client_fixture_t *f, const char *name, const char *password,
                        const char *mechanisms)
{
    run(f, text_of("{\"createUser\": \"%s\", \"pwd\": \"%s\", \"roles\": [\"readWrite\"],"
                   " \"mechanisms\": [%s]}",
                   name, password, mechanisms));
}

static int setup(void **state)
{
    client_fixture_t *f;

    real = server_start(&(server_opts_t){.auth = true});
    if (open_fixture_without_mock(state) != 0) {
        return -1;
    }
    f = *state;
    open_client_at(f, server_uri(real), NULL);
    create_user(f, "sha1", PASSWORD, "\"SCRAM-SHA-1\"");
    create_user(f, "sha256", PASSWORD, "\"SCRAM-SHA-256\"");
    create_user(f, "both", PASSWORD, "\"SCRAM-SHA-1\", \"SCRAM-SHA-256\"");
    create_user(f, "IX", "IX", "\"SCRAM-SHA-256\"");
    create_user(f, "\\u2168", "\\u2163", "\"SCRAM-SHA-256\"");
    create_user(f, "c@d: x", "p\xc3\xa4ss,=:@\xe2\x82\xac", "\"SCRAM-SHA-1\", \"SCRAM-SHA-256\"");
    close_client(f, MUV_CLOSE_DRAIN);
    return close_fixture(state);
}

static int teardown(void **state)
{
    (void)state;
    server_stop(real);
    return 0;
}

/* --- logins at the real server -----------------------------------------------------------------*/

static void open_as(client_fixture_t *f, const char *user, const char *options,
                    const muv_client_opts_t *opts)
{
    open_client_at(f,
                   text_of("mongodb://%s@127.0.0.1:%d/d?heartbeatFrequencyMS=500%s", user,
                           server_port(real), options),
                   opts);
}

static void check_login(client_fixture_t *f, const char *user, const char *options)
{
    open_as(f, user, options, NULL);
    run(f, "{\"find\": \"c\", \"limit\": 1}");
    close_client(f, MUV_CLOSE_DRAIN);
}

static void check_refusal(client_fixture_t *f, const char *user, const char *options,
                          const char *mechanism)
{
    outcome_t o = {0};

    open_as(f, user, options, NULL);
    start_command(f, &o, "{\"find\": \"c\"}", NULL);
    await_error(&o, MUV_EAUTH);
    assert_int_equal(o.error.domain, MUV_DOMAIN_AUTH);
    assert_int_equal(o.error.server_code, 18);
    CHECK_CONTAINS(o.error.message, mechanism);
    CHECK_CONTAINS(o.error.message, "on \"d\"");
    assert_null(strstr(o.error.message, "wr0ng"));
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void the_mechanism_is_negotiated(void **state)
{
    client_fixture_t *f = *state;

    check_login(f, "sha1:" PASSWORD, "");
    check_login(f, "sha256:" PASSWORD, "");
    check_login(f, "both:" PASSWORD, "");
    check_login(f, "both:" PASSWORD, "&replicaSet=secantus");
}

static void a_mechanism_may_be_named(void **state)
{
    client_fixture_t *f = *state;

    check_login(f, "sha1:" PASSWORD, "&authMechanism=SCRAM-SHA-1");
    check_login(f, "sha256:" PASSWORD, "&authMechanism=SCRAM-SHA-256");
    check_login(f, "both:" PASSWORD, "&authMechanism=SCRAM-SHA-1");
    check_login(f, "both:" PASSWORD, "&authMechanism=SCRAM-SHA-256");
}

/* Keys of SHA-1 are shorter. */
static bool has_keys_of_sha_256(const muv_client_t *client)
{
    static const uint8_t zeros[MUV__HASH_MAX_SIZE - 20];
    const uint8_t *key = client->keys.entries[0].keys.client;

    assert_int_equal(client->keys.computed_count, 1);
    return memcmp(key + 20, zeros, sizeof(zeros)) != 0;
}

/* (Authentication, prose tests of SCRAM-SHA-256, step 2) */
static void of_two_mechanisms_the_stronger_one_is_negotiated(void **state)
{
    client_fixture_t *f = *state;

    open_as(f, "both:" PASSWORD, "", NULL);
    run(f, "{\"dbStats\": 1}");
    assert_true(has_keys_of_sha_256(f->client));
    close_client(f, MUV_CLOSE_DRAIN);
    open_as(f, "both:" PASSWORD, "&authMechanism=SCRAM-SHA-1", NULL);
    run(f, "{\"dbStats\": 1}");
    assert_false(has_keys_of_sha_256(f->client));
    close_client(f, MUV_CLOSE_DRAIN);
}

/* (Step 3: a user that does not exist is refused like one with a wrong password.) */
static void a_mechanism_that_a_user_does_not_have_is_refused(void **state)
{
    client_fixture_t *f = *state;

    check_refusal(f, "sha256:" PASSWORD, "&authMechanism=SCRAM-SHA-1", "SCRAM-SHA-1 ");
    check_refusal(f, "sha1:" PASSWORD, "&authMechanism=SCRAM-SHA-256", "SCRAM-SHA-256");
    check_refusal(f, "nobody:wr0ng", "", "SCRAM-SHA-");
    check_refusal(f, "nobody:wr0ng", "&authMechanism=SCRAM-SHA-256", "SCRAM-SHA-256");
}

/* (Step 4) */
static void passwords_are_prepared_and_user_names_are_not(void **state)
{
    client_fixture_t *f = *state;

    check_login(f, "IX:IX", "");
    check_login(f, "IX:I%C2%ADX", "");
    check_login(f, "%E2%85%A8:IV", "");
    check_login(f, "%E2%85%A8:I%C2%ADV", "");
    check_login(f, "%E2%85%A8:%E2%85%A3", "");
    check_refusal(f, "I%C2%ADX:IX", "&authMechanism=SCRAM-SHA-256", "SCRAM-SHA-256");
}

/* The server does not undo the escaping of "=" and "," in user names; scram_test.c has those. */
static void names_and_passwords_may_hold_any_character(void **state)
{
    client_fixture_t *f = *state;

    check_login(f, "c%40d%3A%20x:p%C3%A4ss%2C%3D%3A%40%E2%82%AC", "");
    check_login(f, "c%40d%3A%20x:p%C3%A4ss%2C%3D%3A%40%E2%82%AC", "&authMechanism=SCRAM-SHA-1");
}

static void a_wrong_password_is_an_error_that_does_not_show_it(void **state)
{
    client_fixture_t *f = *state;

    check_refusal(f, "both:wr0ng", "", "SCRAM-SHA-256");
    check_refusal(f, "both:wr0ng", "&authMechanism=SCRAM-SHA-1", "SCRAM-SHA-1 ");
}

static void a_password_that_cannot_be_prepared_is_not_sent(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    open_as(f, "sha256:wr0ng%07", "", NULL);
    start_command(f, &o, "{\"find\": \"c\"}", NULL);
    await_error(&o, MUV_EAUTH);
    CHECK_CONTAINS(o.error.message, "control character");
    assert_null(strstr(o.error.message, "wr0ng"));
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
}

static void many_connections_compute_their_keys_once(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[MANY];

    memset(o, 0, sizeof(o));
    open_as(f, "both:" PASSWORD, "&maxConnecting=40&maxPoolSize=40", NULL);
    for (size_t i = 0; i < MANY; i++) {
        start_command(f, &o[i], "{\"find\": \"c\"}", NULL);
    }
    for (size_t i = 0; i < MANY; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_true(stats_of(f).connections_created > 2);
    assert_int_equal(f->client->keys.computed_count, 1);
    close_client(f, MUV_CLOSE_DRAIN);
}

/* A client that is closed while its connections log in. */
static void closing_in_the_middle_of_logins_ends_them(void **state)
{
    client_fixture_t *f = *state;

    for (unsigned ms = 0; ms < 24; ms += 3) {
        outcome_t o = {0};

        open_as(f, "both:" PASSWORD, "", NULL);
        start_command(f, &o, "{\"find\": \"c\"}", NULL);
        run_for(&f->loop, ms);
        close_client(f, MUV_CLOSE_ABORT);
        assert_true(o.done);
        outcome_clear(&o);
    }
}

static void no_log_message_holds_a_password(void **state)
{
    client_fixture_t *f = *state;
    log_search_t search = {.texts = {PASSWORD, "wr0ng"}};
    muv_log_opts_t log = {.cb = log_search_cb, .data = &search, .all = MUV_LOG_TRACE};
    muv_client_opts_t opts = {.log = &log};
    outcome_t o = {0};

    open_as(f, "both:" PASSWORD, "", &opts);
    run(f, "{\"find\": \"c\"}");
    close_client(f, MUV_CLOSE_DRAIN);
    open_as(f, "both:wr0ng", "", &opts);
    start_command(f, &o, "{\"find\": \"c\"}", NULL);
    await_error(&o, MUV_EAUTH);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(search.count > 10);
    assert_int_equal(search.found, 0);
}

/* --- X.509 -------------------------------------------------------------------------------------*/

static void on_created(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    *(bool *)data = true;
}

static void create_x509_user(client_fixture_t *f, const char *name)
{
    bson_t *command = bson_from(text_of("{\"createUser\": \"%s\", \"roles\":"
                                        " [{\"role\": \"readWrite\", \"db\": \"d\"}],"
                                        " \"mechanisms\": [\"MONGODB-X509\"]}",
                                        name));
    bool created = false;

    CHECK_CODE(muv_run_command(f->client, "$external", command, NULL, on_created, &created, NULL),
               0);
    run_until(&f->loop, &created, WAIT_MS);
    bson_destroy(command);
}

static void a_certificate_is_a_login(void **state)
{
    client_fixture_t *f = *state;
    server_process_t *server = server_start(&(server_opts_t){.auth = true, .tls = true});
    char ca[300];
    char key[300];
    const char *uri;

    (void)snprintf(ca, sizeof(ca), "%s", server_value(server, "MUV_TEST_CA_FILE"));
    (void)snprintf(key, sizeof(key), "%s", server_value(server, "MUV_TEST_CLIENT_PEM"));
    open_client_at(f, server_uri(server), NULL);
    create_x509_user(f, "CN=client,OU=tests,O=libmuv");
    close_client(f, MUV_CLOSE_DRAIN);
    uri = text_of("mongodb://127.0.0.1:%d/?tls=true&tlsCAFile=%s&tlsCertificateKeyFile=%s&"
                  "authMechanism=MONGODB-X509",
                  server_port(server), ca, key);
    open_client_at(f, uri, NULL);
    run(f, "{\"find\": \"c\"}");
    close_client(f, MUV_CLOSE_DRAIN);
    server_stop(server);
}

/* --- logins at the mock ------------------------------------------------------------------------*/

static void open_at_mock(client_fixture_t *f, const char *user, const char *options)
{
    open_client_at(f,
                   text_of("mongodb://%s@%s/?heartbeatFrequencyMS=60000%s", user,
                           mock_address(f->mock, 0), options),
                   NULL);
}

static void plain_sends_user_and_password_to_its_source(void **state)
{
    client_fixture_t *f = *state;
    const mock_request_t *request;
    bson_t *document;
    outcome_t o = {0};

    mock_reply(f->mock, "saslStart",
               "{\"ok\": 1, \"conversationId\": 1, \"done\": true, \"payload\":"
               " {\"$binary\": {\"base64\": \"\", \"subType\": \"00\"}}}");
    open_at_mock(f, "user:pencil", "&authMechanism=PLAIN");
    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
    request = mock_request_of(f->mock, "saslStart", 0);
    document = mock_request_document(request);
    CHECK_BSON_EQUAL(document, "{\"saslStart\": 1, \"mechanism\": \"PLAIN\", \"payload\":"
                               " {\"$binary\": {\"base64\": \"AHVzZXIAcGVuY2ls\", \"subType\":"
                               " \"00\"}}, \"autoAuthorize\": 1, \"$db\": \"$external\"}");
    bson_destroy(document);
}

/* The monitor's connections never log in, and ask for nothing that has to do with it. */
static void only_connections_of_the_pool_log_in(void **state)
{
    client_fixture_t *f = *state;
    unsigned asked = 0;
    outcome_t o = {0};

    mock_reply(f->mock, "saslStart", "{\"ok\": 0, \"code\": 18, \"errmsg\": \"no\"}");
    open_at_mock(f, "user:pencil", "");
    start_ping(f, &o, 0);
    await_error(&o, MUV_EAUTH);
    outcome_clear(&o);
    for (unsigned i = 0; i < mock_request_count(f->mock, "hello"); i++) {
        const mock_request_t *hello = mock_request_of(f->mock, "hello", (int)i);

        if (mock_request_has(hello, "speculativeAuthenticate")) {
            assert_string_equal(mock_request_text(hello, "saslSupportedMechs"), "admin.user");
            assert_string_equal(mock_request_text(hello, "speculativeAuthenticate.mechanism"),
                                "SCRAM-SHA-256");
            asked++;
        } else {
            assert_false(mock_request_has(hello, "saslSupportedMechs"));
        }
    }
    assert_int_equal(asked, 1);
    assert_true(mock_request_count(f->mock, "hello") >= 2);
}

static void on_cleared(const muv_log_message_t *message, void *data)
{
    unsigned *cleared = data;

    *cleared += strcmp(message->text, "Connection pool cleared") == 0;
}

/* (SDAM: an authentication error clears the pool and makes the server Unknown; the next check finds
 * it again.) */
static void a_failed_login_clears_the_pool_and_the_next_one_may_do(void **state)
{
    client_fixture_t *f = *state;
    unsigned cleared = 0;
    muv_log_opts_t log = {.cb = on_cleared, .data = &cleared, .all = MUV_LOG_DEBUG};
    muv_client_opts_t opts = {.log = &log};
    outcome_t o = {0};

    mock_reply(f->mock, "saslStart", "{\"ok\": 0, \"code\": 18, \"errmsg\": \"no\"}");
    mock_reply(f->mock, "saslStart",
               "{\"ok\": 1, \"conversationId\": 1, \"done\": true, \"payload\": \"\"}");
    open_client_at(f,
                   text_of("mongodb://user:pencil@%s/?authMechanism=PLAIN&"
                           "heartbeatFrequencyMS=500",
                           mock_address(f->mock, 0)),
                   &opts);
    start_ping(f, &o, 0);
    await_error(&o, MUV_EAUTH);
    assert_string_equal(o.error.host, mock_address(f->mock, 0));
    outcome_clear(&o);
    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_int_equal(cleared, 1);
}

static void a_server_that_is_silent_in_a_login_is_given_up(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_script(f->mock, "saslStart",
                &(mock_step_t){.send = MOCK_NOTHING, .then = MOCK_DEAF, .times = MOCK_FOREVER});
    open_at_mock(f, "user:pencil", "&connectTimeoutMS=100&serverSelectionTimeoutMS=500");
    start_ping(f, &o, 0);
    await(&o);
    assert_int_not_equal(o.error.code, 0);
    assert_int_equal(o.error.labels & MUV_LABEL_SYSTEM_OVERLOADED, 0);
    outcome_clear(&o);
}

/* A good challenge for the user "pencil". */
static void write_challenge(const mock_request_t *request, bson_t *reply, int iterations)
{
    const uint8_t *payload;
    char text[200];
    uint32_t size;
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, request->body, "payload"));
    bson_iter_binary(&iter, NULL, &size, &payload);
    assert_true(size > 14);
    (void)snprintf(text, sizeof(text), "r=%.*ssrv,s=QSXC,i=%d", (int)size - 14,
                   (const char *)payload + 14, iterations); /* n,,n=pencil,r= */
    BSON_APPEND_INT32(reply, "ok", 1);
    BSON_APPEND_INT32(reply, "conversationId", 1);
    BSON_APPEND_BOOL(reply, "done", false);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY, (const uint8_t *)text,
                       (uint32_t)strlen(text));
}

/* With many iterations, and behind it a second reply to the same request. */
static void challenge_twice(const mock_request_t *request, bson_t *reply, mock_step_t *step,
                            void *data)
{
    (void)data;
    write_challenge(request, reply, 900000);
    step->unsolicited_after = true;
}

/* (Authentication: Minimum iteration count) */
static void challenge_weakly(const mock_request_t *request, bson_t *reply, mock_step_t *step,
                             void *data)
{
    (void)step;
    (void)data;
    write_challenge(request, reply, 4095);
}

static void fewer_iterations_than_4096_are_refused(void **state)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256"};
    client_fixture_t *f = *state;

    mock_on(f->mock, "saslStart", challenge_weakly, NULL);
    for (size_t i = 0; i < MUV__COUNT_OF(mechanisms); i++) {
        outcome_t o = {0};

        open_at_mock(f, "pencil:pencil", text_of("&authMechanism=%s", mechanisms[i]));
        start_ping(f, &o, 0);
        await_error(&o, MUV_EAUTH);
        CHECK_CONTAINS(o.error.message, "iteration");
        CHECK_CONTAINS(o.error.message, mechanisms[i]);
        outcome_clear(&o);
        assert_int_equal(f->client->keys.computed_count, 0);
        assert_int_equal(mock_request_count(f->mock, "saslContinue"), 0);
        close_client(f, MUV_CLOSE_DRAIN);
    }
}

static void a_message_in_the_middle_of_hashing_breaks_the_connection(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    mock_on(f->mock, "saslStart", challenge_twice, NULL);
    open_at_mock(f, "pencil:pencil", "&authMechanism=SCRAM-SHA-256");
    start_ping(f, &o, 0);
    await_error(&o, MUV_EPROTOCOL);
    outcome_clear(&o);
}

#define AT_SERVER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, open_fixture_without_mock, close_fixture)
#define AT_MOCK(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_SERVER(the_mechanism_is_negotiated),
        AT_SERVER(a_mechanism_may_be_named),
        AT_SERVER(of_two_mechanisms_the_stronger_one_is_negotiated),
        AT_SERVER(a_mechanism_that_a_user_does_not_have_is_refused),
        AT_SERVER(passwords_are_prepared_and_user_names_are_not),
        AT_SERVER(names_and_passwords_may_hold_any_character),
        AT_SERVER(a_wrong_password_is_an_error_that_does_not_show_it),
        AT_SERVER(a_password_that_cannot_be_prepared_is_not_sent),
        AT_SERVER(many_connections_compute_their_keys_once),
        AT_SERVER(closing_in_the_middle_of_logins_ends_them),
        AT_SERVER(no_log_message_holds_a_password),
        AT_SERVER(a_certificate_is_a_login),
        AT_MOCK(plain_sends_user_and_password_to_its_source),
        AT_MOCK(only_connections_of_the_pool_log_in),
        AT_MOCK(a_failed_login_clears_the_pool_and_the_next_one_may_do),
        AT_MOCK(a_server_that_is_silent_in_a_login_is_given_up),
        AT_MOCK(fewer_iterations_than_4096_are_refused),
        AT_MOCK(a_message_in_the_middle_of_hashing_breaks_the_connection),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
