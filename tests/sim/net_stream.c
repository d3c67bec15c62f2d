/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of connections, with the order of events that src/net/uv_stream.c has on libuv:
 * in one poll first what can be read, then what can be written. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

/* libuv reads a socket at most so often before it turns to the next. */
#define READS_PER_POLL 32

/* --- bytes -------------------------------------------------------------------------------------*/

void sim_bytes_append(sim_bytes_t *bytes, const void *data, size_t size)
{
    size_t kept = sim_bytes_size(bytes);

    if (bytes->start != 0 && bytes->end + size > bytes->capacity) {
        memmove(bytes->data, bytes->data + bytes->start, kept);
        bytes->start = 0;
        bytes->end = kept;
    }
    if (bytes->end + size > bytes->capacity) {
        bytes->capacity = (bytes->end + size) * 2;
        bytes->data = sim_resize(bytes->data, bytes->capacity);
    }
    if (size != 0) {
        memcpy(bytes->data + bytes->end, data, size);
    }
    bytes->end += size;
}

void sim_bytes_drop(sim_bytes_t *bytes, size_t size)
{
    bytes->start += size;
    if (bytes->start == bytes->end) {
        free(bytes->data);
        memset(bytes, 0, sizeof *bytes);
    }
}

/* --- polling -----------------------------------------------------------------------------------*/

static bool connect_is_due(const muv__stream_t *stream)
{
    return stream->wire->connect_done && !stream->wire->connect_told;
}

static bool can_read(const muv__stream_t *stream)
{
    const sim_link_t *wire = stream->wire;

    return stream->reading && (sim_bytes_size(&wire->arrived) != 0 || wire->error != 0 ||
                               (wire->ended && !wire->end_told));
}

static bool can_write(const muv__stream_t *stream)
{
    return stream->writing && (stream->wire->room != 0 || stream->wire->write_error != 0);
}

bool sim_stream_ready(const muv__stream_t *stream)
{
    return !stream->closing && (connect_is_due(stream) || can_read(stream) || can_write(stream));
}

static void tell_connected(muv__stream_t *stream)
{
    muv__net_t *net = stream->net;
    int status = stream->wire->connect_status;

    stream->wire->connect_told = true;
    stream->reading = status == 0;
    sim_begin(net);
    stream->ops->on_connect(stream->owner, stream, status);
    sim_end(net);
}

static void tell_read(muv__stream_t *stream, int64_t size)
{
    muv__net_t *net = stream->net;

    sim_begin(net);
    stream->ops->on_read(stream->owner, size);
    sim_end(net);
}

/* One read. Returns whether another one makes sense now. */
static bool read_once(muv__stream_t *stream, size_t *turn_bytes)
{
    sim_link_t *wire = stream->wire;
    size_t avail = sim_bytes_size(&wire->arrived);
    size_t room = 0;
    uint8_t *space;

    if (avail == 0) {
        stream->reading = false; /* Nothing follows an end or an error. */
        wire->end_told = true;
        tell_read(stream, wire->error != 0 ? wire->error : SIM_EOF);
        return false;
    }
    if (*turn_bytes >= MUV__STREAM_TURN_BYTES) {
        return false;
    }
    space = stream->ops->on_space(stream->owner, &room);
    if (space == NULL || room == 0) {
        stream->net->world->starved = stream->reading;
        return false;
    }
    room = room > MUV__STREAM_TURN_BYTES ? MUV__STREAM_TURN_BYTES : room;
    avail = avail < room ? avail : room;
    memcpy(space, wire->arrived.data + wire->arrived.start, avail);
    sim_bytes_drop(&wire->arrived, avail);
    *turn_bytes += avail;
    tell_read(stream, (int64_t)avail);
    return avail == room;
}

static void poll_read(muv__stream_t *stream)
{
    size_t turn_bytes = 0;

    for (int i = 0; i < READS_PER_POLL && !stream->closing && can_read(stream); i++) {
        if (!read_once(stream, &turn_bytes)) {
            return;
        }
    }
}

/* Give the socket what it takes of `parts`. Returns the number of bytes. */
static size_t give(sim_link_t *wire, muv__span_t *parts, unsigned *count)
{
    size_t given = 0;

    while (*count != 0 && wire->room != 0) {
        size_t size = parts[0].size < wire->room ? parts[0].size : wire->room;

        sim_link_send(wire, parts[0].data, size);
        given += size;
        parts[0] = muv__span(parts[0].data + size, parts[0].size - size);
        if (parts[0].size == 0) {
            parts[0] = parts[1];
            *count -= 1;
        }
    }
    return given;
}

static void poll_write(muv__stream_t *stream)
{
    muv__net_t *net = stream->net;
    int status = stream->wire->write_error;

    if (status == 0) {
        (void)give(stream->wire, stream->parts, &stream->part_count);
        if (stream->part_count != 0) {
            return;
        }
    }
    stream->writing = false;
    sim_begin(net);
    stream->ops->on_written(stream->owner, status);
    sim_end(net);
}

void sim_stream_poll(muv__stream_t *stream)
{
    if (connect_is_due(stream)) {
        tell_connected(stream);
        return;
    }
    poll_read(stream);
    if (!stream->closing && can_write(stream)) {
        poll_write(stream);
    }
}

/* --- net.h -------------------------------------------------------------------------------------*/

int muv__stream_connect(muv__net_t *net, const muv__net_addr_t *addr, const muv__stream_ops_t *ops,
                        void *owner, muv__stream_t **ret)
{
    muv__stream_t *stream = muv__mem_zalloc(sizeof *stream);
    int status;

    if (stream == NULL) {
        return MUV_ENOMEM;
    }
    stream->net = net;
    stream->ops = ops;
    stream->owner = owner;
    stream->born = net->world->turn;
    muv__list_init(&stream->link);
    status = sim_link_open(net->world, addr, stream, &stream->wire);
    if (status != 0) {
        muv__mem_free(stream);
        return status;
    }
    muv__list_push_back(&net->world->streams, &stream->link);
    net->streams++;
    *ret = stream;
    return 0;
}

int64_t muv__stream_write(muv__stream_t *stream, const muv__span_t *parts, unsigned count)
{
    sim_link_t *wire = stream->wire;

    assert_false(stream->writing || stream->closing);
    assert_true(wire->connect_told && wire->connect_status == 0);
    assert_in_range(count, 1, 2);
    if (wire->write_error != 0) {
        return wire->write_error;
    }
    for (unsigned i = 0; i < count; i++) {
        stream->parts[i] = parts[i];
    }
    stream->part_count = count;
    size_t given = give(wire, stream->parts, &stream->part_count);
    stream->writing = stream->part_count != 0;
    return (int64_t)given;
}

void muv__stream_read_stop(muv__stream_t *stream)
{
    stream->reading = false;
}

int muv__stream_read_start(muv__stream_t *stream)
{
    stream->reading = true;
    return 0;
}

void muv__stream_close(muv__stream_t *stream)
{
    assert_false(stream->closing);
    stream->closing = true;
    stream->writing = false;
    stream->part_count = 0;
    stream->net->world->closing_streams++;
    sim_link_close(stream->wire);
}

void sim_stream_finish(muv__stream_t *stream)
{
    const muv__stream_ops_t *ops = stream->ops;
    void *owner = stream->owner;

    stream->net->world->closing_streams--;
    stream->net->streams--;
    muv__list_remove(&stream->link);
    muv__mem_free(stream);
    ops->on_closed(owner);
}
