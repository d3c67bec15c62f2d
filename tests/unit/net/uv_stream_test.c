/* SPDX-License-Identifier: Apache-2.0 */
/* Streams on a real loop against a raw peer: connecting, writing what the socket takes, reading in
 * bounded turns, ending. */
#include "net/net.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "unit/net/net_fixture.h"
#include "unit/net/raw_peer.h"

#define BIG_BYTES (8 * 1024 * 1024)

/* One stream and what its owner heard. */
typedef struct owner {
    net_fixture_t *f;
    muv__stream_t *stream;
    int connect_status;
    int end_status;
    int written_status;
    uint8_t *bytes;
    size_t received;
    size_t space;    /* Bytes offered to each read; 0: none now. */
    unsigned spaces; /* How often it was asked. */
    bool connected;
    bool ended;
    bool written;
    bool closed;
    bool close_on_read;
} owner_t;

static void on_connect(void *data, muv__stream_t *stream, int status)
{
    owner_t *o = data;

    assert_non_null(stream);
    assert_int_equal(o->f->depth, 1);
    assert_false(o->connected);
    o->connected = true;
    o->connect_status = status;
}

static uint8_t *on_space(void *data, size_t *ret_size)
{
    owner_t *o = data;

    o->spaces++;
    *ret_size = o->space;
    return o->space == 0 ? NULL : o->bytes + o->received;
}

static void on_read(void *data, int64_t size)
{
    owner_t *o = data;

    assert_int_equal(o->f->depth, 1);
    assert_false(o->ended);
    if (size < 0) {
        o->ended = true;
        o->end_status = (int)size;
        return;
    }
    assert_true(size > 0 && (size_t)size <= o->space);
    o->received += (size_t)size;
    if (o->close_on_read) {
        muv__stream_close(o->stream);
        o->stream = NULL;
    }
}

static void on_written(void *data, int status)
{
    owner_t *o = data;

    assert_int_equal(o->f->depth, 1);
    assert_false(o->written);
    o->written = true;
    o->written_status = status;
}

static void on_closed(void *data)
{
    owner_t *o = data;

    assert_false(o->closed);
    o->closed = true;
}

static const muv__stream_ops_t ops = {.on_connect = on_connect,
                                      .on_space = on_space,
                                      .on_read = on_read,
                                      .on_written = on_written,
                                      .on_closed = on_closed};

static void open_stream(owner_t *o, net_fixture_t *f, const muv__net_addr_t *addr)
{
    *o = (owner_t){.f = f, .space = 65536, .bytes = malloc(BIG_BYTES + 262144)};
    assert_non_null(o->bytes);
    assert_int_equal(muv__stream_connect(f->net, addr, &ops, o, &o->stream), 0);
    assert_false(o->connected);
    muv__net_keep_alive(f->net, 1);
}

static void close_stream(owner_t *o)
{
    if (o->stream != NULL) {
        muv__stream_close(o->stream);
        assert_false(o->closed);
    }
    run_until(&o->f->loop, &o->closed, WAIT_MS);
    free(o->bytes);
}

/* Connected on both sides. */
static void connect_pair(owner_t *o, raw_peer_t *peer, net_fixture_t *f, int family)
{
    assert_true(raw_peer_open(peer, &f->loop, family));
    open_stream(o, f, &peer->addr);
    run_until(&f->loop, &o->connected, WAIT_MS);
    assert_int_equal(o->connect_status, 0);
    run_until(&f->loop, &peer->accepted, WAIT_MS);
}

static bool peer_has_big(void *data)
{
    return ((raw_peer_t *)data)->received == BIG_BYTES;
}

static bool owner_has_big(void *data)
{
    return ((owner_t *)data)->received == BIG_BYTES;
}

static bool owner_has_four(void *data)
{
    return ((owner_t *)data)->received == 4;
}

static bool peer_has_four(void *data)
{
    return ((raw_peer_t *)data)->received == 4;
}

static uint8_t *pattern(size_t size)
{
    uint8_t *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 257);
    }
    return bytes;
}

/* --- connecting --------------------------------------------------------------------------------*/

static void exchange(net_fixture_t *f, int family)
{
    owner_t o;
    raw_peer_t peer;
    muv__span_t part = muv__span((const uint8_t *)"ping", 4);

    connect_pair(&o, &peer, f, family);
    raw_peer_read(&peer);
    assert_int_equal(muv__stream_write(o.stream, &part, 1), 4);
    run_until_true(&f->loop, peer_has_four, &peer, WAIT_MS);
    assert_memory_equal(peer.bytes, "ping", 4);
    raw_peer_write(&peer, "pong", 4);
    run_until_true(&f->loop, owner_has_four, &o, WAIT_MS);
    assert_memory_equal(o.bytes, "pong", 4);
    assert_false(o.written);
    close_stream(&o);
    run_until(&f->loop, &peer.ended, WAIT_MS);
    raw_peer_close(&peer);
}

static void bytes_go_both_ways_over_ipv4(void **state)
{
    exchange(*state, MUV__NET_IPV4);
}

static void bytes_go_both_ways_over_a_unix_socket(void **state)
{
    exchange(*state, MUV__NET_UNIX);
}

static void bytes_go_both_ways_over_ipv6(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;

    if (!raw_peer_open(&peer, &f->loop, MUV__NET_IPV6)) {
        run_for(&f->loop, 1);
        print_message("no IPv6 here\n");
        return;
    }
    raw_peer_close(&peer);
    exchange(f, MUV__NET_IPV6);
}

static void a_refused_connection_is_told_later(void **state)
{
    net_fixture_t *f = *state;
    muv__net_addr_t nobody = nobodys_address(&f->loop);
    owner_t o;

    open_stream(&o, f, &nobody);
    run_until(&f->loop, &o.connected, WAIT_MS);
    assert_int_equal(o.connect_status, UV_ECONNREFUSED);
    assert_string_equal(muv__net_error_text(o.connect_status), "connection refused");
    assert_false(muv__net_is_timeout(o.connect_status));
    close_stream(&o);
}

static void a_path_that_is_not_there_is_told_later(void **state)
{
    net_fixture_t *f = *state;
    muv__net_addr_t nobody = {.family = MUV__NET_UNIX, .path = "/tmp/muv-nobody-here.sock"};
    owner_t o;

    open_stream(&o, f, &nobody);
    run_until(&f->loop, &o.connected, WAIT_MS);
    assert_int_equal(o.connect_status, UV_ENOENT);
    close_stream(&o);
}

static void a_stream_closed_while_connecting_only_closes(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    assert_true(raw_peer_open(&peer, &f->loop, MUV__NET_IPV4));
    open_stream(&o, f, &peer.addr);
    close_stream(&o);
    assert_false(o.connected);
    run_for(&f->loop, 10);
    raw_peer_close(&peer);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void look_at_options(uv_handle_t *handle, void *data)
{
    raw_peer_t *peer = data;
    struct sockaddr_in name;
    int size = sizeof name;
    uv_os_fd_t fd;

    if (handle->type == UV_TCP && handle != &peer->conn.handle &&
        uv_tcp_getpeername((uv_tcp_t *)handle, (struct sockaddr *)&name, &size) == 0 &&
        uv_fileno(handle, &fd) == 0) {
        assert_int_not_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
        assert_int_not_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
        peer->writes = 1;
    }
}

static void tcp_streams_do_not_delay_and_are_kept_alive(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    uv_walk(&f->loop, look_at_options, &peer);
    assert_int_equal(peer.writes, 1);
    close_stream(&o);
    raw_peer_close(&peer);
}

/* --- writing -----------------------------------------------------------------------------------*/

/* More than a socket takes, cut into two parts at several places: the rest is queued, arrives in
 * order, and is said to have left exactly once. */
static void a_write_that_does_not_fit_is_finished_later(void **state)
{
    static const size_t cuts[] = {1, 16, 4096, BIG_BYTES / 2, BIG_BYTES - 1};
    net_fixture_t *f = *state;
    uint8_t *bytes = pattern(BIG_BYTES);

    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        muv__span_t parts[2] = {muv__span(bytes, cuts[i]),
                                muv__span(bytes + cuts[i], BIG_BYTES - cuts[i])};
        raw_peer_t peer;
        owner_t o;
        int64_t size;

        connect_pair(&o, &peer, f, MUV__NET_IPV4);
        size = muv__stream_write(o.stream, parts, 2);
        assert_in_range(size, 1, BIG_BYTES - 1);
        run_for(&f->loop, 5);
        assert_false(o.written);
        raw_peer_read(&peer);
        run_until_true(&f->loop, peer_has_big, &peer, WAIT_MS);
        run_until(&f->loop, &o.written, WAIT_MS);
        assert_int_equal(o.written_status, 0);
        assert_memory_equal(peer.bytes, bytes, BIG_BYTES);
        close_stream(&o);
        raw_peer_close(&peer);
    }
    free(bytes);
}

static void a_stream_closed_while_writing_only_closes(void **state)
{
    net_fixture_t *f = *state;
    uint8_t *bytes = pattern(BIG_BYTES);
    muv__span_t part = muv__span(bytes, BIG_BYTES);
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    assert_in_range(muv__stream_write(o.stream, &part, 1), 1, BIG_BYTES - 1);
    close_stream(&o);
    assert_false(o.written);
    raw_peer_close(&peer);
    free(bytes);
}

static void writing_to_a_reset_connection_fails(void **state)
{
    net_fixture_t *f = *state;
    muv__span_t part = muv__span((const uint8_t *)"ping", 4);
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    muv__stream_read_stop(o.stream);
    raw_peer_reset(&peer);
    run_for(&f->loop, 20);
    assert_in_range(-muv__stream_write(o.stream, &part, 1), 1, 4096);
    close_stream(&o);
    raw_peer_close(&peer);
}

/* libuv writes with write(): SIGPIPE must not end the program. */
static void writing_to_a_closed_unix_socket_fails(void **state)
{
    net_fixture_t *f = *state;
    muv__span_t part = muv__span((const uint8_t *)"ping", 4);
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_UNIX);
    muv__stream_read_stop(o.stream);
    raw_peer_close(&peer);
    run_for(&f->loop, 20);
    assert_int_equal(muv__stream_write(o.stream, &part, 1), UV_EPIPE);
    close_stream(&o);
}

/* --- reading -----------------------------------------------------------------------------------*/

static void the_end_of_the_stream_is_told_once(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    raw_peer_end(&peer);
    run_until(&f->loop, &o.ended, WAIT_MS);
    assert_int_equal(o.end_status, UV_EOF);
    assert_string_equal(muv__net_error_text(o.end_status), "the server closed the connection");
    run_for(&f->loop, 10);
    close_stream(&o);
    raw_peer_close(&peer);
}

static void a_reset_is_told_once(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    raw_peer_reset(&peer);
    run_until(&f->loop, &o.ended, WAIT_MS);
    assert_int_equal(o.end_status, UV_ECONNRESET);
    run_for(&f->loop, 10);
    close_stream(&o);
    raw_peer_close(&peer);
}

static void reading_can_pause_and_nothing_is_lost(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    muv__stream_read_stop(o.stream);
    raw_peer_write(&peer, "abcd", 4);
    run_for(&f->loop, 20);
    assert_int_equal(o.received, 0);
    assert_int_equal(muv__stream_read_start(o.stream), 0);
    assert_int_equal(muv__stream_read_start(o.stream), 0);
    run_until_true(&f->loop, owner_has_four, &o, WAIT_MS);
    assert_memory_equal(o.bytes, "abcd", 4);
    close_stream(&o);
    raw_peer_close(&peer);
}

static void without_space_the_stream_asks_again(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    o.space = 0;
    raw_peer_write(&peer, "abcd", 4);
    run_for(&f->loop, 10);
    assert_int_equal(o.received, 0);
    assert_true(o.spaces > 1);
    o.space = 3;
    run_until_true(&f->loop, owner_has_four, &o, WAIT_MS);
    assert_memory_equal(o.bytes, "abcd", 4);
    close_stream(&o);
    raw_peer_close(&peer);
}

static size_t most_bytes_in_a_turn;
static size_t bytes_before;

static void measure_turn(uv_prepare_t *prepare)
{
    owner_t *o = prepare->data;
    size_t bytes = o->received - bytes_before;

    bytes_before = o->received;
    if (bytes > most_bytes_in_a_turn) {
        most_bytes_in_a_turn = bytes;
    }
}

/* The peer's bytes lie ready; each turn of the loop takes a bounded part of them. */
static void a_fast_sender_does_not_hold_the_loop(void **state)
{
    net_fixture_t *f = *state;
    uint8_t *bytes = pattern(BIG_BYTES);
    uv_prepare_t prepare;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    bytes_before = 0;
    most_bytes_in_a_turn = 0;
    (void)uv_prepare_init(&f->loop, &prepare);
    prepare.data = &o;
    (void)uv_prepare_start(&prepare, measure_turn);
    raw_peer_write(&peer, bytes, BIG_BYTES);
    run_until_true(&f->loop, owner_has_big, &o, WAIT_MS);
    assert_memory_equal(o.bytes, bytes, BIG_BYTES);
    assert_in_range(most_bytes_in_a_turn, 1, MUV__STREAM_TURN_BYTES + o.space);
    uv_close((uv_handle_t *)&prepare, NULL);
    close_stream(&o);
    raw_peer_close(&peer);
    free(bytes);
}

static owner_t *held_owner;

static void what_lay_in_the_socket_is_here(net_fixture_t *f)
{
    (void)f;
    assert_int_equal(held_owner->received, 4);
}

/* User code holds the loop while a reply arrives and a deadline passes: the reply comes first, also
 * when the loop runs its timers before it polls (design: part 4). */
static void after_a_held_loop_the_sockets_come_before_the_timer(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    held_owner = &o;
    f->on_timer = what_lay_in_the_socket_is_here;
    muv__net_arm(f->net, muv__net_now_us(f->net) + 5000);
    raw_peer_write(&peer, "abcd", 4);
    uv_sleep(20);
    run_until_count(&f->loop, &f->timers, 1, WAIT_MS);
    f->on_timer = NULL;
    close_stream(&o);
    raw_peer_close(&peer);
}

static void a_stream_can_be_closed_while_it_reads(void **state)
{
    net_fixture_t *f = *state;
    raw_peer_t peer;
    owner_t o;

    connect_pair(&o, &peer, f, MUV__NET_IPV4);
    o.close_on_read = true;
    o.space = 2;
    raw_peer_write(&peer, "abcd", 4);
    run_until(&f->loop, &o.closed, WAIT_MS);
    assert_int_equal(o.received, 2);
    close_stream(&o);
    raw_peer_close(&peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_net, close_net)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways_over_ipv4),
        TEST(bytes_go_both_ways_over_a_unix_socket),
        TEST(bytes_go_both_ways_over_ipv6),
        TEST(a_refused_connection_is_told_later),
        TEST(a_path_that_is_not_there_is_told_later),
        TEST(a_stream_closed_while_connecting_only_closes),
        TEST(tcp_streams_do_not_delay_and_are_kept_alive),
        TEST(a_write_that_does_not_fit_is_finished_later),
        TEST(a_stream_closed_while_writing_only_closes),
        TEST(writing_to_a_reset_connection_fails),
        TEST(writing_to_a_closed_unix_socket_fails),
        TEST(the_end_of_the_stream_is_told_once),
        TEST(a_reset_is_told_once),
        TEST(reading_can_pause_and_nothing_is_lost),
        TEST(without_space_the_stream_asks_again),
        TEST(a_fast_sender_does_not_hold_the_loop),
        TEST(after_a_held_loop_the_sockets_come_before_the_timer),
        TEST(a_stream_can_be_closed_while_it_reads),
    };

    return cmocka_run_group_tests_name("uv_stream", tests, NULL, NULL);
}
