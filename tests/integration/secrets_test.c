/* SPDX-License-Identifier: Apache-2.0 */
/* What a client tells of its logins: everything that listener, log and callbacks are given is
 * gathered, documents as text and as the bytes they are, and looked through for passwords and for
 * what is derived from them, as they are, in hexadecimal and in base64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "auth/base64.h"
#include "auth/scram.h"
#include "client/client_inner.h"
#include "integration/client_fixture.h"
#include "muv/events.h"
#include "muv/log.h"
#include "support/process.h"

#define PASSWORD "p3ncil-s3cret"
#define WRONG "wr0ng-s3cret"
#define SALT "QSXC-salt"
#define ITERATIONS 5000

/* --- what was told -----------------------------------------------------------------------------*/

typedef struct heard {
    char *bytes;
    size_t size;
    size_t capacity;
    unsigned events;
    unsigned commands;
    unsigned lines; /* Of the log. */
    muv_listener_t listener;
    muv_log_opts_t log;
    muv_client_opts_t opts;
} heard_t;

static void add_bytes(heard_t *heard, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    if (heard->size + size > heard->capacity) {
        heard->capacity = 2 * (heard->size + size);
        heard->bytes = realloc(heard->bytes, heard->capacity);
        assert_non_null(heard->bytes);
    }
    memcpy(heard->bytes + heard->size, bytes, size);
    heard->size += size;
}

static void add_text(heard_t *heard, const char *text)
{
    if (text != NULL) {
        add_bytes(heard, text, strlen(text));
        add_bytes(heard, "\n", 1);
    }
}

static void add_document(heard_t *heard, const uint8_t *bytes, size_t size)
{
    bson_t view;
    char *json;

    if (bytes == NULL) {
        return;
    }
    assert_true(bson_init_static(&view, bytes, size));
    json = bson_as_canonical_extended_json(&view, NULL);
    assert_non_null(json);
    add_text(heard, json);
    add_bytes(heard, bytes, size);
    bson_free(json);
}

static void add_error(heard_t *heard, const muv_error_t *error)
{
    if (error != NULL) {
        add_text(heard, error->message);
        add_text(heard, error->code_name);
        add_text(heard, error->host);
        add_document(heard, error->reply, error->reply_size);
    }
}

static void add_server(heard_t *heard, const muv_server_view_t *server)
{
    if (server != NULL) {
        add_text(heard, server->address);
        add_text(heard, server->type);
        add_text(heard, server->set_name);
        add_text(heard, server->primary);
        add_text(heard, server->me);
        add_text(heard, server->error);
    }
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    heard_t *heard = data;

    heard->events++;
    add_text(heard, event->head.name);
    add_text(heard, event->address);
    add_text(heard, event->reason);
    add_text(heard, event->reason_text);
    add_error(heard, event->error);
}

static void on_server(const muv_server_event_t *event, void *data)
{
    heard_t *heard = data;

    heard->events++;
    add_text(heard, event->head.name);
    add_server(heard, event->previous);
    add_server(heard, event->current);
}

static void add_topology(heard_t *heard, const muv_topology_t *topology)
{
    muv_server_view_t server;

    for (size_t i = 0; topology != NULL && i < muv_topology_server_count(topology); i++) {
        CHECK_CODE(muv_topology_server(topology, i, &server), 0);
        add_server(heard, &server);
    }
}

static void on_topology(const muv_topology_event_t *event, void *data)
{
    heard_t *heard = data;

    heard->events++;
    add_text(heard, event->head.name);
    add_topology(heard, event->previous);
    add_topology(heard, event->current);
}

static void on_heartbeat(const muv_heartbeat_event_t *event, void *data)
{
    heard_t *heard = data;

    heard->events++;
    add_text(heard, event->head.name);
    add_error(heard, event->error);
    add_document(heard, event->reply, event->reply_size);
}

static void on_command(const muv_command_event_t *event, void *data)
{
    heard_t *heard = data;

    heard->commands++;
    add_text(heard, event->head.name);
    add_text(heard, event->command_name);
    add_text(heard, event->database);
    add_error(heard, event->error);
    add_document(heard, event->document, event->document_size);
}

static void on_log(const muv_log_message_t *message, void *data)
{
    heard_t *heard = data;

    heard->lines++;
    add_text(heard, message->text);
    add_document(heard, bson_get_data(message->data), message->data->len);
}

static const muv_client_opts_t *listen_all(heard_t *heard)
{
    *heard = (heard_t){.size = 0};
    heard->listener = (muv_listener_t){.on_pool = on_pool,
                                       .on_server = on_server,
                                       .on_topology = on_topology,
                                       .on_heartbeat = on_heartbeat,
                                       .on_command = on_command,
                                       .data = heard};
    heard->log = (muv_log_opts_t){
        .cb = on_log, .data = heard, .all = MUV_LOG_TRACE, .max_document_length = MUV_INFINITE};
    heard->opts = (muv_client_opts_t){.listener = &heard->listener, .log = &heard->log};
    return &heard->opts;
}

/* --- what must not be in it --------------------------------------------------------------------*/

static bool was_told(const heard_t *heard, const void *bytes, size_t size)
{
    assert_true(heard->size != 0);
    return heard->bytes != NULL && memmem(heard->bytes, heard->size, bytes, size) != NULL;
}

/* Three texts, as a secret may begin at any byte of what is encoded: the characters that depend on
 * nothing around it. */
static bool was_told_in_base64(const heard_t *heard, const void *secret, size_t size)
{
    bool told = false;

    for (size_t shift = 0; shift < 3; shift++) {
        uint8_t shifted[64] = {0};
        char text[MUV__BASE64_SIZE(sizeof(shifted))];
        size_t from = shift == 0 ? 0 : shift + 1;
        size_t until = (shift + size) * 8 / 6;

        assert_true(shift + size <= sizeof(shifted));
        memcpy(shifted + shift, secret, size);
        muv__base64_encode(muv__span(shifted, shift + size), text);
        told = told || was_told(heard, text + from, until - from);
    }
    return told;
}

static void check_secret(const heard_t *heard, const void *secret, size_t size)
{
    const uint8_t *bytes = secret;
    char hex[2][2 * 64 + 1];

    for (size_t i = 0; i < size; i++) {
        (void)snprintf(hex[0] + 2 * i, 3, "%02x", bytes[i]);
        (void)snprintf(hex[1] + 2 * i, 3, "%02X", bytes[i]);
    }
    assert_false(was_told(heard, secret, size));
    assert_false(was_told(heard, hex[0], 2 * size));
    assert_false(was_told(heard, hex[1], 2 * size));
    assert_false(was_told_in_base64(heard, secret, size));
}

static void check_passwords(const heard_t *heard)
{
    check_secret(heard, PASSWORD, strlen(PASSWORD));
    check_secret(heard, WRONG, strlen(WRONG));
}

/* All keys that the client has computed. */
static unsigned check_keys(const heard_t *heard, const muv_client_t *client)
{
    unsigned count = 0;

    for (size_t i = 0; i < MUV__KEY_CACHE_MAX; i++) {
        const muv__key_entry_t *entry = &client->keys.entries[i];

        if (entry->last_used != 0) {
            check_secret(heard, entry->keys.client, 20);
            check_secret(heard, entry->keys.server, 20);
            count++;
        }
    }
    return count;
}

static void forget(heard_t *heard)
{
    free(heard->bytes);
    heard->bytes = NULL;
}

/* --- a real server -----------------------------------------------------------------------------*/

static server_process_t *real;

static int setup(void **state)
{
    (void)state;
    real = server_start(&(server_opts_t){.auth = true});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server_stop(real);
    return 0;
}

static void run(client_fixture_t *f, heard_t *heard, const char *json, int code)
{
    outcome_t o = {0};

    start_command(f, &o, json, NULL);
    await(&o);
    CHECK_CODE(o.error.code, code);
    add_error(heard, code != 0 ? &o.error : NULL);
    outcome_clear(&o);
}

static void user_commands_show_no_password(void **state)
{
    client_fixture_t *f = *state;
    heard_t heard;

    open_client_at(f, server_uri(real), listen_all(&heard));
    run(f, &heard,
        "{\"createUser\": \"user\", \"pwd\": \"" WRONG "\", \"roles\": [\"readWrite\"],"
        " \"mechanisms\": [\"SCRAM-SHA-1\", \"SCRAM-SHA-256\"]}",
        0);
    run(f, &heard, "{\"updateUser\": \"user\", \"pwd\": \"" PASSWORD "\"}", 0);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(heard.commands >= 4);
    assert_true(was_told(&heard, "updateUser", strlen("updateUser")));
    check_passwords(&heard);
    forget(&heard);
}

static void check_login(client_fixture_t *f, const char *password, const char *mechanism, int code)
{
    heard_t heard;

    open_client_at(f,
                   text_of("mongodb://user:%s@127.0.0.1:%d/d?authMechanism=%s", password,
                           server_port(real), mechanism),
                   listen_all(&heard));
    run(f, &heard, "{\"find\": \"c\", \"limit\": 1}", code);
    assert_int_equal(check_keys(&heard, f->client), 1);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(heard.events > 10 && heard.lines > 10);
    check_passwords(&heard);
    forget(&heard);
}

/* (The users are those of the test before: cmocka runs them in order.) */
static void logins_show_no_password_and_no_key(void **state)
{
    client_fixture_t *f = *state;

    check_login(f, PASSWORD, "SCRAM-SHA-1", 0);
    check_login(f, PASSWORD, "SCRAM-SHA-256", 0);
    check_login(f, WRONG, "SCRAM-SHA-1", MUV_EAUTH);
    check_login(f, WRONG, "SCRAM-SHA-256", MUV_EAUTH);
}

/* --- servers that repeat what they were told ---------------------------------------------------*/

static void open_at_mock(client_fixture_t *f, heard_t *heard, const char *mechanism)
{
    open_client_at(f,
                   text_of("mongodb://user:" PASSWORD "@%s/?authMechanism=%s",
                           mock_address(f->mock, 0), mechanism),
                   listen_all(heard));
}

static void a_password_that_the_server_repeats_is_not_passed_on(void **state)
{
    client_fixture_t *f = *state;
    heard_t heard;

    mock_reply(f->mock, "saslStart",
               "{\"ok\": 0, \"code\": 18, \"codeName\": \"" PASSWORD "\", \"errmsg\":"
               " \"not " PASSWORD "\", \"errorLabels\": [\"" PASSWORD "\"]}");
    open_at_mock(f, &heard, "PLAIN");
    run(f, &heard, "{\"ping\": 1}", MUV_EAUTH);
    close_client(f, MUV_CLOSE_DRAIN);
    assert_true(heard.events > 5 && heard.lines > 5);
    assert_int_equal(mock_request_count(f->mock, "saslStart"), 1);
    check_passwords(&heard);
    forget(&heard);
}

static void challenge(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data)
{
    const uint8_t *payload;
    char text[200];
    char salt[MUV__BASE64_SIZE(sizeof(SALT) - 1) + 1] = {0};
    uint32_t size;
    bson_iter_t iter;

    (void)step;
    (void)data;
    assert_true(bson_iter_init_find(&iter, request->body, "payload"));
    bson_iter_binary(&iter, NULL, &size, &payload);
    muv__base64_encode(muv__span(SALT, strlen(SALT)), salt);
    (void)snprintf(text, sizeof(text), "r=%.*ssrv,s=%s,i=%d", (int)size - 12,
                   (const char *)payload + 12, salt, ITERATIONS); /* n,,n=user,r= */
    BSON_APPEND_INT32(reply, "ok", 1);
    BSON_APPEND_INT32(reply, "conversationId", 1);
    BSON_APPEND_BOOL(reply, "done", false);
    BSON_APPEND_BINARY(reply, "payload", BSON_SUBTYPE_BINARY, (const uint8_t *)text,
                       (uint32_t)strlen(text));
}

/* The salt is known here, so the salted password is. */
static void the_salted_password_is_not_told_either(void **state)
{
    client_fixture_t *f = *state;
    muv__scram_keys_t keys;
    uint8_t salted[32];
    heard_t heard;

    mock_on(f->mock, "saslStart", challenge, NULL);
    mock_reply(f->mock, "saslContinue", "{\"ok\": 0, \"code\": 18, \"errmsg\": \"no\"}");
    open_at_mock(f, &heard, "SCRAM-SHA-256");
    run(f, &heard, "{\"ping\": 1}", MUV_EAUTH);
    assert_int_equal(PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), (const uint8_t *)SALT,
                                       (int)strlen(SALT), ITERATIONS, EVP_sha256(), sizeof(salted),
                                       salted),
                     1);
    CHECK_CODE(muv__scram_derive(MUV__HASH_SHA_256, salted, &keys), 0);
    assert_memory_equal(keys.client, f->client->keys.entries[0].keys.client, sizeof(keys.client));
    close_client(f, MUV_CLOSE_DRAIN);
    check_secret(&heard, salted, sizeof(salted));
    check_secret(&heard, keys.client, 32);
    check_secret(&heard, keys.server, 32);
    check_passwords(&heard);
    forget(&heard);
}

/* --- the search itself -------------------------------------------------------------------------*/

/* The payload of PLAIN, with user names of three lengths: the password is at any place. */
static void a_secret_is_found_wherever_it_begins(void **state)
{
    const char *const users[] = {"u", "us", "use"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(users); i++) {
        heard_t heard = {.size = 0};
        uint8_t payload[64] = {0};
        size_t size = 2 + strlen(users[i]) + strlen(PASSWORD);
        char text[96] = {0};

        (void)snprintf((char *)payload + 1, sizeof(payload) - 1, "%s%c%s", users[i], '\0',
                       PASSWORD);
        muv__base64_encode(muv__span(payload, size), text);
        add_text(&heard, text);
        assert_true(was_told_in_base64(&heard, PASSWORD, strlen(PASSWORD)));
        assert_false(was_told_in_base64(&heard, WRONG, strlen(WRONG)));
        forget(&heard);
    }
}

#define AT_SERVER(test)                                                                            \
    cmocka_unit_test_setup_teardown(test, open_fixture_without_mock, close_fixture)
#define AT_MOCK(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_found_wherever_it_begins),
        AT_SERVER(user_commands_show_no_password),
        AT_SERVER(logins_show_no_password_and_no_key),
        AT_MOCK(a_password_that_the_server_repeats_is_not_passed_on),
        AT_MOCK(the_salted_password_is_not_told_either),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
