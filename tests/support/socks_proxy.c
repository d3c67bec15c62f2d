/* SPDX-License-Identifier: Apache-2.0 */
#include "support/socks_proxy.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"

#define CHUNK_BYTES (64 * 1024)

struct socks_proxy {
    uv_tcp_t listener;
    uv_loop_t *loop;
    socks_proxy_opts_t opts;
    struct side *sides;
    unsigned accepted;
    unsigned opened;
    unsigned proofs;
    unsigned names;
    unsigned addresses;
    unsigned holders; /* Handles that hold the proxy. */
};

/* One socket; two of them make a way, and each may go first. */
typedef struct side {
    uv_tcp_t tcp;
    uv_connect_t connect;
    socks_proxy_t *proxy;
    struct side *other; /* NULL: there is none yet, or no more. */
    struct side *next;
    socks_proxy_stage_t stage; /* The last one whose message came. */
    bool passing;              /* Bytes go to the other side. */
    size_t size;               /* Of a message that is not whole. */
    char space[CHUNK_BYTES];
} side_t;

typedef struct write {
    uv_write_t request;
    bool last;
    char bytes[];
} write_t;

/* --- the end -----------------------------------------------------------------------------------*/

static void release(socks_proxy_t *proxy)
{
    if (--proxy->holders == 0) {
        free(proxy);
    }
}

static void on_side_closed(uv_handle_t *handle)
{
    side_t *side = handle->data;

    release(side->proxy);
    free(side);
}

static void close_side(side_t *side)
{
    side_t **at = &side->proxy->sides;

    if (uv_is_closing((uv_handle_t *)&side->tcp)) {
        return;
    }
    while (*at != side) {
        at = &(*at)->next;
    }
    *at = side->next;
    uv_close((uv_handle_t *)&side->tcp, on_side_closed);
    if (side->other != NULL) {
        side->other->other = NULL;
        close_side(side->other);
        side->other = NULL;
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void socks_proxy_close(socks_proxy_t *proxy)
{
    while (proxy->sides != NULL) {
        close_side(proxy->sides);
    }
    uv_close((uv_handle_t *)&proxy->listener, on_listener_closed);
}

/* --- bytes out ---------------------------------------------------------------------------------*/

static void on_written(uv_write_t *request, int status)
{
    side_t *side = request->handle->data;
    write_t *write = request->data;

    if (status != 0 || write->last) {
        close_side(side);
    }
    free(write);
}

static void write_bytes(side_t *side, const void *bytes, size_t size, bool last)
{
    write_t *write = malloc(sizeof(*write) + size);
    uv_buf_t buf;

    assert_non_null(write);
    memcpy(write->bytes, bytes, size);
    write->request.data = write;
    write->last = last;
    buf = uv_buf_init(write->bytes, (unsigned)size);
    assert_int_equal(uv_write(&write->request, (uv_stream_t *)&side->tcp, &buf, 1, on_written), 0);
}

/* The reply to the message that came. */
static void reply(side_t *side, const char *bytes, size_t size, bool last)
{
    const socks_proxy_opts_t *opts = &side->proxy->opts;

    if (opts->silent != SOCKS_PROXY_NEVER && side->stage >= opts->silent) {
        return;
    }
    if (opts->cut == side->stage) {
        write_bytes(side, bytes, size / 2, true);
        return;
    }
    for (size_t i = 0; opts->slow && i + 1 < size; i++) {
        write_bytes(side, bytes++, 1, false);
        size--;
    }
    write_bytes(side, bytes, size, last);
}

/* --- what is asked for -------------------------------------------------------------------------*/

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    side_t *side = handle->data;

    (void)suggested;
    *buf = uv_buf_init(side->space + side->size, (unsigned)(sizeof(side->space) - side->size));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf);

static side_t *new_side(socks_proxy_t *proxy)
{
    side_t *side = calloc(1, sizeof(*side));

    assert_non_null(side);
    side->proxy = proxy;
    side->next = proxy->sides;
    proxy->sides = side;
    proxy->holders++;
    assert_int_equal(uv_tcp_init(proxy->loop, &side->tcp), 0);
    side->tcp.data = side;
    return side;
}

static void on_target_connected(uv_connect_t *request, int status)
{
    side_t *target = request->handle->data;
    side_t *client = target->other;

    if (status == UV_ECANCELED || client == NULL) {
        return;
    }
    if (status != 0) {
        target->other = NULL;
        client->other = NULL;
        close_side(target);
        reply(client, "\5\5\0\1\0\0\0\0\0\0", 10, true);
        return;
    }
    client->proxy->opened++;
    client->passing = true;
    target->passing = true;
    reply(client, "\5\0\0\1\177\0\0\1\0\0", 10, false);
    (void)uv_read_start((uv_stream_t *)&target->tcp, on_alloc, on_read);
}

static void open_way(side_t *client, int port)
{
    side_t *target = new_side(client->proxy);
    struct sockaddr_in address;

    target->other = client;
    client->other = target;
    assert_int_equal(uv_ip4_addr("127.0.0.1", port, &address), 0);
    assert_int_equal(uv_tcp_connect(&target->connect, &target->tcp,
                                    (const struct sockaddr *)&address, on_target_connected),
                     0);
}

static void on_request(side_t *side)
{
    const uint8_t *in = (const uint8_t *)side->space;
    char refusal[] = "\5\1\0\1\0\0\0\0\0\0";
    socks_proxy_t *proxy = side->proxy;
    const char *name = proxy->opts.mapped_name != NULL ? proxy->opts.mapped_name : SOCKS_PROXY_NAME;

    assert_memory_equal(in, "\5\1\0", 3);
    if (proxy->opts.refuse != 0) {
        refusal[1] = (char)proxy->opts.refuse;
        reply(side, refusal, 10, true);
    } else if (in[3] == 3) {
        assert_int_equal(in[4], strlen(name));
        assert_memory_equal(in + 5, name, in[4]);
        proxy->names++;
        open_way(side, proxy->opts.mapped_port);
    } else {
        assert_memory_equal(in + 3, "\1\177\0\0\1", 5);
        proxy->addresses++;
        open_way(side, in[8] << 8 | in[9]);
    }
}

static void on_password(side_t *side)
{
    const char *user = side->space + 2;
    size_t user_size = (uint8_t)side->space[1];
    const char *password = user + user_size + 1;
    size_t size = (uint8_t)password[-1];
    const socks_proxy_opts_t *opts = &side->proxy->opts;
    bool good = user_size == strlen(opts->username) && size == strlen(opts->password) &&
                memcmp(user, opts->username, user_size) == 0 &&
                memcmp(password, opts->password, size) == 0;

    side->proxy->proofs++;
    reply(side, good ? "\1\0" : "\1\1", 2, !good);
}

static void on_greeting(side_t *side)
{
    unsigned method = side->proxy->opts.username != NULL ? 2 : 0;
    bool offered = memchr(side->space + 2, (int)method, (uint8_t)side->space[1]) != NULL;
    char chosen[2] = {5, (char)(offered ? method : 0xff)};

    assert_int_equal(side->space[0], 5);
    reply(side, chosen, 2, !offered);
}

/* The size of the message in progress; 0: not yet known. */
static size_t message_size(const side_t *side, socks_proxy_stage_t stage)
{
    const uint8_t *in = (const uint8_t *)side->space;

    if (side->size < 5) { /* All but a greeting are longer; it alone ends with its methods. */
        return stage == SOCKS_PROXY_GREETED && side->size >= 2 ? 2U + in[1] : 0;
    }
    switch (stage) {
    case SOCKS_PROXY_PROVED: return side->size > 2U + in[1] ? 3U + in[1] + in[2 + in[1]] : 0;
    case SOCKS_PROXY_ASKED: return in[3] == 3 ? 7U + in[4] : in[3] == 1 ? 10 : 22;
    case SOCKS_PROXY_NEVER:
    case SOCKS_PROXY_GREETED:
    default: return 2U + in[1];
    }
}

static void on_message(side_t *side)
{
    bool locked = side->proxy->opts.username != NULL;
    socks_proxy_stage_t stage = side->stage == SOCKS_PROXY_GREETED && !locked
                                    ? SOCKS_PROXY_ASKED
                                    : (socks_proxy_stage_t)(side->stage + 1);
    size_t size = message_size(side, stage);

    if (size == 0 || side->size < size) {
        return;
    }
    assert_int_equal(side->size, size); /* Nothing is said before it was asked for. */
    side->stage = stage;
    if (stage == SOCKS_PROXY_GREETED) {
        on_greeting(side);
    } else if (stage == SOCKS_PROXY_PROVED) {
        on_password(side);
    } else {
        on_request(side);
    }
    side->size = 0;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    side_t *side = stream->data;

    (void)buf;
    if (size < 0) {
        close_side(side);
    } else if (side->passing) {
        if (side->other != NULL && size > 0) {
            write_bytes(side->other, side->space, (size_t)size, false);
        }
    } else {
        side->size += (size_t)size;
        on_message(side);
    }
}

/* --- the beginning -----------------------------------------------------------------------------*/

static void on_connection(uv_stream_t *listener, int status)
{
    socks_proxy_t *proxy = listener->data;
    side_t *client = new_side(proxy);

    if (status != 0 || uv_accept(listener, (uv_stream_t *)&client->tcp) != 0) {
        close_side(client);
        return;
    }
    proxy->accepted++;
    (void)uv_tcp_nodelay(&client->tcp, 1);
    (void)uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

socks_proxy_t *socks_proxy_new(uv_loop_t *loop, const socks_proxy_opts_t *opts)
{
    socks_proxy_t *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_in address;

    assert_non_null(proxy);
    proxy->loop = loop;
    proxy->opts = *opts;
    proxy->holders = 1;
    assert_int_equal(uv_tcp_init(loop, &proxy->listener), 0);
    proxy->listener.data = proxy;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_bind(&proxy->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&proxy->listener, 128, on_connection), 0);
    return proxy;
}

void socks_proxy_change(socks_proxy_t *proxy, uint8_t refuse, socks_proxy_stage_t silent)
{
    proxy->opts.refuse = refuse;
    proxy->opts.silent = silent;
}

int socks_proxy_port(const socks_proxy_t *proxy)
{
    struct sockaddr_in address;
    int size = sizeof(address);

    assert_int_equal(uv_tcp_getsockname(&proxy->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

unsigned socks_proxy_accepted(const socks_proxy_t *proxy)
{
    return proxy->accepted;
}

unsigned socks_proxy_opened(const socks_proxy_t *proxy)
{
    return proxy->opened;
}

unsigned socks_proxy_proofs(const socks_proxy_t *proxy)
{
    return proxy->proofs;
}

unsigned socks_proxy_names(const socks_proxy_t *proxy)
{
    return proxy->names;
}

unsigned socks_proxy_addresses(const socks_proxy_t *proxy)
{
    return proxy->addresses;
}
