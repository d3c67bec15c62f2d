/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to what is sent for it: the entry that a test queued, else the handler that it
 * set, else the ordinary reply; then the jobs that carry it out. */
#include "support/check.h"
#include "support/mock_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- Rules ------------------------------------------------------------------------------------ */

static mock__rule_t *find_rule(const muv_mock_t *mock, int member, const char *command)
{
    mock__rule_t *rule = mock->rules;

    while (rule != NULL && (rule->member != member || strcmp(rule->command, command) != 0)) {
        rule = rule->next;
    }
    return rule;
}

static mock__rule_t *make_rule(muv_mock_t *mock, int member, const char *command)
{
    const char *name = mock__canonical_name(command);
    mock__rule_t *rule = find_rule(mock, member, name);

    if (rule == NULL) {
        rule = mock__alloc(sizeof *rule);
        rule->member = member;
        rule->command = mock__copy_text(name);
        rule->next = mock->rules;
        mock->rules = rule;
    }
    return rule;
}

/* The rules that hold for a command of a member, the most special one first; NULL behind the last
 * one (`turn` 4). */
static mock__rule_t *next_rule(const muv_mock_t *mock, int member, const char *name, int turn)
{
    bool star = turn >= 2;

    if (star && strcmp(name, "hello") == 0) {
        return NULL;
    }
    return find_rule(mock, turn % 2 == 0 ? member : MOCK_ANY, star ? "*" : name);
}

void mock_on_member(muv_mock_t *mock, int member, const char *command, mock_handler_t handler,
                    void *data)
{
    mock__rule_t *rule = make_rule(mock, member, command);

    rule->handler = handler;
    rule->data = data;
}

void mock_on(muv_mock_t *mock, const char *command, mock_handler_t handler, void *data)
{
    mock_on_member(mock, MOCK_ANY, command, handler, data);
}

/* --- Entries ---------------------------------------------------------------------------------- */

static char **copy_texts(const char *const *texts)
{
    size_t count = 0;

    while (texts[count] != NULL) {
        count++;
    }
    char **copies = mock__alloc((count + 1) * sizeof *copies);
    for (size_t i = 0; i < count; i++) {
        copies[i] = mock__copy_text(texts[i]);
    }
    return copies;
}

/* Takes the const of a copy that we made off again, for free(). */
static void free_copy(const void *copy)
{
    void *memory;

    memcpy(&memory, &copy, sizeof memory);
    free(memory);
}

static void free_entry(mock__entry_t *entry)
{
    const mock_step_t *step = &entry->step;

    for (size_t i = 0; step->more_json != NULL && step->more_json[i] != NULL; i++) {
        free_copy(step->more_json[i]);
    }
    free_copy((const void *)step->more_json);
    free_copy(step->json);
    free_copy(step->raw);
    free(entry);
}

static void free_entries(mock__rule_t *rule)
{
    while (rule->entries != NULL) {
        mock__entry_t *next = rule->entries->next;
        free_entry(rule->entries);
        rule->entries = next;
    }
}

void mock_script_member(muv_mock_t *mock, int member, const char *command, const mock_step_t *step)
{
    mock__rule_t *rule = make_rule(mock, member, command);
    mock__entry_t **last = &rule->entries;
    mock__entry_t *entry = mock__alloc(sizeof *entry);

    entry->step = *step;
    entry->left = step->times == 0 ? 1 : step->times;
    if (step->json != NULL) {
        entry->step.json = mock__copy_text(step->json);
    }
    if (step->more_json != NULL) {
        entry->step.more_json = (const char *const *)copy_texts(step->more_json);
    }
    if (step->raw != NULL) {
        entry->step.raw = mock__copy(step->raw, step->raw_size);
    }
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = entry;
}

void mock_script(muv_mock_t *mock, const char *command, const mock_step_t *step)
{
    mock_script_member(mock, MOCK_ANY, command, step);
}

void mock_reply(muv_mock_t *mock, const char *command, const char *json)
{
    mock_script(mock, command, &(mock_step_t){.json = json});
}

void mock_unscript(muv_mock_t *mock, const char *command)
{
    for (mock__rule_t *rule = mock->rules; rule != NULL; rule = rule->next) {
        if (strcmp(rule->command, mock__canonical_name(command)) == 0) {
            free_entries(rule);
        }
    }
}

void mock__script_done(muv_mock_t *mock)
{
    while (mock->rules != NULL) {
        mock__rule_t *next = mock->rules->next;
        free_entries(mock->rules);
        free(mock->rules->command);
        free(mock->rules);
        mock->rules = next;
    }
}

/* --- Jobs ------------------------------------------------------------------------------------- */

typedef struct job_list {
    mock__job_t *first;
    mock__job_t *last;
} job_list_t;

/* Takes `bytes`. */
static mock__job_t *add_job(job_list_t *list, uint8_t *bytes, size_t size)
{
    mock__job_t *job = mock__alloc(sizeof *job);

    job->bytes = bytes;
    job->size = size;
    if (list->last != NULL) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
    return job;
}

static mock__job_t *add_message(job_list_t *list, const mock__frame_t *frame)
{
    size_t size;
    uint8_t *bytes = mock__message_write(frame, &size);

    return add_job(list, bytes, size);
}

static void add_unsolicited(job_list_t *list, muv_mock_t *mock)
{
    bson_t *body = bson_from("{\"ok\": 1, \"unsolicited\": true}");
    mock__frame_t frame = {.body = body, .message_id = mock->next_message_id++};

    (void)add_message(list, &frame);
    bson_destroy(body);
}

/* The first reply, and those that follow it: each but the last one says moreToCome, and answers the
 * one before (as mongod does for exhaust commands). */
static void add_replies(job_list_t *list, mock__conn_t *conn, const mock_step_t *step,
                        const mock_request_t *request, const bson_t *first_body)
{
    muv_mock_t *mock = conn->mock;
    size_t more = 0;
    int32_t response_to = request->request_id + step->response_to_offset;

    while (step->more_json != NULL && step->more_json[more] != NULL) {
        more++;
    }
    for (size_t i = 0; i <= more; i++) {
        bson_t *body = i == 0 ? bson_copy(first_body) : bson_from(step->more_json[i - 1]);
        bool goes_on = i < more || step->endless;
        uint32_t flags = step->extra_flags | (goes_on ? MOCK_FLAG_MORE_TO_COME : 0);
        if (step->checksum || step->bad_checksum) {
            flags |= MOCK_FLAG_CHECKSUM;
        }
        mock__frame_t frame = {.body = body,
                               .message_id = mock->next_message_id++,
                               .response_to = response_to,
                               .flags = flags,
                               .op_code = step->op_code,
                               .message_length = step->message_length,
                               .bad_checksum = step->bad_checksum};
        mock__job_t *job = add_message(list, &frame);
        mock__compress_reply(mock, request, job);
        job->delay_ms = i > 0 ? step->more_delay_ms : 0;
        job->ends_request = !goes_on && step->cut_at == 0;
        job->retryable = bson_has_field(request->body, "txnNumber");
        job->endless = i == more && step->endless;
        job->more_delay_ms = step->more_delay_ms;
        if (step->cut_at != 0 && step->cut_at < job->size) {
            job->size = step->cut_at;
        }
        response_to = frame.message_id;
        bson_destroy(body);
    }
}

/* Meaningless, but the same in every run, and negative as a length. */
static void add_garbage(job_list_t *list, size_t size)
{
    uint8_t *bytes = mock__alloc(size + 4);
    uint32_t state = 2463534242u;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    bytes[3] |= 0x80;
    add_job(list, bytes, size)->ends_request = true;
}

static void push_jobs(mock__conn_t *conn, job_list_t *list, const mock_step_t *step)
{
    mock__job_t *job = list->first;

    job->delay_ms = step->delay_ms;
    job->held = step->hold;
    list->last->then = step->then;
    while (job != NULL) {
        mock__job_t *next = job->next;
        job->next = NULL;
        job->every_byte = step->split_every_byte;
        job->piece = step->split_at;
        mock__conn_push(conn, job);
        job = next;
    }
    mock__conn_pump(conn);
}

static void send_step(mock__conn_t *conn, const mock_step_t *step, const mock_request_t *request,
                      const bson_t *body)
{
    job_list_t list = {NULL, NULL};

    if (step->unsolicited_before) {
        add_unsolicited(&list, conn->mock);
    }
    switch (step->send) {
    case MOCK_REPLY: add_replies(&list, conn, step, request, body); break;
    case MOCK_NOTHING: (void)add_job(&list, NULL, 0); break;
    case MOCK_RAW:
        add_job(&list, mock__copy(step->raw, step->raw_size), step->raw_size)->ends_request = true;
        break;
    case MOCK_GARBAGE: add_garbage(&list, step->garbage_size != 0 ? step->garbage_size : 64); break;
    }
    if (step->unsolicited_after) {
        add_unsolicited(&list, conn->mock);
    }
    push_jobs(conn, &list, step);
}

/* --- Serving ---------------------------------------------------------------------------------- */

/* The entry for this request; it is out of its list when this was its last use. */
static mock__entry_t *take_entry(const muv_mock_t *mock, const mock_request_t *request)
{
    for (int turn = 0; turn < 4; turn++) {
        mock__rule_t *rule = next_rule(mock, request->member, request->name, turn);
        if (rule != NULL && rule->entries != NULL) {
            mock__entry_t *entry = rule->entries;
            if (entry->left > 0 && --entry->left == 0) {
                rule->entries = entry->next;
            }
            return entry;
        }
    }
    return NULL;
}

static void make_body(muv_mock_t *mock, const mock_request_t *request, bson_t *reply,
                      mock_step_t *step)
{
    for (int turn = 0; turn < 4; turn++) {
        const mock__rule_t *rule = next_rule(mock, request->member, request->name, turn);
        if (rule != NULL && rule->handler != NULL) {
            rule->handler(request, reply, step, rule->data);
            return;
        }
    }
    mock__answer(mock, request, reply);
}

/* Note that the request waits for an answer, unless it wants none. */
static void count_request(mock__conn_t *conn, const mock_request_t *request)
{
    muv_mock_t *mock = conn->mock;

    if (conn->unanswered > 0 && !mock->allow_pipelining) {
        mock__fault(conn, "%s (id %d) while %u requests are not answered", request->name,
                    request->request_id, conn->unanswered);
    }
    if ((request->flags & MOCK_FLAG_MORE_TO_COME) == 0) {
        conn->unanswered++;
        mock->unanswered++;
    }
    if (mock->unanswered > mock->unanswered_peak) {
        mock->unanswered_peak = mock->unanswered;
    }
}

bool mock__script_has_handler(const muv_mock_t *mock, int member, const char *command)
{
    for (int turn = 0; turn < 4; turn++) {
        const mock__rule_t *rule = next_rule(mock, member, command, turn);
        if (rule != NULL && rule->handler != NULL) {
            return true;
        }
    }
    return false;
}

/* What the first hello of a connection says of its client. */
static void note_handshake(mock__conn_t *conn, const mock_request_t *request)
{
    bson_iter_t iter;
    bson_iter_t field;

    if (strcmp(request->name, "hello") != 0) {
        return;
    }
    if (bson_iter_init(&iter, request->body) &&
        bson_iter_find_descendant(&iter, "client.application.name", &field) &&
        BSON_ITER_HOLDS_UTF8(&field)) {
        bson_strncpy(conn->app_name, bson_iter_utf8(&field, NULL), sizeof conn->app_name);
    }
    if (conn->mock->set.services > 0 && !conn->greeted &&
        (!bson_iter_init_find(&iter, request->body, "loadBalanced") || !bson_iter_bool(&iter))) {
        mock__fault(conn, "a hello without loadBalanced behind a load balancer");
    }
    conn->greeted = true;
}

static void append_failure(bson_t *reply, const mock__failure_t *failure)
{
    if (failure->write_concern_error != NULL) {
        bson_concat(reply, failure->write_concern_error);
    }
    if (failure->labels != NULL) {
        bson_concat(reply, failure->labels);
    }
    bson_destroy(failure->write_concern_error);
    bson_destroy(failure->labels);
}

static void make_reply(mock__conn_t *conn, const mock_request_t *request, bson_t *reply,
                       mock_step_t *step)
{
    mock__failure_t failure = {0};

    (void)mock__fail(conn, request, reply, step, &failure);
    if (!failure.replaced && !mock__set_refuses(conn->mock, request, reply)) {
        make_body(conn->mock, request, reply, step);
    }
    append_failure(reply, &failure);
    mock__set_append_time(conn->mock, reply);
}

void mock__script_serve(mock__conn_t *conn, const mock_request_t *request)
{
    muv_mock_t *mock = conn->mock;
    mock__entry_t *entry = take_entry(mock, request);
    mock_step_t step = {0};

    count_request(conn, request);
    note_handshake(conn, request);
    mock__set_take_time(mock, request);
    if (entry == NULL && strcmp(request->name, "hello") == 0 &&
        !mock__script_has_handler(mock, request->member, "hello") &&
        mock__stream_begin(conn, request)) {
        return;
    }
    bson_t *body = bson_new();
    if (entry != NULL) {
        step = entry->step;
    }
    step.delay_ms += mock->members[request->member].delay_ms;
    if (step.json == NULL && step.send == MOCK_REPLY) {
        make_reply(conn, request, body, &step);
    }
    if (step.json != NULL) {
        bson_destroy(body);
        body = bson_from(step.json);
    }
    if ((request->flags & MOCK_FLAG_MORE_TO_COME) != 0 && !step.answer_unacknowledged) {
        step.send = MOCK_NOTHING;
    }
    if (!conn->closing) {
        send_step(conn, &step, request, body);
    }
    bson_destroy(body);
    if (entry != NULL && entry->left == 0) {
        free_entry(entry);
    }
}

/* --- Held back, and not asked for ------------------------------------------------------------- */

unsigned mock_held(const muv_mock_t *mock)
{
    unsigned count = 0;

    for (const mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        for (const mock__job_t *job = conn->first_job; job != NULL; job = job->next) {
            count += job->held ? 1 : 0;
        }
    }
    return count;
}

static bool release_one(muv_mock_t *mock, bool newest)
{
    mock__job_t *chosen = NULL;
    mock__conn_t *owner = NULL;

    for (mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        for (mock__job_t *job = conn->first_job; job != NULL; job = job->next) {
            if (job->held && (chosen == NULL || (job->sequence < chosen->sequence) == !newest)) {
                chosen = job;
                owner = conn;
            }
        }
    }
    if (chosen == NULL) {
        return false;
    }
    chosen->held = false;
    mock__conn_pump(owner);
    return true;
}

unsigned mock_release(muv_mock_t *mock, unsigned count)
{
    unsigned released = 0;

    while (released < count && release_one(mock, false)) {
        released++;
    }
    return released;
}

unsigned mock_release_newest(muv_mock_t *mock, unsigned count)
{
    unsigned released = 0;

    while (released < count && release_one(mock, true)) {
        released++;
    }
    return released;
}

unsigned mock_release_connection(muv_mock_t *mock, unsigned connection)
{
    mock__conn_t *conn = mock__conn_find(mock, connection);
    unsigned released = 0;

    if (conn != NULL) {
        for (mock__job_t *job = conn->first_job; job != NULL; job = job->next) {
            released += job->held ? 1 : 0;
            job->held = false;
        }
        mock__conn_pump(conn);
    }
    return released;
}

bool mock_send_bytes(muv_mock_t *mock, unsigned connection, const void *bytes, size_t size)
{
    mock__conn_t *conn = mock__conn_find(mock, connection);
    job_list_t list = {NULL, NULL};

    if (conn == NULL) {
        return false;
    }
    (void)add_job(&list, mock__copy(bytes, size), size);
    push_jobs(conn, &list, &(mock_step_t){.times = 1});
    return true;
}

bool mock_send_message(muv_mock_t *mock, unsigned connection, int32_t response_to, const char *json)
{
    bson_t *body = bson_from(json);
    mock__frame_t frame = {
        .body = body, .message_id = mock->next_message_id++, .response_to = response_to};
    size_t size;
    uint8_t *bytes = mock__message_write(&frame, &size);
    bool sent = mock_send_bytes(mock, connection, bytes, size);

    free(bytes);
    bson_destroy(body);
    return sent;
}
