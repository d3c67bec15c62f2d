/* SPDX-License-Identifier: Apache-2.0 */
/* The name server, asked by c-ares (parsing) and by plain sockets (what c-ares would hide). */
#include "support/dns_stub.h"

#include "support/check.h"

#include <ares.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000

typedef struct fixture {
    uv_loop_t loop;
    dns_stub_t *stub;
    uv_udp_t udp;
    uint8_t reply[4096];
    size_t size;
    bool answered;
} fixture_t;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    fixture_t *f = handle->data;

    (void)suggested;
    *ret_buffer = uv_buf_init((char *)f->reply, sizeof f->reply);
}

static void on_reply(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer,
                     const struct sockaddr *peer, unsigned flags)
{
    fixture_t *f = udp->data;

    (void)buffer;
    (void)flags;
    if (size > 0 && peer != NULL) {
        f->size = (size_t)size;
        f->answered = true;
    }
}

static int open_fixture(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);

    if (f == NULL || uv_loop_init(&f->loop) != 0 || uv_udp_init(&f->loop, &f->udp) != 0) {
        return -1;
    }
    f->stub = dns_new(&f->loop);
    f->udp.data = f;
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_t *f = *state;

    uv_close((uv_handle_t *)&f->udp, NULL);
    dns_close(f->stub);
    close_loop(&f->loop);
    free(f);
    return 0;
}

/* A question as c-ares writes it. */
static void ask(fixture_t *f, const char *name, int type)
{
    struct sockaddr_in address;
    unsigned char *query = NULL;
    int size = 0;

    f->answered = false;
    assert_int_equal(ares_create_query(name, 1, type, 0x1234, 1, &query, &size, 0), ARES_SUCCESS);
    uv_buf_t buffer = uv_buf_init((char *)query, (unsigned)size);
    assert_int_equal(uv_ip4_addr("127.0.0.1", dns_port(f->stub), &address), 0);
    assert_int_equal(uv_udp_try_send(&f->udp, &buffer, 1, (const struct sockaddr *)&address), size);
    ares_free_string(query);
    (void)uv_udp_recv_start(&f->udp, on_alloc, on_reply);
}

static void ask_and_wait(fixture_t *f, const char *name, int type)
{
    ask(f, name, type);
    run_until(&f->loop, &f->answered, WAIT_MS);
}

static unsigned code_of(const fixture_t *f)
{
    return f->reply[3] & 0x0fu;
}

static void addresses_come_from_the_table(void **state)
{
    fixture_t *f = *state;
    struct ares_addrttl records[4];
    int count = 4;
    char text[INET_ADDRSTRLEN];

    dns_set_ttl(f->stub, 7);
    dns_add_a(f->stub, "db.example", "127.0.0.2");
    dns_add_a(f->stub, "db.example", "127.0.0.3");
    ask_and_wait(f, "DB.example", DNS_A);
    assert_int_equal(ares_parse_a_reply(f->reply, (int)f->size, NULL, records, &count),
                     ARES_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(records[1].ttl, 7);
    assert_string_equal(inet_ntop(AF_INET, &records[1].ipaddr, text, sizeof text), "127.0.0.3");
    assert_int_equal(dns_question_count(f->stub, "db.EXAMPLE", DNS_A), 1);
    assert_int_equal(dns_question_count(f->stub, NULL, DNS_ANY_TYPE), 1);
}

static void aliases_are_followed(void **state)
{
    fixture_t *f = *state;
    struct ares_addr6ttl records[2];
    int count = 2;
    const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

    dns_add_cname(f->stub, "alias.example", "real.example");
    dns_add_aaaa(f->stub, "real.example", "::1");
    ask_and_wait(f, "alias.example", DNS_AAAA);
    assert_int_equal(ares_parse_aaaa_reply(f->reply, (int)f->size, NULL, records, &count),
                     ARES_SUCCESS);
    assert_int_equal(count, 1);
    assert_memory_equal(&records[0].ip6addr, &loopback, sizeof loopback);
}

static void service_and_text_records_are_parsed(void **state)
{
    fixture_t *f = *state;
    const char *const strings[] = {"authSource=db", "&replicaSet=rs0", NULL};
    struct ares_srv_reply *srv = NULL;
    struct ares_txt_reply *txt = NULL;

    dns_add_srv(f->stub, "_mongodb._tcp.c.example", "h1.c.example", 27018);
    dns_add_txt(f->stub, "c.example", strings);
    ask_and_wait(f, "_mongodb._tcp.c.example", DNS_SRV);
    assert_int_equal(ares_parse_srv_reply(f->reply, (int)f->size, &srv), ARES_SUCCESS);
    assert_string_equal(srv->host, "h1.c.example");
    assert_int_equal(srv->port, 27018);
    assert_null(srv->next);
    ares_free_data(srv);
    ask_and_wait(f, "c.example", DNS_TXT);
    assert_int_equal(ares_parse_txt_reply(f->reply, (int)f->size, &txt), ARES_SUCCESS);
    assert_string_equal((const char *)txt->txt, "authSource=db");
    assert_string_equal((const char *)txt->next->txt, "&replicaSet=rs0");
    ares_free_data(txt);
}

static void missing_names_and_missing_types_differ(void **state)
{
    fixture_t *f = *state;

    dns_add_a(f->stub, "db.example", "127.0.0.2");
    ask_and_wait(f, "no.example", DNS_A);
    assert_int_equal(code_of(f), 3);
    ask_and_wait(f, "db.example", DNS_TXT);
    assert_int_equal(code_of(f), 0);
    dns_remove(f->stub, "db.example", DNS_A);
    ask_and_wait(f, "db.example", DNS_A);
    assert_int_equal(code_of(f), 3);
}

static void orders_go_before_the_table(void **state)
{
    fixture_t *f = *state;

    dns_add_a(f->stub, "db.example", "127.0.0.2");
    dns_set_answer(f->stub, "*", DNS_ANY_TYPE, DNS_REFUSED, 0);
    ask_and_wait(f, "db.example", DNS_A);
    assert_int_equal(code_of(f), 5);
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_SERVFAIL, 0);
    ask_and_wait(f, "db.example", DNS_A);
    assert_int_equal(code_of(f), 2);
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_TABLE, 0);
    ask_and_wait(f, "db.example", DNS_A);
    assert_int_equal(code_of(f), 0);
}

static void garbage_does_not_parse_and_wrong_id_is_wrong(void **state)
{
    fixture_t *f = *state;
    struct ares_addrttl records[1];
    int count = 1;

    dns_add_a(f->stub, "db.example", "127.0.0.2");
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_GARBAGE, 0);
    ask_and_wait(f, "db.example", DNS_A);
    assert_int_equal(ares_parse_a_reply(f->reply, (int)f->size, NULL, records, &count),
                     ARES_EBADRESP);
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_WRONG_ID, 0);
    ask_and_wait(f, "db.example", DNS_A);
    CHECK_BYTES_EQUAL(f->reply, 2, "4734");
}

static void silence_and_delay(void **state)
{
    fixture_t *f = *state;
    uint64_t start_ns = uv_hrtime();

    dns_add_a(f->stub, "db.example", "127.0.0.2");
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_SILENCE, 0);
    ask(f, "db.example", DNS_A);
    run_for(&f->loop, 10);
    assert_false(f->answered);
    assert_int_equal(dns_question_count(f->stub, "db.example", DNS_A), 1);
    dns_set_answer(f->stub, "db.example", DNS_A, DNS_TABLE, 20);
    ask_and_wait(f, "db.example", DNS_A);
    assert_true(uv_hrtime() - start_ns >= 28u * 1000000u);
}

/* --- Through a whole c-ares channel, which falls back to TCP -----------------------------------
 */

typedef struct lookup {
    bool done;
    int status;
    int size;
} lookup_t;

static void on_lookup(void *data, int status, int timeouts, unsigned char *reply, int size)
{
    lookup_t *lookup = data;

    (void)timeouts;
    (void)reply;
    lookup->done = true;
    lookup->status = status;
    lookup->size = size;
}

/* The stub runs between two looks at the sockets of the channel. */
static bool step_channel(void *data)
{
    ares_channel *channel = data;
    fd_set readable;
    fd_set writable;
    struct timeval now = {0, 0};

    FD_ZERO(&readable);
    FD_ZERO(&writable);
    int count = ares_fds(*channel, &readable, &writable);
    if (count == 0) {
        return true;
    }
    (void)select(count, &readable, &writable, NULL, &now);
    ares_process(*channel, &readable, &writable);
    return false;
}

static void truncated_answer_is_repeated_over_tcp(void **state)
{
    fixture_t *f = *state;
    ares_channel channel;
    lookup_t lookup = {0};

    assert_int_equal(ares_library_init(ARES_LIB_INIT_ALL), ARES_SUCCESS);
    for (unsigned i = 0; i < 40; i++) {
        dns_add_srv(f->stub, "_mongodb._tcp.c.example", text_of("h%u.c.example", i), 27017);
    }
    assert_int_equal(ares_init(&channel), ARES_SUCCESS);
    assert_int_equal(ares_set_servers_ports_csv(channel, dns_address(f->stub)), ARES_SUCCESS);
    ares_query(channel, "_mongodb._tcp.c.example", 1, DNS_SRV, on_lookup, &lookup);
    run_until_true(&f->loop, step_channel, &channel, WAIT_MS);
    assert_true(lookup.done);
    assert_int_equal(lookup.status, ARES_SUCCESS);
    assert_true(lookup.size > 512);
    assert_int_equal(dns_tcp_question_count(f->stub), 1);
    assert_int_equal(dns_question_count(f->stub, NULL, DNS_SRV), 2);
    ares_destroy(channel);
    ares_library_cleanup();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(addresses_come_from_the_table),
        CASE(aliases_are_followed),
        CASE(service_and_text_records_are_parsed),
        CASE(missing_names_and_missing_types_differ),
        CASE(orders_go_before_the_table),
        CASE(garbage_does_not_parse_and_wrong_id_is_wrong),
        CASE(silence_and_delay),
        CASE(truncated_answer_is_repeated_over_tcp),
    };

    return cmocka_run_group_tests_name("support/dns_stub", tests, NULL, NULL);
}
