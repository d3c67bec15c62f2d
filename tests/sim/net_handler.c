/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that compute their answers: messages taken apart and put together. */
#include "net_handler.h"

#include "net_inner.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 16
#define SECTIONS_AT 20
#define BODY_AT 21
#define CHECKSUM_PRESENT 1u
#define OP_MSG 2013

static int32_t load_i32(const uint8_t *bytes)
{
    uint32_t value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                     (uint32_t)bytes[3] << 24;

    return (int32_t)value;
}

static void store_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

void sim_handle(sim_server_t *server, const sim_handler_t *handler, void *data)
{
    server->handler = handler;
    server->handler_data = data;
}

void *sim_link_data(const sim_link_t *link)
{
    return link->handler_data;
}

void sim_link_set_data(sim_link_t *link, void *data)
{
    link->handler_data = data;
}

/* --- from the client ---------------------------------------------------------------------------*/

static void read_sequence(const uint8_t *section, size_t avail, sim_message_t *message)
{
    size_t size = (size_t)load_i32(section);
    const char *name = (const char *)section + 4;
    size_t head = 4 + strlen(name) + 1;

    assert_true(size >= head && size <= avail);
    assert_true(message->sequence_count < SIM_MAX_SEQUENCES);
    message->sequences[message->sequence_count].name = name;
    message->sequences[message->sequence_count].bytes = section + head;
    message->sequences[message->sequence_count++].size = size - head;
}

static void read_message(const uint8_t *bytes, size_t length, sim_message_t *message)
{
    size_t at = SECTIONS_AT;
    size_t end = length;

    memset(message, 0, sizeof *message);
    message->id = load_i32(bytes + 4);
    message->flags = (uint32_t)load_i32(bytes + 16);
    assert_int_equal(load_i32(bytes + 12), OP_MSG);
    end -= (message->flags & CHECKSUM_PRESENT) != 0 ? 4 : 0;
    while (at < end) {
        uint8_t kind = bytes[at];
        const uint8_t *section = bytes + at + 1;
        size_t size = (size_t)load_i32(section);

        assert_true(kind <= 1 && size >= 5 && size <= end - at - 1);
        if (kind == 0) {
            assert_null(message->body);
            message->body = section;
            message->size = size;
        } else {
            read_sequence(section, end - at - 1, message);
        }
        at += 1 + size;
    }
    assert_non_null(message->body);
}

void sim_handle_messages(sim_link_t *link)
{
    sim_server_t *server = link->server;

    while (!link->server_gone && sim_bytes_size(&link->requests) >= HEADER_SIZE) {
        const uint8_t *bytes = link->requests.data + link->requests.start;
        size_t length = (size_t)load_i32(bytes);
        sim_message_t message;

        assert_in_range(length, BODY_AT + 5, 48000000);
        if (sim_bytes_size(&link->requests) < length) {
            return;
        }
        read_message(bytes, length, &message);
        server->handler->on_message(server->handler_data, link, &message);
        sim_bytes_drop(&link->requests, length);
    }
}

/* --- to the client -----------------------------------------------------------------------------*/

/* A whole message. [own] */
static uint8_t *write_message(sim_link_t *link, const uint8_t *body, size_t size,
                              int32_t response_to, uint32_t flags, uint32_t *ret_id)
{
    size_t length = BODY_AT + size;
    uint8_t *bytes = sim_alloc(length);

    *ret_id = ++link->server->world->message_ids;
    store_u32(bytes, (uint32_t)length);
    store_u32(bytes + 4, *ret_id);
    store_u32(bytes + 8, (uint32_t)response_to);
    store_u32(bytes + 12, OP_MSG);
    store_u32(bytes + 16, flags);
    memcpy(bytes + BODY_AT, body, size);
    return bytes;
}

int32_t sim_send_split(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                       uint32_t flags, size_t split)
{
    int64_t now_us = link->server->world->now_us;
    size_t length = BODY_AT + size;
    uint32_t id;
    uint8_t *bytes = write_message(link, body, size, response_to, flags, &id);

    split = split < length ? split : length;
    sim_link_answer(link, bytes, split, now_us);
    if (split < length && !link->server_gone) {
        sim_link_answer(link, bytes + split, length - split, now_us);
    }
    free(bytes);
    return (int32_t)id;
}

int32_t sim_send(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                 uint32_t flags)
{
    return sim_send_split(link, body, size, response_to, flags, SIZE_MAX);
}

void sim_send_cut(sim_link_t *link, const uint8_t *body, size_t size, int32_t response_to,
                  size_t cut)
{
    size_t length = BODY_AT + size;
    uint32_t id;
    uint8_t *bytes = write_message(link, body, size, response_to, 0, &id);

    sim_link_answer(link, bytes, cut < length ? cut : length, link->server->world->now_us);
    free(bytes);
}

void sim_break(sim_link_t *link, int status)
{
    link->server_gone = true;
    link->error = status;
    link->write_error = SIM_EPIPE;
    sim_drop_held(link);
}

void sim_end_link(sim_link_t *link, sim_act_t act)
{
    sim_link_end(link, act, link->server->world->now_us);
}
