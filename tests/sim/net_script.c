/* SPDX-License-Identifier: Apache-2.0 */
/* What a scripted server answers: rules by command name, sensible answers else; and the log. OP_MSG
 * is read and written with libbson, so that a mistake of the library's own wire layer is not made
 * here again. */
#include "net_inner.h"

#include "support/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 16
#define BODY_AT 21
#define MORE_TO_COME 2u
#define OP_MSG 2013

typedef struct request {
    int32_t id;
    uint32_t flags;
    char name[64];
    bool is_hello;
    bson_t body; /* A view. */
} request_t;

/* --- the log -----------------------------------------------------------------------------------*/

static void append_log(sim_world_t *world, const char *text)
{
    sim_bytes_append(&world->log, text, strlen(text));
}

void sim_note(sim_link_t *link, const char *format, ...)
{
    sim_world_t *world = link->server->world;
    char line[200];
    char what[120];
    va_list arguments;

    if (link->label == 0) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof line, "[%8.3f] c%u %s\n",
                   (double)(world->now_us - world->log_since_us) / 1000, link->label, what);
    append_log(world, line);
}

const char *sim_log(sim_world_t *world)
{
    sim_bytes_append(&world->log, "", 1); /* Its NUL is not part of it. */
    world->log.end--;
    return (const char *)world->log.data;
}

void sim_log_clear(sim_world_t *world)
{
    world->log.end = 0;
    world->log_since_us = world->now_us;
}

void sim_check_log(sim_world_t *world, const char *expected, const char *file, int line)
{
    if (strcmp(sim_log(world), expected) != 0) {
        print_error("the log is\n%sinstead of\n%s", sim_log(world), expected);
        check_fail_at(file, line);
    }
}

/* --- rules -------------------------------------------------------------------------------------*/

void sim_on(sim_server_t *server, const char *name, const sim_step_t *step)
{
    sim_rule_t **end = &server->rules;
    sim_rule_t *rule = sim_alloc(sizeof *rule);

    rule->name = sim_strdup(name);
    rule->step = *step;
    rule->left = step->times == 0 ? UINT_MAX : step->times;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = rule;
}

static void free_rule(sim_rule_t *rule)
{
    free(rule->name);
    free(rule);
}

void sim_forget(sim_server_t *server, const char *name)
{
    sim_rule_t **at = &server->rules;

    while (*at != NULL) {
        sim_rule_t *rule = *at;

        if (strcmp(rule->name, name) == 0) {
            *at = rule->next;
            free_rule(rule);
        } else {
            at = &rule->next;
        }
    }
}

void sim_rules_free(sim_server_t *server)
{
    while (server->rules != NULL) {
        sim_rule_t *rule = server->rules;

        server->rules = rule->next;
        free_rule(rule);
    }
}

void sim_heal(sim_server_t *server)
{
    sim_rules_free(server);
    server->plan_count = 0;
    server->window_bytes = 0;
}

static bool use_rule(sim_server_t *server, const char *name, sim_step_t *ret)
{
    for (sim_rule_t *rule = server->rules; rule != NULL; rule = rule->next) {
        if (rule->left != 0 && strcmp(rule->name, name) == 0) {
            rule->left -= rule->left != UINT_MAX;
            *ret = rule->step;
            return true;
        }
    }
    return false;
}

/* --- messages ----------------------------------------------------------------------------------*/

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

static bool is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 ||
           strcmp(name, "ismaster") == 0;
}

static void read_request(const sim_server_t *server, const uint8_t *bytes, request_t *request)
{
    const char *name;
    bson_iter_t iter;

    request->id = load_i32(bytes + 4);
    request->flags = (uint32_t)load_i32(bytes + 16);
    assert_int_equal(load_i32(bytes + 12), OP_MSG);
    assert_int_equal(bytes[20], 0);
    assert_true(
        bson_init_static(&request->body, bytes + BODY_AT, (size_t)load_i32(bytes + BODY_AT)));
    assert_true(bson_validate(&request->body, BSON_VALIDATE_NONE, NULL));
    assert_true(bson_iter_init(&iter, &request->body) && bson_iter_next(&iter));
    name = bson_iter_key(&iter);
    request->is_hello = is_hello(name);
    if (request->is_hello) {
        name = sim_is_awaitable(server, &request->body) ? "awaited" : "hello";
    }
    (void)snprintf(request->name, sizeof request->name, "%s", name);
}

uint8_t *sim_message(sim_world_t *world, const bson_t *body, int32_t response_to, uint32_t flags,
                     size_t *ret_size)
{
    size_t size = BODY_AT + body->len;
    uint8_t *bytes = sim_alloc(size);

    store_u32(bytes, (uint32_t)size);
    store_u32(bytes + 4, (uint32_t)sim_random(world, INT32_MAX));
    store_u32(bytes + 8, (uint32_t)response_to);
    store_u32(bytes + 12, OP_MSG);
    store_u32(bytes + 16, flags);
    memcpy(bytes + BODY_AT, bson_get_data(body), body->len);
    *ret_size = size;
    return bytes;
}

bson_t *sim_parse(const char *json)
{
    char *text = sim_strdup(json);
    bson_t *document;

    for (char *at = text; *at != '\0'; at++) {
        *at = (char)(*at == '\'' ? '"' : *at);
    }
    document = bson_from(text);
    free(text);
    return document;
}

/* --- answers -----------------------------------------------------------------------------------*/

static void answer_find(const request_t *request, bson_t *reply)
{
    bson_iter_t iter;
    bson_iter_t id;
    bson_t cursor;
    bson_t batch;
    bson_t document;

    BSON_APPEND_DOCUMENT_BEGIN(reply, "cursor", &cursor);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", "sim.sim");
    BSON_APPEND_ARRAY_BEGIN(&cursor, "firstBatch", &batch);
    if (bson_iter_init(&iter, &request->body) &&
        bson_iter_find_descendant(&iter, "filter._id", &id)) {
        BSON_APPEND_DOCUMENT_BEGIN(&batch, "0", &document);
        BSON_APPEND_VALUE(&document, "_id", bson_iter_value(&id));
        bson_append_document_end(&batch, &document);
    }
    bson_append_array_end(&cursor, &batch);
    bson_append_document_end(reply, &cursor);
}

static bson_t *default_answer(const sim_server_t *server, const request_t *request)
{
    bson_t *reply = bson_new();
    bson_iter_t iter;

    if (request->is_hello) {
        sim_hello_append(server, reply);
    } else if (strcmp(request->name, "find") == 0) {
        answer_find(request, reply);
    } else if (bson_iter_init(&iter, &request->body) && bson_iter_next(&iter)) {
        BSON_APPEND_VALUE(reply, "echo", bson_iter_value(&iter));
    }
    BSON_APPEND_DOUBLE(reply, "ok", 1.0);
    return reply;
}

static void add_padding(bson_t *reply, size_t size)
{
    uint8_t *padding = sim_alloc(size);

    BSON_APPEND_BINARY(reply, "padding", BSON_SUBTYPE_BINARY, padding, (uint32_t)size);
    free(padding);
}

/* Hand the bytes over piece by piece. Returns when the last one leaves. */
static int64_t send_pieces(sim_link_t *link, const sim_step_t *step, const uint8_t *bytes,
                           size_t size, int64_t at_us)
{
    size_t piece = step->piece_bytes == 0 ? size : step->piece_bytes;

    for (size_t at = 0; at < size; at += piece) {
        at_us += at != 0 ? step->gap_us : 0;
        sim_link_answer(link, bytes + at, size - at < piece ? size - at : piece, at_us);
    }
    return at_us;
}

/* A sound header in front of bytes that a test or the fuzzer has made up. */
static int64_t send_body(sim_link_t *link, const request_t *request, const sim_step_t *step,
                         int64_t at_us)
{
    size_t size = BODY_AT + step->byte_count;
    uint8_t *bytes = sim_alloc(size);

    store_u32(bytes, (uint32_t)size);
    store_u32(bytes + 8, (uint32_t)(request->id + step->response_to_add));
    store_u32(bytes + 12, OP_MSG);
    store_u32(bytes + 16, step->flags);
    memcpy(bytes + BODY_AT, step->bytes, step->byte_count);
    at_us = send_pieces(link, step, bytes, size, at_us);
    free(bytes);
    return at_us;
}

static int64_t send_reply(sim_link_t *link, const request_t *request, const sim_step_t *step,
                          int64_t at_us)
{
    bson_t *reply =
        step->json != NULL ? sim_parse(step->json) : default_answer(link->server, request);
    uint8_t *bytes;
    size_t size;

    if (step->padding_bytes != 0) {
        add_padding(reply, step->padding_bytes);
    }
    bytes = sim_message(link->server->world, reply, request->id + step->response_to_add,
                        step->flags, &size);
    if (step->cut_bytes != 0 && step->cut_bytes < size) {
        size = step->cut_bytes;
    }
    at_us = send_pieces(link, step, bytes, size, at_us);
    free(bytes);
    bson_destroy(reply);
    return at_us;
}

static void act_on(sim_link_t *link, const request_t *request, const sim_step_t *step)
{
    int64_t now_us = link->server->world->now_us;
    int64_t at_us = (link->busy_until_us > now_us ? link->busy_until_us : now_us) + step->delay_us;

    if (step->act == SIM_REPLY && (request->flags & MORE_TO_COME) == 0) {
        at_us = step->bytes != NULL ? send_body(link, request, step, at_us)
                                    : send_reply(link, request, step, at_us);
    } else if (step->act == SIM_GARBAGE && step->bytes != NULL) {
        at_us = send_pieces(link, step, step->bytes, step->byte_count, at_us);
    } else if (step->act == SIM_GARBAGE) {
        at_us = send_pieces(link, step, (const uint8_t *)step->json, strlen(step->json), at_us);
    }
    if (step->act == SIM_RESET || step->act == SIM_FINISH) {
        sim_link_end(link, step->act, at_us);
    } else if (step->then != SIM_REPLY) {
        sim_link_end(link, step->then, at_us);
    }
    link->busy_until_us = at_us;
}

static void note_request(sim_link_t *link, const request_t *request)
{
    sim_server_t *server = link->server;

    if (request->is_hello) {
        server->counts.hellos++;
        server->counts.awaitable += strcmp(request->name, "awaited") == 0;
        return;
    }
    server->counts.requests++;
    if (link->label == 0) {
        link->label = ++server->world->labels;
        server->counts.users++;
    }
    sim_note(link, "> %s", request->name);
}

static void answer(sim_link_t *link, const request_t *request)
{
    sim_step_t step = {.act = SIM_REPLY};
    bool scripted = use_rule(link->server, request->name, &step);

    if (!scripted && !request->is_hello) {
        (void)use_rule(link->server, "*", &step);
    }
    if (!scripted && strcmp(request->name, "awaited") == 0) {
        sim_await(link, &request->body, request->id, request->flags);
        return;
    }
    act_on(link, request, &step);
}

void sim_serve(sim_link_t *link)
{
    while (!link->server_gone && sim_bytes_size(&link->requests) >= HEADER_SIZE) {
        const uint8_t *bytes = link->requests.data + link->requests.start;
        size_t length = (size_t)load_i32(bytes);
        request_t request;

        assert_in_range(length, BODY_AT + 5, 48000000);
        if (sim_bytes_size(&link->requests) < length) {
            return;
        }
        read_request(link->server, bytes, &request);
        note_request(link, &request);
        answer(link, &request);
        sim_bytes_drop(&link->requests, length);
    }
}

static void push(sim_server_t *server, const char *json, bool early)
{
    bson_t *body = sim_parse(json);
    size_t size;
    uint8_t *bytes = sim_message(server->world, body, 0, 0, &size);

    for (sim_link_t *link = server->links; link != NULL; link = link->next) {
        if (link->stream != NULL && link->accepted && (early || link->label != 0)) {
            sim_link_answer(link, bytes, size, server->world->now_us);
        }
    }
    free(bytes);
    bson_destroy(body);
}

void sim_push(sim_server_t *server, const char *json)
{
    push(server, json, false);
}

void sim_push_early(sim_server_t *server, const char *json)
{
    push(server, json, true);
}
