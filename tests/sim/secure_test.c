/* SPDX-License-Identifier: Apache-2.0 */
/* One connection with TLS in virtual time: what the network, the server and missing memory may do
 * to it. The engine itself is in tests/unit/tls. */
#include "conn_rig.h"

#include <stdlib.h>
#include <string.h>

#include "muv/client.h"
#include "net_handler.h"
#include "support/tls_server.h"

enum { MAX_LINKS = 4 };

typedef struct secured {
    rig_t rig;
    tls_server_t server;
    tls_peer_t peers[MAX_LINKS];
    unsigned peer_count;
    sim_link_t *link; /* The last one that said something. */
    bool flip;        /* Spoil the next record of the server. */
} secured_t;

static cert_t authority;
static cert_t certificate; /* Of 10.0.0.1. */
static pem_t trust;

static int setup(void **state)
{
    const int64_t now_s = 1700000000;

    (void)state;
    alloc_install();
    authority = cert_make(&(cert_spec_t){.common_name = "authority",
                                         .from_s = now_s - CERTS_HALF_LIFE_S,
                                         .until_s = now_s + 4 * CERTS_HALF_LIFE_S,
                                         .is_authority = 1});
    certificate = cert_make(&(cert_spec_t){.common_name = "server",
                                           .issuer = &authority,
                                           .alt_names = "IP:10.0.0.1",
                                           .from_s = now_s - CERTS_HALF_LIFE_S,
                                           .until_s = now_s + 4 * CERTS_HALF_LIFE_S});
    trust = cert_pem(&authority, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cert_done(&authority);
    cert_done(&certificate);
    free(trust.text);
    return 0;
}

/* --- the server's side -------------------------------------------------------------------------*/

static void flush(secured_t *s, sim_link_t *link, int64_t at_us)
{
    tls_peer_t *peer = sim_link_data(link);
    uint8_t bytes[16 * 1024];
    size_t size;

    while ((size = tls_peer_take(peer, bytes, sizeof bytes)) != 0) {
        bytes[size - 1] ^= s->flip ? 1 : 0;
        s->flip = false;
        sim_wire(link, bytes, size, at_us);
    }
}

static void from_client(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    secured_t *s = data;
    tls_peer_t *peer = sim_link_data(link);
    uint8_t plain[32 * 1024];
    int status;

    if (peer == NULL) {
        assert_true(s->peer_count < MAX_LINKS);
        peer = &s->peers[s->peer_count++];
        tls_peer_init(peer, &s->server);
        sim_link_set_data(link, peer);
    }
    s->link = link;
    tls_peer_put(peer, bytes, size);
    status = tls_peer_handshake(peer);
    flush(s, link, sim_now_us(s->rig.world));
    if (status == 1 && (size = tls_peer_read(peer, plain, sizeof plain)) != 0) {
        sim_plain(link, plain, size);
    }
}

static void from_server(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us)
{
    tls_peer_write(sim_link_data(link), bytes, size);
    flush(data, link, at_us);
}

static const sim_cipher_t cipher = {.from_client = from_client, .from_server = from_server};

/* --- the rig -----------------------------------------------------------------------------------*/

static void open_secured_to(secured_t *s, const tls_server_opts_t *server)
{
    const muv__tls_options_t options = {.authorities = muv__span(trust.text, trust.size)};
    muv__secure_context_t *context = NULL;

    memset(s, 0, sizeof *s);
    tls_server_init(&s->server, server);
    CHECK_CODE(muv__secure_context_new(&options, NULL, &context), 0);
    rig_open_usual(&s->rig);
    s->rig.context.secure = context;
    sim_encrypt(s->rig.server, &cipher, s);
}

static void open_secured(secured_t *s)
{
    open_secured_to(s, &(tls_server_opts_t){.cert = &certificate});
}

static void end_secured(secured_t *s)
{
    muv__secure_context_t *context = s->rig.context.secure;

    rig_end(&s->rig);
    muv__secure_context_free(context);
    for (unsigned i = 0; i < s->peer_count; i++) {
        tls_peer_done(&s->peers[i]);
    }
    tls_server_done(&s->server);
}

static void check_failure(const secured_t *s, int code, const char *text, uint32_t labels)
{
    CHECK_ERROR(&s->rig.error, code);
    CHECK_CONTAINS(s->rig.error.message, text);
    CHECK_CONTAINS(s->rig.error.message, "10.0.0.1:27017");
    assert_int_equal(s->rig.error.labels, labels);
}

#define OVERLOADED (MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE)

/* --- cases -------------------------------------------------------------------------------------*/

static void tls_costs_one_round_trip(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    rig_connect(&s.rig);
    sim_run_for(s.rig.world, SIM_SECOND);
    CHECK_EVENTS(&s.rig, "[3.000] ready\n");
    CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
    sim_run_for(s.rig.world, SIM_SECOND);
    CHECK_CONTAINS(s.rig.events, "reply\n");
    end_secured(&s);
}

static void a_socket_that_takes_little_gets_the_rest_later(void **state)
{
    (void)state;
    for (size_t window = 1; window < 3000; window = window * 5 + 2) {
        secured_t s;

        open_secured(&s);
        sim_window(s.rig.server, window, 10);
        rig_ready(&s.rig);
        CHECK_CODE(rig_send(&s.rig, 20000, 0), 0);
        assert_int_equal(s.rig.conn.writing, 1);
        sim_run_for(s.rig.world, SIM_SECOND);
        CHECK_CONTAINS(s.rig.events, "reply\n");
        assert_int_equal(s.rig.conn.writing, 0);
        end_secured(&s);
    }
}

static void a_large_reply_in_small_pieces_is_put_together(void **state)
{
    const size_t pieces[] = {7, 100, 1460, 16384, 70000};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(pieces); i++) {
        secured_t s;

        open_secured(&s);
        sim_on(s.rig.server, "ping",
               &(sim_step_t){.padding_bytes = pieces[i] * 40, .piece_bytes = pieces[i]});
        rig_ready(&s.rig);
        CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
        sim_run_for(s.rig.world, SIM_SECOND);
        CHECK_CONTAINS(s.rig.events, "reply\n");
        end_secured(&s);
    }
}

static void a_late_reply_is_drained(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    sim_on(s.rig.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND, .padding_bytes = 100000});
    rig_ready(&s.rig);
    CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
    assert_int_equal(muv__conn_abandon(&s.rig.conn), 1);
    rig_arm(&s.rig);
    sim_run_for(s.rig.world, 2 * SIM_SECOND);
    assert_int_equal(s.rig.conn.state, MUV__CONN_IDLE);
    assert_true(s.rig.conn.dropped_bytes > 100000);
    CHECK_CONTAINS(s.rig.events, "idle\n");
    end_secured(&s);
}

static void a_late_reply_of_too_many_bytes_ends_the_connection(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    sim_on(s.rig.server, "ping", &(sim_step_t){.delay_us = SIM_SECOND, .padding_bytes = 2000000});
    rig_ready(&s.rig);
    CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
    assert_int_equal(muv__conn_abandon(&s.rig.conn), 1);
    rig_arm(&s.rig);
    sim_run_for(s.rig.world, 2 * SIM_SECOND);
    assert_int_equal(s.rig.conn.state, MUV__CONN_CLOSED);
    CHECK_CONTAINS(s.rig.error.message, "too large");
    end_secured(&s);
}

static void a_spoiled_record_is_a_broken_connection(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    rig_ready(&s.rig);
    s.flip = true;
    CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
    sim_run_for(s.rig.world, SIM_SECOND);
    check_failure(&s, MUV_ENETWORK, "bad record mac", 0);
    assert_int_equal(s.rig.error.domain, MUV_DOMAIN_NETWORK);
    end_secured(&s);
}

static void new_keys_are_confirmed_while_a_request_is_under_way(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    sim_on(s.rig.server, "ping", &(sim_step_t){.delay_us = 10 * SIM_MS});
    rig_ready(&s.rig);
    for (int i = 0; i < 3; i++) {
        s.rig.events[0] = '\0';
        CHECK_CODE(rig_send(&s.rig, 5000, 0), 0);
        assert_int_equal(SSL_key_update(s.peers[0].ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        sim_run_for(s.rig.world, SIM_SECOND);
        CHECK_CONTAINS(s.rig.events, "reply\n");
    }
    end_secured(&s);
}

static void a_renegotiation_is_declined_while_a_request_waits_to_leave(void **state)
{
    secured_t s;

    (void)state;
    open_secured_to(&s, &(tls_server_opts_t){.cert = &certificate, .max_version = TLS1_2_VERSION});
    sim_window(s.rig.server, 20, 100);
    rig_ready(&s.rig);
    assert_int_equal(SSL_renegotiate(s.peers[0].ssl), 1);
    assert_int_equal(SSL_do_handshake(s.peers[0].ssl), 1);
    flush(&s, s.link, sim_now_us(s.rig.world));
    sim_run_for(s.rig.world, 550); /* The refusal is on its way, and the request waits behind it. */
    CHECK_CODE(rig_send(&s.rig, 100, 0), 0);
    assert_int_equal(s.rig.conn.writing, 1);
    sim_run_for(s.rig.world, SIM_SECOND);
    check_failure(&s, MUV_ENETWORK, "the server refused: ", 0); /* This one insists on it. */
    end_secured(&s);
}

static void a_socket_that_cannot_be_written_to_says_so(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    rig_ready(&s.rig);
    sim_break_writes(s.rig.server, SIM_EPIPE);
    CHECK_CODE(rig_send(&s.rig, 10, 0), SIM_EPIPE);
    end_secured(&s);
}

static void a_certificate_that_is_refused_is_no_overload(void **state)
{
    cert_t stranger = cert_make(&(cert_spec_t){.common_name = "x", .is_authority = 1});
    secured_t s;

    (void)state;
    open_secured_to(&s, &(tls_server_opts_t){.cert = &stranger});
    rig_connect(&s.rig);
    sim_run_for(s.rig.world, SIM_SECOND);
    check_failure(&s, MUV_ETLS, "certificate", 0);
    end_secured(&s);
    cert_done(&stranger);
}

static void silence_and_reset_in_the_handshake_may_be_overload(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    rig_connect(&s.rig);
    sim_window(s.rig.server, 10, INT64_MAX); /* ClientHello never arrives. */
    sim_run_for(s.rig.world, 20 * SIM_SECOND);
    check_failure(&s, MUV_ENETTIMEOUT, "connectTimeoutMS elapsed", OVERLOADED);
    CHECK_CONTAINS(s.rig.events, "[10001.000]");
    end_secured(&s);

    open_secured(&s);
    rig_connect(&s.rig);
    sim_run_for(s.rig.world, 1200);
    sim_reset_all(s.rig.server);
    sim_run_for(s.rig.world, SIM_SECOND);
    check_failure(&s, MUV_ENETWORK, "TLS handshake with", OVERLOADED);
    end_secured(&s);
}

static void an_end_without_goodbye_is_told_as_such(void **state)
{
    secured_t s;

    (void)state;
    open_secured(&s);
    sim_on(s.rig.server, "ping", &(sim_step_t){.act = SIM_FINISH});
    rig_ready(&s.rig);
    CHECK_CODE(rig_send(&s.rig, 10, 0), 0);
    sim_run_for(s.rig.world, SIM_SECOND);
    check_failure(&s, MUV_ENETWORK, "broke it off without a word (", 0);
    end_secured(&s);
}

static void closing_is_possible_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 5 * SIM_MS; at_us += 250) {
        secured_t s;

        open_secured(&s);
        sim_window(s.rig.server, 100, 300);
        rig_connect(&s.rig);
        sim_run_for(s.rig.world, at_us);
        end_secured(&s);
    }
}

/* --- the client --------------------------------------------------------------------------------*/

static void check_refused(sim_world_t *world, const char *uri, const char *reason)
{
    muv_client_t *client = NULL;
    muv_error_t error;

    CHECK_CODE(muv_client_new(sim_loop(world), uri, NULL, &error, &client), MUV_EINVAL);
    CHECK_CONTAINS(error.message, reason);
}

/* There are no files in this world. */
static void a_system_that_trusts_nobody_needs_a_file_of_authorities(void **state)
{
    sim_world_t *world = sim_new(1);

    (void)state;
    check_refused(world, "mongodb://db.test/?tls=true", "give tlsCAFile");
    check_refused(world, "mongodb+srv://db.test.example/", "give tlsCAFile");
    check_refused(world, "mongodb://db.test/?tlsCAFile=/ca.pem", "tlsCAFile: /ca.pem: ");
    sim_environment("SSL_CERT_FILE", "/bundle.pem");
    check_refused(world, "mongodb://db.test/?tls=true", "SSL_CERT_FILE: /bundle.pem: ");
    sim_environment(NULL, NULL);
    sim_free(world);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void live_a_life(void *data)
{
    secured_t *s = data;

    rig_connect(&s->rig);
    sim_run_for(s->rig.world, SIM_SECOND);
    if (s->rig.conn.state == MUV__CONN_IDLE && rig_send(&s->rig, 10, 0) == 0) {
        sim_run_for(s->rig.world, SIM_SECOND);
    }
    assert_true(alloc_has_failed() || strstr(s->rig.events, "reply\n") != NULL);
}

/* Only the connection's own allocations fail: the rig around it takes its memory before. */
static void each_missing_block_fails_the_connection_and_nothing_else(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned k = 1; failed; k++) {
        secured_t s;

        open_secured(&s);
        sim_window(s.rig.server, 300, 10);
        alloc_fail_at(k, false);
        live_a_life(&s);
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        end_secured(&s);
        assert_true(k < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_costs_one_round_trip),
        cmocka_unit_test(a_socket_that_takes_little_gets_the_rest_later),
        cmocka_unit_test(a_large_reply_in_small_pieces_is_put_together),
        cmocka_unit_test(a_late_reply_is_drained),
        cmocka_unit_test(a_late_reply_of_too_many_bytes_ends_the_connection),
        cmocka_unit_test(a_spoiled_record_is_a_broken_connection),
        cmocka_unit_test(new_keys_are_confirmed_while_a_request_is_under_way),
        cmocka_unit_test(a_renegotiation_is_declined_while_a_request_waits_to_leave),
        cmocka_unit_test(a_socket_that_cannot_be_written_to_says_so),
        cmocka_unit_test(a_certificate_that_is_refused_is_no_overload),
        cmocka_unit_test(silence_and_reset_in_the_handshake_may_be_overload),
        cmocka_unit_test(an_end_without_goodbye_is_told_as_such),
        cmocka_unit_test(closing_is_possible_at_any_moment),
        cmocka_unit_test(a_system_that_trusts_nobody_needs_a_file_of_authorities),
        cmocka_unit_test(each_missing_block_fails_the_connection_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
