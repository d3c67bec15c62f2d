/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP exchanges in virtual time: what names, addresses, servers and missing memory may do to one,
 * and that it ends once, tells so once, and leaves nothing behind. */
#include "net_handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"
#include "support/alloc.h"
#include "support/check.h"
#include "support/tls_server.h"
#include "tls/tls_context.h"

#define ADDRESS "169.254.169.254"
#define PLAIN_URL "http://" ADDRESS "/token"
#define SECURE_URL "https://" ADDRESS "/token"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

typedef struct rig {
    sim_world_t *world;
    sim_server_t *server;
    muv__net_t *net;
    muv__heap_t deadlines;
    muv__fetch_context_t context;
    muv__fetch_t *fetch;
    char events[512]; /* "[ms] what\n" */
    muv_error_t error;
    int64_t since_us;
    bool again; /* The callback starts another one. */
    bool starting;
    bool net_closed;
    alloc_mark_t mark;
    /* What the server does. */
    const char *answer; /* NULL: nothing, ever. */
    size_t piece_bytes;
    sim_act_t then; /* SIM_REPLY: nothing. */
    bool goodbye;   /* TLS: close_notify. */
    char asked[1024];
    size_t asked_size;
    bool secure;
    tls_server_t tls;
    tls_peer_t peer; /* Of the last connection. */
} rig_t;

static cert_t authority;
static cert_t certificate;
static cert_t stranger; /* Of somebody else. */
static pem_t trust;

static cert_t make(const char *name, const cert_t *issuer, const char *alt_names)
{
    const int64_t now_s = 1700000000;

    return cert_make(&(cert_spec_t){.common_name = name,
                                    .issuer = issuer,
                                    .alt_names = alt_names,
                                    .from_s = now_s - CERTS_HALF_LIFE_S,
                                    .until_s = now_s + 4 * CERTS_HALF_LIFE_S,
                                    .is_authority = issuer == NULL});
}

static int setup(void **state)
{
    (void)state;
    alloc_install();
    authority = make("authority", NULL, NULL);
    certificate = make("server", &authority, "DNS:a.test,IP:" ADDRESS);
    stranger = make("server", &authority, "IP:10.9.9.9");
    trust = cert_pem(&authority, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cert_done(&authority);
    cert_done(&certificate);
    cert_done(&stranger);
    free(trust.text);
    return 0;
}

/* --- the server --------------------------------------------------------------------------------*/

static void flush(rig_t *rig, sim_link_t *link)
{
    uint8_t bytes[16 * 1024];
    size_t size;

    while ((size = tls_peer_take(&rig->peer, bytes, sizeof bytes)) != 0) {
        sim_wire(link, bytes, size, sim_now_us(rig->world));
    }
}

static void say(rig_t *rig, sim_link_t *link, const char *bytes, size_t size)
{
    if (rig->secure) {
        tls_peer_write(&rig->peer, bytes, size);
        flush(rig, link);
    } else {
        sim_wire(link, (const uint8_t *)bytes, size, sim_now_us(rig->world));
    }
}

static void take_request(rig_t *rig, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    size_t length = rig->answer == NULL ? 0 : strlen(rig->answer);
    size_t piece = rig->piece_bytes == 0 ? length : rig->piece_bytes;

    assert_true(rig->asked_size + size < sizeof rig->asked);
    memcpy(rig->asked + rig->asked_size, bytes, size);
    rig->asked_size += size;
    rig->asked[rig->asked_size] = '\0';
    if (rig->answer == NULL || strstr(rig->asked, "\r\n\r\n") == NULL) {
        return;
    }
    for (size_t at = 0; at < length; at += piece) {
        say(rig, link, rig->answer + at, length - at < piece ? length - at : piece);
    }
    if (rig->goodbye) {
        (void)SSL_shutdown(rig->peer.ssl);
        flush(rig, link);
    }
    if (rig->then != SIM_REPLY) {
        sim_end_link(link, rig->then);
    }
}

static void from_client(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    rig_t *rig = data;
    uint8_t plain[32 * 1024];

    if (!rig->secure) {
        take_request(rig, link, bytes, size);
        return;
    }
    if (sim_link_data(link) == NULL) {
        if (rig->peer.ssl != NULL) {
            tls_peer_done(&rig->peer);
        }
        tls_peer_init(&rig->peer, &rig->tls);
        sim_link_set_data(link, &rig->peer);
    }
    tls_peer_put(&rig->peer, bytes, size);
    int status = tls_peer_handshake(&rig->peer);
    flush(rig, link);
    if (status == 1 && (size = tls_peer_read(&rig->peer, plain, sizeof plain)) != 0) {
        take_request(rig, link, plain, size);
    }
}

static void from_server(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us)
{
    (void)data;
    sim_wire(link, bytes, size, at_us);
}

static const sim_cipher_t cipher = {.from_client = from_client, .from_server = from_server};

/* --- the rig -----------------------------------------------------------------------------------*/

static void note(rig_t *rig, const char *what, const char *text, size_t size)
{
    size_t length = strlen(rig->events);

    (void)snprintf(rig->events + length, sizeof rig->events - length, "[%.3f] %s%.*s\n",
                   (double)(sim_now_us(rig->world) - rig->since_us) / 1000, what, (int)size, text);
}

static void on_begin(void *data, int64_t now_us)
{
    (void)data;
    (void)now_us;
}

static void on_end(void *data)
{
    rig_t *rig = data;

    muv__net_arm(rig->net, muv__deadlines_next_us(&rig->deadlines));
}

static void on_timer(void *data)
{
    rig_t *rig = data;

    muv__deadlines_run(&rig->deadlines, sim_now_us(rig->world), 100);
}

static void on_turn(void *data)
{
    (void)data;
}

static void on_gone(muv__fetch_context_t *context)
{
    rig_t *rig = MUV__CONTAINER_OF(context, rig_t, context);

    assert_false(rig->starting);
    note(rig, "gone", "", 0);
}

static void open_rig(rig_t *rig)
{
    static const muv__net_hooks_t hooks = {
        .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};

    alloc_install();
    memset(rig, 0, sizeof *rig);
    rig->mark = alloc_mark();
    rig->world = sim_new(1);
    rig->since_us = sim_now_us(rig->world);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
    muv__net_keep_alive(rig->net, 1);
    rig->context =
        (muv__fetch_context_t){.net = rig->net, .deadlines = &rig->deadlines, .on_gone = on_gone};
    rig->answer = HELLO;
    rig->server = sim_server(rig->world, ADDRESS, 80);
    sim_encrypt(rig->server, &cipher, rig);
}

static void open_secure_with(rig_t *rig, const cert_t *cert)
{
    const muv__tls_options_t options = {.authorities = muv__span(trust.text, trust.size)};

    open_rig(rig);
    rig->secure = true;
    tls_server_init(&rig->tls, &(tls_server_opts_t){.cert = cert});
    CHECK_CODE(muv__tls_context_new(&options, NULL, &rig->context.tls), 0);
    rig->server = sim_server(rig->world, ADDRESS, 443);
    sim_encrypt(rig->server, &cipher, rig);
}

static void open_secure(rig_t *rig)
{
    open_secure_with(rig, &certificate);
}

static void on_net_closed(void *data)
{
    rig_t *rig = data;

    rig->net_closed = true;
}

static void end_rig(rig_t *rig)
{
    sim_run_for(rig->world, SIM_MS);
    assert_int_equal(rig->context.open_count, 0);
    assert_null(muv__heap_first(&rig->deadlines));
    muv__net_close(rig->net, on_net_closed);
    sim_run(rig->world);
    assert_true(rig->net_closed);
    muv__tls_context_free(rig->context.tls);
    if (rig->peer.ssl != NULL) {
        tls_peer_done(&rig->peer);
    }
    if (rig->tls.context != NULL) {
        tls_server_done(&rig->tls);
    }
    sim_free(rig->world);
    CHECK_NO_LEAK(rig->mark);
}

static void on_fetched(void *owner, const muv__http_response_t *response, const muv_error_t *error);

static int start_by(rig_t *rig, const char *url, int64_t timeout_us)
{
    muv__http_request_t request = {.method = "GET"};

    assert_int_equal(muv__url_parse(url, strlen(url), &request.url), 0);
    rig->starting = true;
    int status = muv__fetch_start(&rig->context, &request, sim_now_us(rig->world) + timeout_us,
                                  on_fetched, rig, &rig->fetch);
    rig->starting = false;
    /* Written out: nothing of it is looked at any more. */
    memset(&request, 0x5a, sizeof request);
    return status;
}

static void start(rig_t *rig, const char *url)
{
    CHECK_CODE(start_by(rig, url, 10 * SIM_SECOND), 0);
    assert_string_equal(rig->events, "");
}

static void on_fetched(void *owner, const muv__http_response_t *response, const muv_error_t *error)
{
    rig_t *rig = owner;

    assert_false(rig->starting);
    assert_true((response == NULL) != (error == NULL));
    if (error != NULL) {
        rig->error = *error;
        note(rig, error->message, "", 0);
    } else if (response != NULL) {
        note(rig, text_of("%d ", response->status), (const char *)response->body.data,
             response->body.size);
    }
    if (rig->again) {
        rig->again = false;
        rig->asked_size = 0;
        CHECK_CODE(start_by(rig, rig->secure ? SECURE_URL : PLAIN_URL, SIM_SECOND), 0);
    }
}

#define CHECK_EVENTS(rig, expected) check_events(rig, expected, __FILE__, __LINE__)
static void check_events(const rig_t *rig, const char *expected, const char *file, int line)
{
    if (strcmp(rig->events, expected) != 0) {
        print_error("the events are\n%sinstead of\n%s", rig->events, expected);
        check_fail_at(file, line);
    }
}

/* One answer, and what comes of it. */
static void check_answer(bool secure, const char *answer, sim_act_t then, bool goodbye,
                         const char *events)
{
    rig_t rig;

    if (secure) {
        open_secure(&rig);
    } else {
        open_rig(&rig);
    }
    rig.answer = answer;
    rig.then = then;
    rig.goodbye = goodbye;
    start(&rig, secure ? SECURE_URL : PLAIN_URL);
    sim_run_for(rig.world, 20 * SIM_SECOND);
    CHECK_EVENTS(&rig, events);
    end_rig(&rig);
}

/* --- plain -------------------------------------------------------------------------------------*/

static void an_exchange_costs_two_round_trips(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    start(&rig, PLAIN_URL);
    assert_int_equal(rig.context.open_count, 1);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2.000] 200 hello\n[2.000] gone\n");
    assert_string_equal(rig.asked, "GET /token HTTP/1.1\r\nHost: " ADDRESS "\r\n"
                                   "User-Agent: libmuv/0.1.0\r\nConnection: close\r\n\r\n");
    assert_int_equal(sim_counts(rig.server).closed_by_client, 1);
    end_rig(&rig);
}

static void any_status_is_an_answer(void **state)
{
    (void)state;
    check_answer(false, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", SIM_REPLY, false,
                 "[2.000] 404 no\n[2.000] gone\n");
    check_answer(false, "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n",
                 SIM_FINISH, false, "[2.000] 302 \n[2.000] gone\n");
}

static void the_end_of_the_connection_may_end_the_body(void **state)
{
    (void)state;
    check_answer(false, "HTTP/1.0 200 OK\r\n\r\nhello", SIM_FINISH, false,
                 "[2.000] 200 hello\n[2.000] gone\n");
}

static void an_answer_may_come_in_pieces(void **state)
{
    for (int secure = 0; secure < 2; secure++) {
        rig_t rig;

        (void)state;
        if (secure) {
            open_secure(&rig);
        } else {
            open_rig(&rig);
        }
        rig.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        rig.piece_bytes = 1;
        start(&rig, secure ? SECURE_URL : PLAIN_URL);
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_CONTAINS(rig.events, "200 hello\n");
        end_rig(&rig);
    }
}

static void a_socket_that_takes_little_gets_the_rest_later(void **state)
{
    for (int secure = 0; secure < 2; secure++) {
        rig_t rig;

        (void)state;
        if (secure) {
            open_secure(&rig);
        } else {
            open_rig(&rig);
        }
        sim_window(rig.server, 7, 10);
        start(&rig, secure ? SECURE_URL : PLAIN_URL);
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_CONTAINS(rig.events, "200 hello\n");
        CHECK_CONTAINS(rig.asked, "GET /token HTTP/1.1\r\n");
        end_rig(&rig);
    }
}

static void the_callback_may_start_another_one(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    rig.again = true;
    start(&rig, PLAIN_URL);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2.000] 200 hello\n[2.000] gone\n[4.000] 200 hello\n[4.000] gone\n");
    end_rig(&rig);
}

static void a_bad_answer_is_an_error_that_names_the_host(void **state)
{
    static const struct {
        const char *answer;
        sim_act_t then;
        int code;
        const char *events;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", SIM_FINISH, MUV_ENETWORK,
         "[2.000] answer of " ADDRESS ":80: the connection ended within the answer\n"
         "[2.000] gone\n"},
        {"", SIM_FINISH, MUV_ENETWORK,
         "[2.000] answer of " ADDRESS ":80: the connection ended without an answer\n"
         "[2.000] gone\n"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", SIM_REPLY, MUV_ETOOLARGE,
         "[2.000] answer of " ADDRESS ":80: a body larger than is accepted\n[2.000] gone\n"},
        {"220 mail ready\r\n", SIM_REPLY, MUV_EPROTOCOL,
         "[2.000] answer of " ADDRESS ":80: the answer is not HTTP/1\n[2.000] gone\n"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(cases); i++) {
        rig_t rig;

        open_rig(&rig);
        rig.answer = cases[i].answer;
        rig.then = cases[i].then;
        start(&rig, PLAIN_URL);
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_EVENTS(&rig, cases[i].events);
        CHECK_ERROR(&rig.error, cases[i].code);
        assert_null(strstr(rig.error.message, "token"));
        end_rig(&rig);
    }
}

/* A body until the end of the connection is not complete when the connection breaks. */
static void a_reset_is_no_end(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    rig.answer = "HTTP/1.1 200 OK\r\n\r\nhello";
    rig.then = SIM_RESET;
    start(&rig, PLAIN_URL);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETWORK);
    CHECK_CONTAINS(rig.events, "waiting for the answer of " ADDRESS ":80: ");
    assert_int_equal(rig.error.system_code, SIM_ECONNRESET);
    end_rig(&rig);
}

static void a_socket_that_cannot_be_written_to(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    sim_window(rig.server, 5, INT64_MAX);
    start(&rig, PLAIN_URL);
    sim_run_for(rig.world, 1200);
    sim_break_writes(rig.server, SIM_EPIPE);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETWORK);
    CHECK_CONTAINS(rig.events, "writing to " ADDRESS ":80: ");
    end_rig(&rig);
}

/* --- names and addresses -----------------------------------------------------------------------*/

static void addresses_are_tried_one_after_the_other(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    sim_name(rig.world, "a.test", "10.0.0.1 10.0.0.2 " ADDRESS, SIM_MS);
    sim_on_connect(sim_server(rig.world, "10.0.0.2", 80), SIM_UNREACHABLE, 0);
    start(&rig, "http://a.test/");
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[4.000] 200 hello\n[4.000] gone\n");
    CHECK_CONTAINS(rig.asked, "Host: a.test\r\n");
    end_rig(&rig);
}

/* Half of the time that is left belongs to the other one. */
static void an_address_that_swallows_everything_does_not_take_all_the_time(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    sim_name(rig.world, "a.test", "10.0.0.1 " ADDRESS, 0);
    sim_on_connect(sim_server(rig.world, "10.0.0.1", 80), SIM_HANG, 0);
    start(&rig, "http://a.test/");
    sim_run_for(rig.world, 20 * SIM_SECOND);
    CHECK_EVENTS(&rig, "[5002.000] 200 hello\n[5002.000] gone\n");
    end_rig(&rig);
}

static void when_no_address_answers_the_last_one_is_told(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    sim_name(rig.world, "a.test", "10.0.0.1 10.0.0.2", 0);
    sim_on_connect(sim_server(rig.world, "10.0.0.1", 80), SIM_UNREACHABLE, 0);
    start(&rig, "http://a.test/");
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETWORK);
    assert_int_equal(rig.error.system_code, SIM_ECONNREFUSED);
    CHECK_CONTAINS(rig.events, "[1.000] connecting to a.test:80: ");
    end_rig(&rig);
}

static void a_name_that_does_not_exist(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    sim_name_fails(rig.world, "a.test", "no such name", SIM_MS);
    start(&rig, "http://a.test:8080/");
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_EDNS);
    CHECK_EVENTS(&rig, "[1.000] looking up a.test:8080: no such name\n[1.000] gone\n");
    end_rig(&rig);
}

/* --- TLS ---------------------------------------------------------------------------------------*/

static void tls_costs_one_more_round_trip(void **state)
{
    (void)state;
    check_answer(true, HELLO, SIM_REPLY, false, "[3.000] 200 hello\n[3.000] gone\n");
    check_answer(true, HELLO, SIM_FINISH, true, "[3.000] 200 hello\n[3.000] gone\n");
}

static void with_tls_only_a_goodbye_ends_a_body(void **state)
{
    static const char endless[] = "HTTP/1.1 200 OK\r\n\r\nhello";

    (void)state;
    check_answer(true, endless, SIM_FINISH, true, "[3.000] 200 hello\n[3.000] gone\n");
    check_answer(true, endless, SIM_FINISH, false,
                 "[3.000] TLS connection to " ADDRESS
                 ":443: the server broke it off without a word "
                 "(the server closed the connection)\n[3.000] gone\n");
}

static void a_certificate_of_another_host_is_refused(void **state)
{
    rig_t rig;

    (void)state;
    open_secure_with(&rig, &stranger);
    start(&rig, SECURE_URL);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ETLS);
    CHECK_CONTAINS(rig.error.message, "TLS handshake with " ADDRESS ":443: IP address mismatch");
    assert_string_equal(rig.asked, "");
    end_rig(&rig);
}

static void a_server_without_tls_is_refused(void **state)
{
    rig_t rig;

    (void)state;
    open_secure(&rig);
    start(&rig, "https://" ADDRESS ":80/");
    sim_run_for(rig.world, 900);
    rig.secure = false; /* It takes a greeting for a request that has not ended. */
    sim_run_for(rig.world, 20 * SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETTIMEOUT);
    CHECK_CONTAINS(rig.events, "TLS handshake with " ADDRESS ":80: the time is up");
    end_rig(&rig);
}

static void an_end_within_the_handshake(void **state)
{
    rig_t rig;

    (void)state;
    open_secure(&rig);
    start(&rig, SECURE_URL);
    sim_run_for(rig.world, 1200);
    sim_reset_all(rig.server);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETWORK);
    CHECK_CONTAINS(rig.events, "TLS handshake with " ADDRESS ":443: the server closed");
    end_rig(&rig);
}

static void a_body_that_is_larger_than_the_space(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n";
    char *answer = malloc(sizeof head + 200000);

    (void)state;
    assert_non_null(answer);
    memcpy(answer, head, sizeof head - 1);
    memset(answer + sizeof head - 1, 'x', 200000);
    answer[sizeof head - 1 + 200000] = '\0';
    for (int secure = 0; secure < 2; secure++) {
        rig_t rig;

        if (secure) {
            open_secure(&rig);
        } else {
            open_rig(&rig);
        }
        rig.answer = answer;
        rig.piece_bytes = 50000;
        start(&rig, secure ? SECURE_URL : PLAIN_URL);
        sim_run_for(rig.world, SIM_SECOND);
        CHECK_CONTAINS(rig.events, "200 xxxxxxxx");
        end_rig(&rig);
    }
    free(answer);
}

/* --- time --------------------------------------------------------------------------------------*/

static void the_deadline_ends_it_in_any_state(void **state)
{
    static const struct {
        const char *url;
        sim_connect_t action;
        bool deaf; /* The server does not even hear the greeting. */
        const char *text;
    } cases[] = {
        {"http://slow.test/", SIM_ACCEPT, false, "looking up slow.test:80"},
        {PLAIN_URL, SIM_HANG, false, "connecting to " ADDRESS ":80"},
        {SECURE_URL, SIM_ACCEPT, true, "TLS handshake with " ADDRESS ":443"},
        {PLAIN_URL, SIM_ACCEPT, false, "waiting for the answer of " ADDRESS ":80"},
        {SECURE_URL, SIM_ACCEPT, false, "waiting for the answer of " ADDRESS ":443"},
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(cases); i++) {
        bool secure = strncmp(cases[i].url, "https", 5) == 0;
        rig_t rig;

        if (secure) {
            open_secure(&rig);
        } else {
            open_rig(&rig);
        }
        sim_name(rig.world, "slow.test", ADDRESS, 60 * SIM_SECOND);
        sim_on_connect(rig.server, cases[i].action, 0);
        sim_window(rig.server, cases[i].deaf ? 10 : 0, INT64_MAX);
        rig.answer = NULL;
        start(&rig, cases[i].url);
        sim_run_for(rig.world, 100 * SIM_SECOND);
        CHECK_ERROR(&rig.error, MUV_ENETTIMEOUT);
        CHECK_EVENTS(&rig,
                     text_of("[10000.000] %s: the time is up\n[10000.000] gone\n", cases[i].text));
        end_rig(&rig);
    }
}

static void a_deadline_that_has_passed_is_told_later_too(void **state)
{
    rig_t rig;

    (void)state;
    open_rig(&rig);
    CHECK_CODE(start_by(&rig, PLAIN_URL, 0), 0);
    assert_string_equal(rig.events, "");
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_ERROR(&rig.error, MUV_ENETTIMEOUT);
    end_rig(&rig);
}

/* --- cancelling --------------------------------------------------------------------------------*/

static void cancelling_is_possible_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 8 * SIM_MS; at_us += 250) {
        for (int secure = 0; secure < 2; secure++) {
            rig_t rig;

            if (secure) {
                open_secure(&rig);
            } else {
                open_rig(&rig);
            }
            sim_name(rig.world, "a.test", ADDRESS, SIM_MS);
            sim_window(rig.server, 100, 300);
            start(&rig, secure ? "https://a.test/" : "http://a.test/");
            sim_run_for(rig.world, at_us);
            if (strstr(rig.events, "gone") == NULL) {
                muv__fetch_cancel(rig.fetch);
                assert_string_equal(rig.events, "");
                assert_int_equal(rig.context.open_count, 1);
                sim_run_for(rig.world, SIM_SECOND);
                CHECK_EVENTS(&rig, text_of("[%.3f] gone\n", (double)at_us / 1000));
            }
            end_rig(&rig);
        }
    }
}

/* --- refusals ----------------------------------------------------------------------------------*/

static int refusal(rig_t *rig, muv__http_request_t *request, const char *url)
{
    int status;

    assert_int_equal(muv__url_parse(url, strlen(url), &request->url), 0);
    status = muv__fetch_start(&rig->context, request, SIM_SECOND, on_fetched, rig, &rig->fetch);
    assert_null(rig->fetch);
    assert_int_equal(rig->context.open_count, 0);
    return status;
}

static void what_cannot_be_asked_is_refused_at_once(void **state)
{
    static uint8_t body[70000];
    muv__http_request_t plain = {.method = "GET"};
    muv__http_request_t evil = {
        .method = "GET", .header_count = 1, .headers = {{"Authorization", "a\r\nb: c"}}};
    muv__http_request_t large = {.method = "POST", .body = {body, sizeof body}};
    rig_t rig;

    (void)state;
    open_rig(&rig);
    CHECK_CODE(refusal(&rig, &plain, SECURE_URL), MUV_EINVAL);
    CHECK_CODE(refusal(&rig, &evil, PLAIN_URL), MUV_EINVAL);
    CHECK_CODE(refusal(&rig, &large, PLAIN_URL), MUV_ETOOLARGE);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "");
    end_rig(&rig);
}

static void the_answer_to_head_has_no_body(void **state)
{
    muv__http_request_t request = {.method = "HEAD"};
    rig_t rig;

    (void)state;
    open_rig(&rig);
    rig.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n";
    assert_int_equal(muv__url_parse(PLAIN_URL, strlen(PLAIN_URL), &request.url), 0);
    CHECK_CODE(muv__fetch_start(&rig.context, &request, INT64_MAX, on_fetched, &rig, &rig.fetch),
               0);
    sim_run_for(rig.world, SIM_SECOND);
    CHECK_EVENTS(&rig, "[2.000] 200 \n[2.000] gone\n");
    end_rig(&rig);
}

/* --- memory ------------------------------------------------------------------------------------*/

static void fetch_with_little_memory(void *data)
{
    rig_t *rig = data;

    if (start_by(rig, rig->secure ? "https://a.test/" : "http://a.test/", SIM_SECOND) == 0) {
        sim_run_for(rig->world, 2 * SIM_SECOND);
        assert_int_equal(rig->context.open_count, 0);
        if (strstr(rig->events, "200 hello\n") == NULL) {
            CHECK_ERROR(&rig->error, MUV_ENOMEM);
        }
    }
    assert_true(alloc_has_failed() || strstr(rig->events, "200 hello\n") != NULL);
}

static void each_missing_block_fails_the_fetch_and_nothing_else(void **state)
{
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        bool failed = true;

        for (unsigned k = 1; failed; k++) {
            rig_t rig;

            if (secure) {
                open_secure_with(&rig, &certificate);
            } else {
                open_rig(&rig);
            }
            sim_name(rig.world, "a.test", ADDRESS, SIM_MS);
            sim_window(rig.server, 50, 100);
            alloc_fail_at(k, false);
            fetch_with_little_memory(&rig);
            failed = alloc_has_failed();
            alloc_fail_at(0, false);
            end_rig(&rig);
            assert_true(failed || k > 5);
            assert_true(k < 200);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_costs_two_round_trips),
        cmocka_unit_test(any_status_is_an_answer),
        cmocka_unit_test(the_end_of_the_connection_may_end_the_body),
        cmocka_unit_test(an_answer_may_come_in_pieces),
        cmocka_unit_test(a_socket_that_takes_little_gets_the_rest_later),
        cmocka_unit_test(the_callback_may_start_another_one),
        cmocka_unit_test(a_bad_answer_is_an_error_that_names_the_host),
        cmocka_unit_test(a_reset_is_no_end),
        cmocka_unit_test(a_socket_that_cannot_be_written_to),
        cmocka_unit_test(addresses_are_tried_one_after_the_other),
        cmocka_unit_test(an_address_that_swallows_everything_does_not_take_all_the_time),
        cmocka_unit_test(when_no_address_answers_the_last_one_is_told),
        cmocka_unit_test(a_name_that_does_not_exist),
        cmocka_unit_test(tls_costs_one_more_round_trip),
        cmocka_unit_test(with_tls_only_a_goodbye_ends_a_body),
        cmocka_unit_test(a_certificate_of_another_host_is_refused),
        cmocka_unit_test(a_server_without_tls_is_refused),
        cmocka_unit_test(an_end_within_the_handshake),
        cmocka_unit_test(a_body_that_is_larger_than_the_space),
        cmocka_unit_test(the_deadline_ends_it_in_any_state),
        cmocka_unit_test(a_deadline_that_has_passed_is_told_later_too),
        cmocka_unit_test(cancelling_is_possible_at_any_moment),
        cmocka_unit_test(what_cannot_be_asked_is_refused_at_once),
        cmocka_unit_test(the_answer_to_head_has_no_body),
        cmocka_unit_test_teardown(each_missing_block_fails_the_fetch_and_nothing_else,
                                  alloc_teardown),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
