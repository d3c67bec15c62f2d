/* SPDX-License-Identifier: Apache-2.0 */
/* One connection through a SOCKS5 proxy in virtual time: what the network, the proxy and missing
 * memory may do to it. The machine itself is in tests/unit/conn/socks5_test.c. */
#include "conn_rig.h"

#include <string.h>

#include "conn/socks5.h"
#include "net_handler.h"

#define OVERLOADED (MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE)

/* Replies of a proxy that wants a password, and what must have come before each. */
static const char *const replies[] = {"\5\2", "\1\0", "\5\0\0\1\0\0\0\0\0"};
static const size_t reply_sizes[] = {2, 2, 10};
static const size_t message_sizes[] = {4, 3 + 4 + 6, 5 + 14 + 2};

static const muv__socks5_proxy_t address = {
    .host = "10.0.0.1", .port = 1080, .username = "user", .password = "s3cret"};

typedef struct proxied {
    rig_t rig;
    unsigned stage;   /* Replies that were given. */
    size_t came;      /* Bytes since the last one. */
    unsigned replies; /* No more than so many. */
    const char *last; /* Instead of the last one of these; NULL: as it is. */
} proxied_t;

static void from_client(void *data, sim_link_t *link, const uint8_t *bytes, size_t size)
{
    proxied_t *p = data;

    if (p->stage == MUV__COUNT_OF(replies)) {
        sim_plain(link, bytes, size);
        return;
    }
    p->came += size;
    assert_true(p->came <= message_sizes[p->stage]);
    if (p->came == message_sizes[p->stage] && p->stage < p->replies) {
        const char *reply = replies[p->stage];

        if (p->stage + 1 == p->replies && p->last != NULL) {
            reply = p->last;
        }
        sim_wire(link, (const uint8_t *)reply, reply_sizes[p->stage], sim_now_us(p->rig.world));
        p->stage++;
        p->came = 0;
    }
}

static void from_server(void *data, sim_link_t *link, const uint8_t *bytes, size_t size,
                        int64_t at_us)
{
    (void)data;
    sim_wire(link, bytes, size, at_us);
}

static const sim_cipher_t cipher = {.from_client = from_client, .from_server = from_server};

static void open_proxied(proxied_t *p)
{
    memset(p, 0, sizeof *p);
    p->replies = MUV__COUNT_OF(replies);
    rig_open(&p->rig, "db.example.net:27017");
    p->rig.server = sim_server(p->rig.world, "10.0.0.1", 1080);
    p->rig.context.proxy = &address;
    sim_encrypt(p->rig.server, &cipher, p);
}

static void check_failure(const proxied_t *p, int code, const char *text, uint32_t labels)
{
    CHECK_ERROR(&p->rig.error, code);
    CHECK_CONTAINS(p->rig.error.message, text);
    CHECK_CONTAINS(p->rig.error.message, "db.example.net:27017");
    assert_null(strstr(p->rig.error.message, "s3cret"));
    assert_int_equal(p->rig.error.labels, labels);
}

/* --- cases -------------------------------------------------------------------------------------*/

static void a_proxy_with_password_costs_three_round_trips(void **state)
{
    proxied_t p;

    (void)state;
    open_proxied(&p);
    rig_connect(&p.rig);
    sim_run_for(p.rig.world, SIM_SECOND);
    CHECK_EVENTS(&p.rig, "[5.000] ready\n");
    assert_null(p.rig.conn.proxying);
    CHECK_CODE(rig_send(&p.rig, 10, 0), 0);
    sim_run_for(p.rig.world, SIM_SECOND);
    CHECK_CONTAINS(p.rig.events, "reply\n");
    rig_end(&p.rig);
}

static void a_socket_that_takes_little_gets_the_rest_later(void **state)
{
    (void)state;
    for (size_t window = 1; window < 30; window += 4) {
        proxied_t p;

        open_proxied(&p);
        sim_window(p.rig.server, window, 10);
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, SIM_SECOND);
        CHECK_CONTAINS(p.rig.events, "ready\n");
        rig_end(&p.rig);
    }
}

static void silence_at_any_stage_ends_with_the_time_to_connect(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < MUV__COUNT_OF(replies); stage++) {
        proxied_t p;

        open_proxied(&p);
        p.replies = stage;
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, 20 * SIM_SECOND);
        check_failure(&p, MUV_ENETTIMEOUT, "connectTimeoutMS elapsed", 0);
        CHECK_CONTAINS(p.rig.events, "[10001.000]");
        rig_end(&p.rig);
    }
}

static void a_reset_is_overload_only_behind_the_proxy(void **state)
{
    (void)state;
    for (int64_t at_us = 1200; at_us < 5000; at_us += 1000) {
        proxied_t p;

        open_proxied(&p);
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, at_us);
        sim_reset_all(p.rig.server);
        sim_run_for(p.rig.world, SIM_SECOND);
        if (at_us < 4000) { /* Three round trips to the proxy, after the one of TCP. */
            check_failure(&p, MUV_ENETWORK, "through the proxy", 0);
        } else {
            check_failure(&p, MUV_ENETWORK, "connection to", OVERLOADED);
        }
        rig_end(&p.rig);
    }
}

static void each_refusal_is_a_network_error(void **state)
{
    static const struct {
        const char *reply;
        const char *text;
    } cases[] = {{"\5\xff", "the proxy accepts neither a password nor none"},
                 {"\1\1", "the proxy refused user and password"},
                 {"\5\3\0\1\0\0\0\0\0", "the proxy found the network unreachable"}};

    (void)state;
    for (unsigned i = 0; i < MUV__COUNT_OF(cases); i++) {
        proxied_t p;

        open_proxied(&p);
        p.replies = i + 1;
        p.last = cases[i].reply;
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, SIM_SECOND);
        check_failure(&p, MUV_ENETWORK, cases[i].text, 0);
        rig_end(&p.rig);
    }
}

static void a_proxy_that_is_not_there_is_no_overload(void **state)
{
    static const muv__socks5_proxy_t nowhere = {.host = "10.0.0.1", .port = 1081};
    proxied_t p;

    (void)state;
    open_proxied(&p);
    p.rig.context.proxy = &nowhere;
    rig_connect(&p.rig);
    sim_run_for(p.rig.world, 20 * SIM_SECOND);
    CHECK_CONTAINS(p.rig.error.message, "connecting through the proxy to db.example.net:27017: ");
    assert_int_equal(p.rig.error.labels, 0);
    rig_end(&p.rig);
}

static void closing_is_possible_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at_us = 0; at_us < 6 * SIM_MS; at_us += 250) {
        proxied_t p;

        open_proxied(&p);
        sim_window(p.rig.server, 5, 300);
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, at_us);
        rig_end(&p.rig);
    }
}

static void each_missing_block_fails_the_connection_and_nothing_else(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned k = 1; failed; k++) {
        proxied_t p;

        open_proxied(&p);
        alloc_fail_at(k, false);
        rig_connect(&p.rig);
        sim_run_for(p.rig.world, SIM_SECOND);
        failed = alloc_has_failed();
        alloc_fail_at(0, false);
        assert_true(failed || strstr(p.rig.events, "ready\n") != NULL);
        rig_end(&p.rig);
        assert_true(k < 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_with_password_costs_three_round_trips),
        cmocka_unit_test(a_socket_that_takes_little_gets_the_rest_later),
        cmocka_unit_test(silence_at_any_stage_ends_with_the_time_to_connect),
        cmocka_unit_test(a_reset_is_overload_only_behind_the_proxy),
        cmocka_unit_test(each_refusal_is_a_network_error),
        cmocka_unit_test(a_proxy_that_is_not_there_is_no_overload),
        cmocka_unit_test(closing_is_possible_at_any_moment),
        cmocka_unit_test(each_missing_block_fails_the_connection_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
