/* SPDX-License-Identifier: Apache-2.0 */
/* GSSAPI against a real key server. The MongoDB server is the mock, with the other side of the
 * conversation (RFC 4752) by the same library: its keytab, gss_accept_sec_context, the message
 * about security layers. Skipped where the library or the programs are missing. */
#include "integration/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_SKIPPED 77

#ifdef MUV_WITH_GSSAPI

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#include "muv/log.h"
#include "support/kdc.h"

#define PASSWORD "p3ncil-s3cret"
#define USER "ann@" KDC_REALM
#define AT_DB "SERVICE_HOST:db.test"
#define MANY 12

static kdc_t *kdc;

/* --- the server's side -------------------------------------------------------------------------*/

/* What it does wrong. */
enum lie {
    HONEST,
    BEGINS_WITH_NOISE,   /* Its first token is none. */
    BEGINS_WITH_NOTHING, /* Its first token is empty. */
    CHANGES_THE_PROOF,   /* Its first token has one bit wrong. */
    ENDS_AT_ONCE,        /* The login is good without any proof. */
    WANTS_A_LAYER,       /* It offers integrity and confidentiality only. */
    OFFERS_TOO_MUCH,     /* Its offer has 5 bytes. */
    NEVER_ENDS           /* It asks for more after our choice. */
};

typedef struct acceptor {
    unsigned connection;
    gss_ctx_id_t context;
    bool established;
    bool offered;
} acceptor_t;

static struct server {
    enum lie lie;
    acceptor_t acceptors[64];
    unsigned used;
    unsigned logins; /* Good ones. */
    char initiator[128];
    char identity[128]; /* Whom the client wants to act as. */
    bool refused;
} server;

static void check_gss(OM_uint32 major, const char *what)
{
    if (GSS_ERROR(major)) {
        fail_msg("%s: GSSAPI status %#x", what, (unsigned)major);
    }
}

static acceptor_t *acceptor_of(const mock_request_t *request)
{
    for (unsigned i = 0; i < server.used; i++) {
        if (server.acceptors[i].connection == request->connection) {
            return &server.acceptors[i];
        }
    }
    assert_true(server.used < sizeof server.acceptors / sizeof *server.acceptors);
    server.acceptors[server.used].connection = request->connection;
    return &server.acceptors[server.used++];
}

static gss_buffer_desc payload_of(const mock_request_t *request)
{
    union {
        const uint8_t *bytes;
        void *value;
    } data = {.bytes = NULL};
    uint32_t size = 0;
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, request->body, "payload"));
    bson_iter_binary(&iter, NULL, &size, &data.bytes);
    return (gss_buffer_desc){.length = size, .value = data.value};
}

static void answer(bson_t *reply, const void *payload, size_t size, bool done)
{
    BSON_APPEND_INT32(reply, "ok", 1);
    BSON_APPEND_INT32(reply, "conversationId", 1);
    BSON_APPEND_BOOL(reply, "done", done);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY,
                       size == 0 ? (const uint8_t *)"" : payload, (uint32_t)size);
}

static void refuse(bson_t *reply)
{
    server.refused = true;
    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_INT32(reply, "code", 18);
    BSON_APPEND_UTF8(reply, "errmsg", "Authentication failed.");
}

static void take_name(gss_name_t name)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    check_gss(gss_display_name(&minor, name, &text, NULL), "gss_display_name");
    (void)snprintf(server.initiator, sizeof server.initiator, "%.*s", (int)text.length,
                   (const char *)text.value);
    (void)gss_release_buffer(&minor, &text);
}

static void answer_first(bson_t *reply, gss_buffer_desc *token)
{
    switch (server.lie) {
    case BEGINS_WITH_NOISE: answer(reply, "noise", 5, false); return;
    case BEGINS_WITH_NOTHING: answer(reply, NULL, 0, false); return;
    case ENDS_AT_ONCE: answer(reply, NULL, 0, true); return;
    case CHANGES_THE_PROOF:
        ((uint8_t *)token->value)[token->length - 1] ^= 1;
        answer(reply, token->value, token->length, false);
        return;
    case HONEST:
    case WANTS_A_LAYER:
    case OFFERS_TOO_MUCH:
    case NEVER_ENDS:
    default: answer(reply, token->value, token->length, false);
    }
}

static void on_start(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    acceptor_t *acceptor = acceptor_of(request);
    gss_buffer_desc input = payload_of(request);
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;
    OM_uint32 major;

    (void)step;
    (void)data;
    assert_string_equal(mock_request_text(request, "mechanism"), "GSSAPI");
    assert_string_equal(request->db, "$external");
    assert_int_equal(mock_request_number(request, "autoAuthorize"), 1);
    major =
        gss_accept_sec_context(&minor, &acceptor->context, GSS_C_NO_CREDENTIAL, &input,
                               GSS_C_NO_CHANNEL_BINDINGS, &name, NULL, &output, NULL, NULL, NULL);
    if (GSS_ERROR(major)) {
        refuse(reply);
    } else {
        take_name(name);
        acceptor->established = true;
        answer_first(reply, &output);
    }
    (void)gss_release_name(&minor, &name);
    (void)gss_release_buffer(&minor, &output);
}

static void offer(acceptor_t *acceptor, bson_t *reply)
{
    char layers[5] = {server.lie == WANTS_A_LAYER ? 6 : 7, 0, 16, 0, 0};
    gss_buffer_desc input = {.length = server.lie == OFFERS_TOO_MUCH ? 5 : 4, .value = layers};
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    check_gss(gss_wrap(&minor, acceptor->context, 0, GSS_C_QOP_DEFAULT, &input, NULL, &output),
              "gss_wrap");
    answer(reply, output.value, output.length, false);
    (void)gss_release_buffer(&minor, &output);
    acceptor->offered = true;
}

static void take_choice(acceptor_t *acceptor, gss_buffer_desc *input, bson_t *reply)
{
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;

    check_gss(gss_unwrap(&minor, acceptor->context, input, &output, NULL, NULL), "gss_unwrap");
    assert_in_range(output.length, 5, sizeof server.identity);
    assert_memory_equal(output.value, "\x01\x00\x00\x00", 4);
    (void)snprintf(server.identity, sizeof server.identity, "%.*s", (int)output.length - 4,
                   (const char *)output.value + 4);
    (void)gss_release_buffer(&minor, &output);
    server.logins++;
    answer(reply, NULL, 0, server.lie != NEVER_ENDS);
}

static void on_continue(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    acceptor_t *acceptor = acceptor_of(request);
    gss_buffer_desc input = payload_of(request);

    (void)step;
    (void)data;
    assert_int_equal(mock_request_number(request, "conversationId"), 1);
    assert_true(acceptor->established);
    if (acceptor->offered) {
        take_choice(acceptor, &input, reply);
    } else {
        assert_int_equal(input.length, 0);
        offer(acceptor, reply);
    }
}

/* --- fixture -----------------------------------------------------------------------------------*/

static int setup(void **state)
{
    (void)state;
    kdc = kdc_start();
    if (kdc == NULL) {
        return -1;
    }
    kdc_add_user(kdc, "ann", PASSWORD);
    kdc_add_user(kdc, "bob", PASSWORD);
    kdc_add_service(kdc, "mongodb/db.test");
    kdc_add_service(kdc, "database/other.test");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kdc_stop(kdc);
    return 0;
}

static int open_server(void **state)
{
    client_fixture_t *f;

    if (open_fixture(state) != 0) {
        return -1;
    }
    f = *state;
    server = (struct server){.lie = HONEST};
    mock_on(f->mock, "saslStart", on_start, NULL);
    mock_on(f->mock, "saslContinue", on_continue, NULL);
    return 0;
}

static int close_server(void **state)
{
    int status = close_fixture(state);
    OM_uint32 minor;

    for (unsigned i = 0; i < server.used; i++) {
        (void)gss_delete_sec_context(&minor, &server.acceptors[i].context, GSS_C_NO_BUFFER);
    }
    return status;
}

/* `user` is "ann%40MUV.TEST" or with a password behind it; `properties` may be empty. */
static void open_as(client_fixture_t *f, const char *user, const char *properties,
                    const char *options, const muv_client_opts_t *opts)
{
    const char *more =
        properties[0] == '\0' ? "" : text_of("&authMechanismProperties=%s", properties);

    open_client_at(f,
                   text_of("mongodb://%s@%s/?heartbeatFrequencyMS=60000&authMechanism=GSSAPI%s%s",
                           user, mock_address(f->mock, 0), more, options),
                   opts);
}

#define ANN "ann%40" KDC_REALM
#define ANN_WITH_PASSWORD "ann%40" KDC_REALM ":" PASSWORD

static void check_ping(client_fixture_t *f)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
}

static void check_failure(client_fixture_t *f, const char *part)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_error(&o, MUV_EAUTH);
    CHECK_CONTAINS(o.error.message, "GSSAPI authentication on \"$external\": ");
    CHECK_CONTAINS(o.error.message, part);
    assert_null(strstr(o.error.message, "wr0ng"));
    assert_null(strstr(o.error.message, PASSWORD));
    assert_int_equal(server.logins, 0);
    outcome_clear(&o);
}

/* --- who may come in ---------------------------------------------------------------------------*/

static void a_ticket_is_a_login(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, ANN, AT_DB, "", NULL);
    check_ping(f);
    assert_int_equal(server.logins, 1);
    assert_string_equal(server.initiator, USER);
    assert_string_equal(server.identity, USER);
    assert_false(mock_request_has(mock_request_of(f->mock, "hello", 0), "saslSupportedMechs"));
}

static void a_user_without_a_realm_is_of_the_default_one(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, "ann", AT_DB, "", NULL);
    check_ping(f);
    assert_string_equal(server.initiator, USER);
    assert_string_equal(server.identity, "ann");
}

static void a_password_is_a_login_without_tickets(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(f, ANN_WITH_PASSWORD, AT_DB, "", NULL);
    check_ping(f);
    assert_int_equal(server.logins, 1);
    assert_string_equal(server.initiator, USER);
}

static void a_keytab_is_a_login_without_tickets(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_keytab(kdc, "ann");
    open_as(f, ANN, AT_DB, "", NULL);
    check_ping(f);
    assert_int_equal(server.logins, 1);
    assert_string_equal(server.initiator, USER);
}

static void a_wrong_password_is_told_by_the_key_server(void **state)
{
    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(*state, "ann%40" KDC_REALM ":wr0ng", AT_DB, "", NULL);
    check_failure(*state, "Decrypt integrity check failed");
}

static void without_tickets_nobody_comes_in(void **state)
{
    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(*state, ANN, AT_DB, "", NULL);
    check_failure(*state, USER);
}

static void an_expired_ticket_is_none(void **state)
{
    kdc_use_tickets(kdc, "ann", PASSWORD, 1);
    kdc_await_expiry(kdc);
    open_as(*state, ANN, AT_DB, "", NULL);
    check_failure(*state, "expired");
}

static void the_ticket_of_somebody_else_is_none(void **state)
{
    kdc_use_tickets(kdc, "bob", PASSWORD, 600);
    open_as(*state, ANN, AT_DB, "", NULL);
    check_failure(*state, USER);
}

static void a_user_nobody_knows_is_told_by_the_key_server(void **state)
{
    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(*state, "nobody%40" KDC_REALM ":wr0ng", AT_DB, "", NULL);
    check_failure(*state, "not found in Kerberos database");
}

/* --- whom it logs in at ------------------------------------------------------------------------*/

static void a_service_nobody_knows_is_told_by_the_key_server(void **state)
{
    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(*state, ANN, "SERVICE_HOST:elsewhere.test,SERVICE_REALM:" KDC_REALM, "", NULL);
    check_failure(*state, "mongodb/elsewhere.test@" KDC_REALM " not found");
}

static void the_service_may_have_another_name_and_a_realm(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, ANN, "SERVICE_NAME:database,SERVICE_HOST:other.test,SERVICE_REALM:" KDC_REALM, "",
            NULL);
    check_ping(f);
    assert_int_equal(server.logins, 1);
}

/* No [domain_realm] has it, so that the key server has to find the realm. */
static void the_realm_of_a_host_is_found_by_the_key_server(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, ANN, "SERVICE_NAME:database,SERVICE_HOST:OTHER.test", "", NULL);
    check_ping(f);
    assert_int_equal(server.logins, 1);
}

/* What the system says of 127.0.0.1, in lower case; the number when it has no name. */
static void reverse_loopback(char name[256])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    if (getnameinfo((struct sockaddr *)&address, sizeof address, name, 256, NULL, 0, NI_NAMEREQD) !=
        0) {
        (void)snprintf(name, 256, "127.0.0.1");
    }
}

static void the_host_is_that_of_the_connection_and_may_be_canonicalized(void **state)
{
    client_fixture_t *f = *state;
    char name[256];

    reverse_loopback(name);
    kdc_add_service(kdc, "mongodb/127.0.0.1");
    if (strcmp(name, "127.0.0.1") != 0) {
        kdc_add_service(kdc, text_of("mongodb/%s", name));
    }
    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, ANN, "", "", NULL);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    open_as(f, ANN, "CANONICALIZE_HOST_NAME:forwardAndReverse", "", NULL);
    check_ping(f);
    assert_int_equal(server.logins, 2);
}

/* --- servers that are none ---------------------------------------------------------------------*/

static void check_lie(client_fixture_t *f, enum lie lie, const char *part)
{
    outcome_t o = {0};

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    server.lie = lie;
    open_as(f, ANN, AT_DB, "", NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_EAUTH);
    CHECK_CONTAINS(o.error.message, part);
    assert_int_equal(mock_request_count(f->mock, "ping"), 0);
    outcome_clear(&o);
}

static void noise_is_no_token(void **state)
{
    check_lie(*state, BEGINS_WITH_NOISE, "Invalid token");
}

static void an_empty_token_is_no_token(void **state)
{
    check_lie(*state, BEGINS_WITH_NOTHING, "the server's token is empty");
}

static void a_server_without_the_key_cannot_show_who_it_is(void **state)
{
    check_lie(*state, CHANGES_THE_PROOF, "Decrypt integrity check failed");
}

static void a_login_is_not_good_because_a_server_says_so(void **state)
{
    check_lie(*state, ENDS_AT_ONCE, "too early");
}

static void a_server_that_insists_on_a_security_layer_is_refused(void **state)
{
    check_lie(*state, WANTS_A_LAYER, "wants a security layer");
}

static void a_malformed_offer_is_refused(void **state)
{
    check_lie(*state, OFFERS_TOO_MUCH, "malformed");
}

static void a_server_that_never_ends_is_refused(void **state)
{
    check_lie(*state, NEVER_ENDS, "does not end the exchange");
}

/* The ticket is good, but for a key that this server does not have. */
static void a_server_with_an_old_key_refuses(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    kdc_add_service(kdc, "mongodb/rolled.test");
    kdc_change_service(kdc, "mongodb/rolled.test");
    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    open_as(f, ANN, "SERVICE_HOST:rolled.test", "", NULL);
    start_ping(f, &o, 0);
    await_error(&o, MUV_EAUTH);
    assert_int_equal(o.error.server_code, 18);
    assert_true(server.refused);
    outcome_clear(&o);
}

/* --- many, slow, closed ------------------------------------------------------------------------*/

static void many_connections_log_in_at_once(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o[MANY];

    memset(o, 0, sizeof o);
    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    mock_script(f->mock, "ping", &(mock_step_t){.hold = true, .times = MOCK_FOREVER});
    open_as(f, ANN, AT_DB, "&maxConnecting=12&maxPoolSize=12", NULL);
    for (size_t i = 0; i < MANY; i++) {
        start_ping(f, &o[i], 0);
    }
    await_held(f, MANY);
    assert_int_equal(mock_release(f->mock, MANY), MANY);
    for (size_t i = 0; i < MANY; i++) {
        await_success(&o[i]);
        outcome_clear(&o[i]);
    }
    assert_int_equal(server.logins, MANY);
}

static void on_plain_closed(void *data)
{
    *(bool *)data = true;
}

static void on_plain_ping(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply,
                          void *data)
{
    (void)op;
    (void)reply;
    CHECK_NO_ERROR(error);
    ++*(unsigned *)data;
}

/* One that need not log in goes on; the other one's logins end by their time, again and again, and
 * its operation by its own. */
static void a_silent_key_server_stops_nothing_but_its_logins(void **state)
{
    client_fixture_t *f = *state;
    bson_t *ping = bson_from("{\"ping\": 1}");
    muv_client_t *plain = NULL;
    muv_error_t error;
    unsigned pings = 0;
    bool closed = false;
    outcome_t o = {0};

    kdc_begin_silence(kdc);
    kdc_use_tickets(kdc, NULL, NULL, 0);
    CHECK_CODE(muv_client_new(&f->loop, mock_uri(f->mock, NULL), NULL, &error, &plain), 0);
    open_as(f, "ann%40" KDC_SILENT_REALM ":" PASSWORD, AT_DB,
            "&connectTimeoutMS=150&serverSelectionTimeoutMS=1000", NULL);
    start_ping(f, &o, 0);
    for (unsigned i = 0; i < 50; i++) {
        CHECK_CODE(muv_run_command(plain, "admin", ping, NULL, on_plain_ping, &pings, NULL), 0);
        run_until_count(&f->loop, &pings, i + 1, 1000);
    }
    await(&o);
    assert_true(o.error.code == MUV_ENETTIMEOUT || o.error.code == MUV_EPOOLCLEARED ||
                o.error.code == MUV_ESELECTION);
    assert_int_equal(mock_request_count(f->mock, "saslStart"), 0);
    outcome_clear(&o);
    bson_destroy(ping);
    CHECK_CODE(muv_client_close(plain, MUV_CLOSE_DRAIN, on_plain_closed, &closed), 0);
    run_until(&f->loop, &closed, WAIT_MS);
    kdc_end_silence(kdc);
}

/* Closing waits for the thread: its end is in the hands of the library, and of the key server. */
static void closing_waits_for_the_step_in_progress(void **state)
{
    client_fixture_t *f = *state;
    outcome_t o = {0};

    kdc_begin_silence(kdc);
    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(f, "ann%40" KDC_SILENT_REALM ":" PASSWORD, AT_DB, "", NULL);
    start_ping(f, &o, 0);
    run_until_true(&f->loop, kdc_is_asked, kdc, WAIT_MS);
    assert_false(o.done);
    begin_close(f, MUV_CLOSE_ABORT);
    run_until(&f->loop, &o.done, WAIT_MS);
    run_for(&f->loop, 100);
    assert_false(f->closed);
    kdc_end_silence(kdc);
    run_until(&f->loop, &f->closed, WAIT_MS);
    outcome_clear(&o);
}

static void closing_in_the_middle_of_logins_ends_them(void **state)
{
    client_fixture_t *f = *state;

    kdc_use_tickets(kdc, "ann", PASSWORD, 600);
    for (unsigned ms = 0; ms < 24; ms += 3) {
        outcome_t o = {0};

        open_as(f, ANN_WITH_PASSWORD, AT_DB, "", NULL);
        start_ping(f, &o, 0);
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

    kdc_use_tickets(kdc, NULL, NULL, 0);
    open_as(f, "ann%40" KDC_REALM ":wr0ng", AT_DB, "", &opts);
    check_failure(f, "Decrypt integrity check failed");
    close_client(f, MUV_CLOSE_DRAIN);
    open_as(f, ANN_WITH_PASSWORD, AT_DB, "", &opts);
    check_ping(f);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(search.count > 10);
    assert_int_equal(search.found, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_server, close_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_is_a_login),
        TEST(a_user_without_a_realm_is_of_the_default_one),
        TEST(a_password_is_a_login_without_tickets),
        TEST(a_keytab_is_a_login_without_tickets),
        TEST(a_wrong_password_is_told_by_the_key_server),
        TEST(without_tickets_nobody_comes_in),
        TEST(an_expired_ticket_is_none),
        TEST(the_ticket_of_somebody_else_is_none),
        TEST(a_user_nobody_knows_is_told_by_the_key_server),
        TEST(a_service_nobody_knows_is_told_by_the_key_server),
        TEST(the_service_may_have_another_name_and_a_realm),
        TEST(the_realm_of_a_host_is_found_by_the_key_server),
        TEST(the_host_is_that_of_the_connection_and_may_be_canonicalized),
        TEST(noise_is_no_token),
        TEST(an_empty_token_is_no_token),
        TEST(a_server_without_the_key_cannot_show_who_it_is),
        TEST(a_login_is_not_good_because_a_server_says_so),
        TEST(a_server_that_insists_on_a_security_layer_is_refused),
        TEST(a_malformed_offer_is_refused),
        TEST(a_server_that_never_ends_is_refused),
        TEST(a_server_with_an_old_key_refuses),
        TEST(many_connections_log_in_at_once),
        TEST(a_silent_key_server_stops_nothing_but_its_logins),
        TEST(closing_waits_for_the_step_in_progress),
        TEST(closing_in_the_middle_of_logins_ends_them),
        TEST(no_log_message_holds_a_password),
    };
    const char *missing = kdc_missing();

    if (missing != NULL) {
        (void)printf("SKIPPED: %s is missing (scripts/setup)\n", missing);
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}

#else

static void a_client_that_wants_it_is_refused(void **state)
{
    client_fixture_t *f = *state;
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(
        muv_client_new(&f->loop, "mongodb://ann@h/?authMechanism=GSSAPI", NULL, &error, &client),
        MUV_EINVAL);
    CHECK_CONTAINS(error.message, "GSSAPI is not in this build of libmuv");
    CHECK_CONTAINS(error.message, "MUV_ENABLE_GSSAPI");
    assert_null(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_that_wants_it_is_refused,
                                        open_fixture_without_mock, close_fixture),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    if (failed == 0) {
        (void)printf("SKIPPED: built without GSSAPI, all but its refusal\n");
    }
    return failed == 0 ? EXIT_SKIPPED : 1;
}

#endif
