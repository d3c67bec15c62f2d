/* SPDX-License-Identifier: Apache-2.0 */
#include "secure_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>

secure_certs_t secure_certs;

static cert_t make(const char *name, const cert_t *issuer, const char *access)
{
    return cert_make(&(cert_spec_t){.common_name = name,
                                    .issuer = issuer,
                                    .alt_names = issuer == NULL ? NULL : "IP:10.0.0.1",
                                    .access = access,
                                    .from_s = SECURE_RIG_WALL_S - CERTS_HALF_LIFE_S,
                                    .until_s = SECURE_RIG_WALL_S + CERTS_HALF_LIFE_S,
                                    .is_authority = issuer == NULL});
}

int secure_certs_setup(void **state)
{
    (void)state;
    alloc_install();
    secure_certs.authority = make("authority", NULL, NULL);
    secure_certs.plain = make("plain", &secure_certs.authority, NULL);
    secure_certs.asking = make("asking", &secure_certs.authority,
                               "OCSP;URI:http://10.0.0.8/ocsp,OCSP;URI:http://10.0.0.9:8080/ocsp");
    secure_certs.trust = cert_pem(&secure_certs.authority, NULL, NULL);
    return 0;
}

int secure_certs_teardown(void **state)
{
    (void)state;
    cert_done(&secure_certs.authority);
    cert_done(&secure_certs.plain);
    cert_done(&secure_certs.asking);
    free(secure_certs.trust.text);
    return 0;
}

/* --- the server --------------------------------------------------------------------------------*/

static void flush(sim_link_t *link, int64_t at_us)
{
    uint8_t bytes[16 * 1024];
    size_t size;

    while ((size = tls_peer_take(sim_link_data(link), bytes, sizeof bytes)) != 0) {
        sim_wire(link, bytes, size, at_us);
    }
}

static void from_client(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    secure_rig_t *rig = data;
    tls_peer_t *peer = sim_link_data(link);
    uint8_t plain[32 * 1024];
    int status;

    if (peer == NULL) {
        assert_true(rig->peer_count < SECURE_RIG_CONNS);
        peer = &rig->peers[rig->peer_count++];
        tls_peer_init(peer, &rig->tls_server);
        sim_link_set_data(link, peer);
    }
    tls_peer_put(peer, bytes, size);
    status = tls_peer_handshake(peer);
    flush(link, sim_now_us(rig->world));
    if (status == 1 && (size = tls_peer_read(peer, plain, sizeof plain)) != 0) {
        sim_plain(link, plain, size);
    }
}

static void from_server(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us)
{
    (void)data;
    tls_peer_write(sim_link_data(link), bytes, size);
    flush(link, at_us);
}

static const sim_cipher_t server_cipher = {.from_client = from_client, .from_server = from_server};

/* --- responders --------------------------------------------------------------------------------*/

static void check_question(const char *text, size_t size)
{
    static const char head[] = "POST /ocsp HTTP/1.1\r\n";
    const char *body = strstr(text, "\r\n\r\n");
    const unsigned char *at;
    OCSP_REQUEST *request;

    assert_memory_equal(text, head, sizeof head - 1);
    assert_non_null(strstr(text, "\r\nContent-Type: application/ocsp-request\r\n"));
    assert_non_null(body);
    at = (const unsigned char *)body + 4;
    request = d2i_OCSP_REQUEST(NULL, &at, (long)(size - (size_t)(body + 4 - text)));
    assert_non_null(request);
    OCSP_REQUEST_free(request);
}

static void send_answer(const responder_t *responder, sim_link_t *link, int64_t at_us)
{
    const responder_plan_t *plan = &responder->plan;
    int64_t from_s = muv__net_wall_s(responder->rig->net) - 10;
    staple_t answer =
        cert_staple(plan->about != NULL ? plan->about : &secure_certs.asking,
                    &secure_certs.authority, &secure_certs.authority, plan->status, from_s);
    char head[128];
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n",
                          (unsigned)answer.size);

    sim_wire(link, (const uint8_t *)head, (size_t)length, at_us);
    sim_wire(link, answer.bytes, answer.size, at_us);
    free(answer.bytes);
}

static void on_question(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    responder_t *responder = data;
    int64_t at_us = sim_now_us(responder->rig->world) + responder->plan.delay_us;
    char *text = malloc(size + 1);

    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    check_question(text, size);
    free(text);
    responder->asked++;
    if (responder->plan.raw == NULL) {
        send_answer(responder, link, at_us);
    } else if (responder->plan.raw[0] != '\0') {
        sim_wire(link, (const uint8_t *)responder->plan.raw, strlen(responder->plan.raw), at_us);
    }
}

static const sim_cipher_t responder_cipher = {.from_client = on_question};

void secure_rig_plan(secure_rig_t *rig, unsigned responder, const responder_plan_t *plan)
{
    rig->responders[responder].plan = *plan;
    sim_on_connect(rig->responders[responder].server, plan->refuses ? SIM_REFUSE : SIM_ACCEPT, 0);
}

static void open_responder(secure_rig_t *rig, unsigned index, const char *address, uint16_t port)
{
    responder_t *responder = &rig->responders[index];

    responder->rig = rig;
    responder->server = sim_server(rig->world, address, port);
    sim_encrypt(responder->server, &responder_cipher, responder);
}

/* --- connections -------------------------------------------------------------------------------*/

static member_t *member_of(muv__conn_t *conn)
{
    return MUV__CONTAINER_OF(conn, member_t, conn);
}

static void on_connected(muv__conn_t *conn)
{
    member_t *member = member_of(conn);

    if (member->rig->on_connected != NULL) {
        member->rig->on_connected(member);
    }
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    member_t *member = member_of(conn);

    assert_true(hello.size > 5);
    member->ready_us = sim_now_us(member->rig->world) - member->opened_us;
    member->rig->ready++;
}

static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    member_t *member = member_of(conn);

    member->failed_us = sim_now_us(member->rig->world) - member->opened_us;
    member->error = *error;
    member->rig->failed++;
    if (member->rig->on_failed != NULL) {
        member->rig->on_failed(member);
    }
}

static void on_closed(muv__conn_t *conn)
{
    assert_false(member_of(conn)->closed);
    member_of(conn)->closed = true;
}

static void on_nothing(muv__conn_t *conn)
{
    (void)conn;
}

static const muv__conn_ops_t ops = {.on_connected = on_connected,
                                    .on_ready = on_ready,
                                    .on_idle = on_nothing,
                                    .on_failed = on_failed,
                                    .on_closed = on_closed};

/* --- the net -----------------------------------------------------------------------------------*/

static void on_begin(void *data, int64_t now_us)
{
    secure_rig_t *rig = data;

    rig->context.now_us = now_us;
}

static void on_end(void *data)
{
    secure_rig_t *rig = data;

    muv__net_arm(rig->net, muv__deadlines_next_us(&rig->deadlines));
}

static void on_timer(void *data)
{
    secure_rig_t *rig = data;

    muv__deadlines_run(&rig->deadlines, rig->context.now_us, 1000);
}

static void on_turn(void *data)
{
    secure_rig_t *rig = data;

    muv__conns_work(&rig->context);
}

static const muv__net_hooks_t hooks = {
    .begin = on_begin, .end = on_end, .on_timer = on_timer, .on_turn = on_turn};

static void open_context(secure_rig_t *rig)
{
    rig->context.net = rig->net;
    rig->context.chunks = muv__chunk_pool_new(16 * 1024 * 1024);
    rig->context.outgoing = &rig->outgoing;
    rig->context.deadlines = &rig->deadlines;
    rig->context.connect_timeout_us = 20 * SIM_SECOND;
    rig->context.fetches = &rig->fetches;
    rig->fetches.net = rig->net;
    rig->fetches.deadlines = &rig->deadlines;
    muv__outgoing_pool_init(&rig->outgoing, muv__chunk_pool_budget(rig->context.chunks));
    muv__buf_init(&rig->hello, 1024);
    muv__bson_int32(&rig->hello, MUV__KEY("hello"), 1);
    muv__bson_utf8(&rig->hello, MUV__KEY("$db"), MUV__KEY("admin"));
    rig->context.hello = muv__span(rig->hello.data, rig->hello.size);
}

void secure_rig_open(secure_rig_t *rig, const tls_server_opts_t *server,
                     const muv__tls_options_t *options)
{
    const tls_server_opts_t asking = {.cert = &secure_certs.asking};
    muv__tls_options_t tls = options != NULL ? *options : (muv__tls_options_t){0};

    memset(rig, 0, sizeof *rig);
    rig->mark = alloc_mark();
    rig->world = sim_new(1);
    tls.authorities = muv__span(secure_certs.trust.text, secure_certs.trust.size);
    tls_server_init(&rig->tls_server, server != NULL ? server : &asking);
    assert_int_equal(muv__net_new(sim_loop(rig->world), &hooks, rig, &rig->net), 0);
    muv__net_keep_alive(rig->net, 1);
    open_context(rig);
    CHECK_CODE(muv__secure_context_new(&tls, NULL, &rig->context.secure), 0);
    rig->server = sim_server(rig->world, "10.0.0.1", 27017);
    sim_encrypt(rig->server, &server_cipher, rig);
    open_responder(rig, 0, "10.0.0.8", 80);
    open_responder(rig, 1, "10.0.0.9", 8080);
    secure_rig_plan(rig, 1, &(responder_plan_t){.refuses = true});
    assert_int_equal(muv__host_parse("10.0.0.1:27017", strlen("10.0.0.1:27017"), &rig->host), 0);
}

member_t *secure_rig_connect(secure_rig_t *rig)
{
    member_t *member = &rig->members[rig->conn_count++];

    assert_true(rig->conn_count <= SECURE_RIG_CONNS);
    member->rig = rig;
    member->ready_us = -1;
    member->failed_us = -1;
    member->opened_us = sim_now_us(rig->world);
    rig->context.now_us = member->opened_us;
    muv__conn_open(&member->conn, &rig->context, &rig->host, &ops, rig);
    return member;
}

static void on_net_closed(void *data)
{
    secure_rig_t *rig = data;

    rig->net_closed = true;
}

void secure_rig_end(secure_rig_t *rig)
{
    for (unsigned i = 0; i < rig->conn_count; i++) {
        muv__conn_close(&rig->members[i].conn);
    }
    sim_run_for(rig->world, SIM_MS);
    for (unsigned i = 0; i < rig->conn_count; i++) {
        assert_true(rig->members[i].closed);
    }
    assert_int_equal(rig->fetches.open_count, 0);
    muv__net_close(rig->net, on_net_closed);
    sim_run(rig->world);
    assert_true(rig->net_closed);
    muv__buf_done(&rig->hello);
    muv__outgoing_pool_done(&rig->outgoing);
    muv__chunk_pool_close(rig->context.chunks);
    muv__secure_context_free(rig->context.secure);
    sim_free(rig->world);
    for (unsigned i = 0; i < rig->peer_count; i++) {
        tls_peer_done(&rig->peers[i]);
    }
    tls_server_done(&rig->tls_server);
    CHECK_NO_LEAK(rig->mark);
}
