/* SPDX-License-Identifier: Apache-2.0 */
/* A whole client behind a SOCKS5 proxy: the prose tests of socks5-support (their table of
 * connection strings, also as options of the struct, with a mock and with real servers), and
 * proxies that hang, refuse and break off. */
#include "integration/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "muv/events.h"
#include "muv/log.h"
#include "support/process.h"
#include "support/socks_proxy.h"
#include "support/tls_front.h"

#define PASSWORD "p4ssw0rd"
#define RIGHT "&proxyUsername=username&proxyPassword=" PASSWORD
#define WRONG "&proxyUsername=nonexistentuser&proxyPassword=badauth"
#define SHORT "serverSelectionTimeoutMS=400&connectTimeoutMS=200&heartbeatFrequencyMS=500"

static socks_proxy_t *open_proxy(client_fixture_t *f, const socks_proxy_opts_t *opts)
{
    socks_proxy_opts_t full = *opts;

    full.mapped_port = mock_port(f->mock, 0);
    return socks_proxy_new(&f->loop, &full);
}

/* A client of the name that only the proxy knows. */
static void open_mapped(client_fixture_t *f, const socks_proxy_t *proxy, const char *options,
                        const muv_client_opts_t *opts)
{
    open_client_at(f,
                   text_of("mongodb://" SOCKS_PROXY_NAME
                           ":4444/?proxyHost=127.0.0.1&proxyPort=%d&" SHORT "%s",
                           socks_proxy_port(proxy), options),
                   opts);
}

/* A ping fails because no server can be used, and says why. */
static void check_no_server(client_fixture_t *f, const char *reason)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_error(&o, MUV_ESELECTION);
    CHECK_CONTAINS(o.error.message, reason);
    assert_null(strstr(o.error.message, PASSWORD));
    assert_null(strstr(o.error.message, "badauth"));
    outcome_clear(&o);
}

/* --- the table ---------------------------------------------------------------------------------*/

/* The rows of the specification: the host is mapped by the proxy, or a replica set. */
static const struct row {
    const char *username; /* Given to the proxy, or NULL. */
    const char *password;
    bool mapped; /* And directConnection=true. */
    bool locked; /* The proxy of port 1080, which wants a password; else that of 1081. */
    bool succeeds;
} table[] = {
    {NULL, NULL, true, true, false},
    {NULL, NULL, true, false, true},
    {NULL, NULL, false, true, false},
    {NULL, NULL, false, false, true},
    {"nonexistentuser", "badauth", true, true, false},
    {"nonexistentuser", "badauth", true, false, true},
    {"nonexistentuser", "badauth", false, false, true},
    {"username", PASSWORD, true, true, true},
    {NULL, NULL, true, false, true},
    {"username", PASSWORD, false, true, true},
    {NULL, NULL, false, false, true},
    /* Not of the specification: the right password where none is wanted, a wrong one for a set. */
    {"username", PASSWORD, true, false, true},
    {"username", PASSWORD, false, false, true},
    {"nonexistentuser", "badauth", false, true, false},
};

#define MAPPED "localhost:12345"

/* What the table is tried on. */
typedef struct target {
    const char *login; /* "user:password@", or "". */
    const char *seeds;
    const char *options; /* "&a=b", or "". */
    const char *set_name;
    int mapped_port;
} target_t;

static void on_row_command(const muv_command_event_t *event, void *data)
{
    assert_string_equal(event->address, data);
}

/* The proxy's options are given in the connection string or in the struct. */
static void open_row(client_fixture_t *f, const struct row *row, const target_t *target,
                     const socks_proxy_t *proxy, bool in_struct)
{
    const char *host = row->mapped ? MAPPED : target->seeds;
    union {
        const char *in;
        void *out;
    } address = {.in = host};
    muv_listener_t listener = {.on_command = on_row_command, .data = address.out};
    muv_client_opts_t opts = {.listener = strchr(host, ',') == NULL ? &listener : NULL};
    const char *in_string = "";

    if (in_struct) {
        opts.proxy_host = "localhost";
        opts.proxy_port = socks_proxy_port(proxy);
        opts.proxy_username = row->username;
        opts.proxy_password = row->password;
    } else {
        in_string = text_of("&proxyHost=localhost&proxyPort=%d%s%s%s%s", socks_proxy_port(proxy),
                            row->username != NULL ? "&proxyUsername=" : "",
                            row->username != NULL ? row->username : "",
                            row->password != NULL ? "&proxyPassword=" : "",
                            row->password != NULL ? row->password : "");
    }
    open_client_at(f,
                   text_of("mongodb://%s%s/?%s%s%s%s%s", target->login, host,
                           row->mapped ? "directConnection=true" : "replicaSet=",
                           row->mapped ? "" : target->set_name, target->options,
                           row->succeeds ? "" : "&" SHORT, in_string),
                   &opts);
}

static void check_row(client_fixture_t *f, const struct row *row, const target_t *target,
                      bool in_struct)
{
    socks_proxy_t *proxy =
        socks_proxy_new(&f->loop, &(socks_proxy_opts_t){.username = row->locked ? "username" : NULL,
                                                        .password = PASSWORD,
                                                        .mapped_name = "localhost",
                                                        .mapped_port = target->mapped_port});
    outcome_t o = {0};

    open_row(f, row, target, proxy, in_struct);
    if (row->succeeds) {
        start_command(f, &o, "{\"hello\": 1}", NULL);
        await_success(&o);
        outcome_clear(&o);
        /* The monitor's and the pool's. */
        assert_true(socks_proxy_opened(proxy) >= 2);
    } else {
        check_no_server(f, row->username != NULL ? "the proxy refused user and password"
                                                 : "the proxy wants authentication");
        assert_int_equal(socks_proxy_opened(proxy), 0);
    }
    assert_true(row->mapped ? socks_proxy_addresses(proxy) == 0 : socks_proxy_names(proxy) == 0);
    assert_true(row->locked || socks_proxy_proofs(proxy) == 0);
    close_client(f, MUV_CLOSE_ABORT);
    socks_proxy_close(proxy);
}

static void check_table(client_fixture_t *f, const target_t *target)
{
    for (size_t i = 0; i < MUV__COUNT_OF(table); i++) {
        check_row(f, &table[i], target, false);
        check_row(f, &table[i], target, true);
    }
}

static void the_connection_strings_of_the_specification_succeed_and_fail(void **state)
{
    client_fixture_t *f = *state;
    muv_mock_t *set = mock_new_replica_set(&f->loop, "rs", 2);
    const char *seeds = text_of("%s,%s", mock_address(set, 0), mock_address(set, 1));
    char kept[64];

    bson_strncpy(kept, seeds, sizeof(kept));
    check_table(f, &(target_t){.login = "",
                               .seeds = kept,
                               .options = "",
                               .set_name = "rs",
                               .mapped_port = mock_port(f->mock, 0)});
    mock_close(set);
}

static void check_table_at_server(client_fixture_t *f, const server_opts_t *opts)
{
    server_process_t *server = server_start(opts);
    char seeds[32];
    char options[400] = "";

    (void)snprintf(seeds, sizeof(seeds), "127.0.0.1:%d", server_port(server));
    if (opts->tls) {
        (void)snprintf(options, sizeof(options), "&authSource=admin&tls=true&tlsCAFile=%s",
                       server_value(server, "MUV_TEST_CA_FILE"));
    }
    check_table(f, &(target_t){.login = opts->auth ? "muv:muv-secret@" : "",
                               .seeds = seeds,
                               .options = options,
                               .set_name = "secantus",
                               .mapped_port = server_port(server)});
    server_stop(server);
}

static void they_do_so_with_a_real_server(void **state)
{
    check_table_at_server(*state, &(server_opts_t){.auth = false});
}

/* The certificate must name the host behind the proxy, and the login is that of the server. */
static void they_do_so_with_a_real_server_that_wants_tls_and_a_login(void **state)
{
    check_table_at_server(*state, &(server_opts_t){.auth = true, .tls = true});
}

/* --- what a proxy may do -----------------------------------------------------------------------*/

static void check_refused(client_fixture_t *f, const socks_proxy_opts_t *opts, const char *reason)
{
    socks_proxy_t *proxy = open_proxy(f, opts);

    open_mapped(f, proxy, RIGHT, NULL);
    check_no_server(f, reason);
    assert_true(socks_proxy_accepted(proxy) >= 1);
    assert_int_equal(mock_request_count(f->mock, NULL), 0);
    close_client(f, MUV_CLOSE_ABORT);
    socks_proxy_close(proxy);
}

static void a_proxy_that_refuses_tells_why(void **state)
{
    check_refused(*state, &(socks_proxy_opts_t){.refuse = 2},
                  "connecting through the proxy to " SOCKS_PROXY_NAME
                  ":4444: the proxy's rules do not allow this connection");
    check_refused(*state, &(socks_proxy_opts_t){.refuse = 4}, "host unreachable");
}

static void a_proxy_that_hangs_costs_no_more_than_the_time_to_connect(void **state)
{
    const socks_proxy_stage_t stages[] = {SOCKS_PROXY_GREETED, SOCKS_PROXY_PROVED,
                                          SOCKS_PROXY_ASKED};

    for (size_t i = 0; i < MUV__COUNT_OF(stages); i++) {
        check_refused(*state,
                      &(socks_proxy_opts_t){
                          .username = "username", .password = PASSWORD, .silent = stages[i]},
                      "took longer than connectTimeoutMS");
    }
}

static void a_proxy_that_breaks_off_is_a_network_error(void **state)
{
    const socks_proxy_stage_t stages[] = {SOCKS_PROXY_GREETED, SOCKS_PROXY_PROVED,
                                          SOCKS_PROXY_ASKED};

    for (size_t i = 0; i < MUV__COUNT_OF(stages); i++) {
        check_refused(
            *state,
            &(socks_proxy_opts_t){.username = "username", .password = PASSWORD, .cut = stages[i]},
            "connecting through the proxy to " SOCKS_PROXY_NAME ":4444: ");
    }
}

static void no_proxy_at_all_is_not_the_servers_fault(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(f, &(socks_proxy_opts_t){0});

    open_mapped(f, proxy, "", NULL);
    socks_proxy_close(proxy);
    check_no_server(f, "connecting through the proxy to " SOCKS_PROXY_NAME ":4444: ");
}

static void check_unlabelled(client_fixture_t *f, int code, const char *reason)
{
    outcome_t o = {0};

    start_ping(f, &o, 0);
    await_error(&o, code);
    CHECK_CONTAINS(o.error.message, reason);
    assert_int_equal(o.error.labels & MUV_LABEL_SYSTEM_OVERLOADED, 0);
    outcome_clear(&o);
}

/* The monitor has found the server; the connection for the command finds the proxy closed. */
static void errors_of_a_proxy_have_no_label_of_overload(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(f, &(socks_proxy_opts_t){0});
    outcome_t o = {0};

    open_mapped(f, proxy, "", NULL);
    start_connect(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
    socks_proxy_change(proxy, 1, SOCKS_PROXY_NEVER);
    check_unlabelled(f, MUV_ENETWORK, "the proxy has failed");
    socks_proxy_change(proxy, 0, SOCKS_PROXY_NEVER);
    await_recovery(f);
    close_client(f, MUV_CLOSE_DRAIN);
    socks_proxy_close(proxy);
}

static void a_proxy_that_begins_to_hang_is_a_timeout_without_label(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(f, &(socks_proxy_opts_t){0});
    outcome_t o = {0};

    open_mapped(f, proxy, "", NULL);
    start_connect(f, &o, 0);
    await_success(&o);
    outcome_clear(&o);
    socks_proxy_change(proxy, 0, SOCKS_PROXY_ASKED);
    check_unlabelled(f, MUV_ENETTIMEOUT, "connectTimeoutMS elapsed");
    close_client(f, MUV_CLOSE_DRAIN);
    socks_proxy_close(proxy);
}

static void replies_that_come_byte_by_byte_are_understood(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(
        f, &(socks_proxy_opts_t){.username = "username", .password = PASSWORD, .slow = true});

    open_mapped(f, proxy, RIGHT, NULL);
    warm_up(f);
    close_client(f, MUV_CLOSE_DRAIN);
    socks_proxy_close(proxy);
}

static void closing_in_the_middle_of_a_conversation_ends_it(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(f, &(socks_proxy_opts_t){.silent = SOCKS_PROXY_GREETED});
    outcome_t o = {0};

    open_mapped(f, proxy, "", NULL);
    start_ping(f, &o, 0);
    run_for(&f->loop, 50);
    close_client(f, MUV_CLOSE_ABORT);
    assert_true(o.done);
    outcome_clear(&o);
    socks_proxy_close(proxy);
}

/* --- around it ---------------------------------------------------------------------------------*/

static void a_unix_socket_needs_no_proxy(void **state)
{
    client_fixture_t *f = *state;
    socks_proxy_t *proxy = open_proxy(f, &(socks_proxy_opts_t){.refuse = 1});

    open_client_at(f,
                   mock_unix_uri(f->mock, text_of("proxyHost=127.0.0.1&proxyPort=%d",
                                                  socks_proxy_port(proxy))),
                   NULL);
    warm_up(f);
    assert_int_equal(socks_proxy_accepted(proxy), 0);
    close_client(f, MUV_CLOSE_DRAIN);
    socks_proxy_close(proxy);
}

/* TLS is spoken with the server behind the proxy, and its certificate must name that one. */
static void tls_goes_through_to_the_real_host(void **state)
{
    client_fixture_t *f = *state;
    int64_t now_s = (int64_t)time(NULL);
    cert_t cert = cert_make(&(cert_spec_t){.common_name = "server",
                                           .alt_names = "DNS:" SOCKS_PROXY_NAME,
                                           .from_s = now_s - 3600,
                                           .until_s = now_s + 3600,
                                           .is_authority = true});
    tls_front_t *front =
        tls_front_new(&f->loop, &(tls_front_opts_t){.tls = {.cert = &cert, .wall_s = now_s},
                                                    .target_port = mock_port(f->mock, 0)});
    socks_proxy_t *proxy =
        socks_proxy_new(&f->loop, &(socks_proxy_opts_t){.mapped_port = tls_front_port(front)});
    pem_t pem = cert_pem(&cert, NULL, NULL);
    char path[] = "/tmp/muv-proxy-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem.text, pem.size), pem.size);
    (void)close(fd);
    open_mapped(f, proxy, text_of("&connectTimeoutMS=5000&tls=true&tlsCAFile=%s", path), NULL);
    (void)unlink(path);
    warm_up(f);
    assert_true(tls_front_handshakes(front) >= 2);
    close_client(f, MUV_CLOSE_DRAIN);
    tls_front_close(front);
    socks_proxy_close(proxy);
    free(pem.text);
    cert_done(&cert);
}

typedef struct heard {
    unsigned lines;
    unsigned secrets;
    unsigned hosts; /* Events about the real host ... */
    unsigned others;
} heard_t;

static void on_log(const muv_log_message_t *message, void *data)
{
    heard_t *heard = data;
    char *json = bson_as_relaxed_extended_json(message->data, NULL);

    heard->lines++;
    heard->secrets += strstr(json, PASSWORD) != NULL || strstr(json, "badauth") != NULL;
    bson_free(json);
}

static void on_pool(const muv_pool_event_t *event, void *data)
{
    heard_t *heard = data;

    if (strcmp(event->address, SOCKS_PROXY_NAME ":4444") == 0) {
        heard->hosts++;
    } else {
        heard->others++;
    }
}

static void hear(client_fixture_t *f, const char *options, heard_t *heard)
{
    const socks_proxy_opts_t locked = {.username = "username", .password = PASSWORD};
    muv_log_opts_t log = {.cb = on_log, .data = heard, .all = MUV_LOG_TRACE};
    muv_listener_t listener = {.on_pool = on_pool, .data = heard};
    muv_client_opts_t opts = {.log = &log, .listener = &listener};
    socks_proxy_t *proxy = open_proxy(f, &locked);
    outcome_t o = {0};

    open_mapped(f, proxy, options, &opts);
    start_ping(f, &o, 0);
    await(&o);
    outcome_clear(&o);
    close_client(f, MUV_CLOSE_ABORT);
    socks_proxy_close(proxy);
}

static void events_show_the_real_host_and_nothing_shows_the_password(void **state)
{
    heard_t heard = {0};

    hear(*state, RIGHT, &heard);
    assert_true(heard.hosts > 2);
    hear(*state, WRONG, &heard);
    assert_int_equal(heard.others, 0);
    assert_true(heard.lines > 5);
    assert_int_equal(heard.secrets, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_connection_strings_of_the_specification_succeed_and_fail),
        TEST(they_do_so_with_a_real_server),
        TEST(they_do_so_with_a_real_server_that_wants_tls_and_a_login),
        TEST(a_proxy_that_refuses_tells_why),
        TEST(a_proxy_that_hangs_costs_no_more_than_the_time_to_connect),
        TEST(a_proxy_that_breaks_off_is_a_network_error),
        TEST(no_proxy_at_all_is_not_the_servers_fault),
        TEST(errors_of_a_proxy_have_no_label_of_overload),
        TEST(a_proxy_that_begins_to_hang_is_a_timeout_without_label),
        TEST(replies_that_come_byte_by_byte_are_understood),
        TEST(closing_in_the_middle_of_a_conversation_ends_it),
        TEST(a_unix_socket_needs_no_proxy),
        TEST(tls_goes_through_to_the_real_host),
        TEST(events_show_the_real_host_and_nothing_shows_the_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
