/* SPDX-License-Identifier: Apache-2.0 */
/* What a mock received: a bounded log, counters that never forget, and the faults of the client. */
#include "support/check.h"
#include "support/mock_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SIZE 10000u
#define LOG_BYTES (256u << 20)
#define DUMP_COUNT 50u
#define DUMP_TEXT 300

const char *mock__canonical_name(const char *name)
{
    return strcmp(name, "isMaster") == 0 || strcmp(name, "ismaster") == 0 ? "hello" : name;
}

void mock__log_init(muv_mock_t *mock)
{
    mock->records = mock__alloc(LOG_SIZE * sizeof *mock->records);
}

void mock__record_free(mock__record_t *record)
{
    for (size_t i = 0; i < record->request.sequence_count; i++) {
        mock_sequence_t *sequence = &record->sequences[i];
        for (size_t j = 0; j < sequence->count; j++) {
            /* The array is ours; tests see its documents as const. */
            bson_t *document;
            memcpy(&document, &sequence->documents[j], sizeof document);
            bson_destroy(document);
        }
        void *memory;
        memcpy(&memory, &sequence->documents, sizeof memory);
        free(memory);
        memcpy(&memory, &sequence->name, sizeof memory);
        free(memory);
    }
    free(record->sequences);
    bson_destroy(record->body);
    free(record);
}

static void drop_oldest(muv_mock_t *mock)
{
    mock__record_t *record = mock->records[mock->first_record % LOG_SIZE];

    mock->record_bytes -= record->request.size_bytes;
    mock->first_record++;
    mock__record_free(record);
}

void mock__log_done(muv_mock_t *mock)
{
    while (mock->first_record < mock->record_count) {
        drop_oldest(mock);
    }
    free(mock->records);
    while (mock->counts != NULL) {
        mock__count_t *next = mock->counts->next;
        free(mock->counts);
        mock->counts = next;
    }
}

static mock__count_t *find_count(const muv_mock_t *mock, const char *name)
{
    mock__count_t *count = mock->counts;

    while (count != NULL && strcmp(count->name, name) != 0) {
        count = count->next;
    }
    return count;
}

void mock__log_add(muv_mock_t *mock, mock__record_t *record)
{
    mock__count_t *count = find_count(mock, record->name);

    if (count == NULL) {
        count = mock__alloc(sizeof *count);
        bson_strncpy(count->name, record->name, sizeof count->name);
        count->next = mock->counts;
        mock->counts = count;
    }
    count->count++;
    while (mock->first_record < mock->record_count &&
           (mock->record_count - mock->first_record >= LOG_SIZE ||
            mock->record_bytes + record->request.size_bytes > LOG_BYTES)) {
        drop_oldest(mock);
    }
    record->request.index = mock->record_count;
    mock->records[mock->record_count % LOG_SIZE] = record;
    mock->record_count++;
    mock->record_bytes += record->request.size_bytes;
}

unsigned mock_request_count(const muv_mock_t *mock, const char *command)
{
    if (command == NULL) {
        return mock->record_count;
    }
    const mock__count_t *count = find_count(mock, mock__canonical_name(command));
    return count != NULL ? count->count : 0;
}

/* Does not fail: NULL when there is none. */
static const mock_request_t *find_request(const muv_mock_t *mock, const char *command, int index)
{
    const char *name = command != NULL ? mock__canonical_name(command) : NULL;
    unsigned kept = mock->record_count - mock->first_record;
    /* Records of this command that were dropped count: an index never moves. */
    unsigned skip = index < 0 ? (unsigned)-index : (unsigned)index + 1;
    unsigned in_log = 0;

    for (unsigned i = 0; i < kept; i++) {
        const mock__record_t *record = mock->records[(mock->first_record + i) % LOG_SIZE];
        in_log += name == NULL || strcmp(record->name, name) == 0 ? 1 : 0;
    }
    if (index >= 0) {
        unsigned dropped = mock_request_count(mock, name) - in_log;
        if (skip <= dropped) {
            return NULL;
        }
        skip -= dropped;
    }
    if (skip > in_log) {
        return NULL;
    }
    unsigned wanted = index < 0 ? in_log - skip : skip - 1;
    for (unsigned i = 0; i < kept; i++) {
        const mock__record_t *record = mock->records[(mock->first_record + i) % LOG_SIZE];
        if ((name == NULL || strcmp(record->name, name) == 0) && wanted-- == 0) {
            return &record->request;
        }
    }
    return NULL;
}

const mock_request_t *mock_request_of(const muv_mock_t *mock, const char *command, int index)
{
    const mock_request_t *request = find_request(mock, command, index);

    if (request == NULL) {
        fail_msg("the mock has no request %s[%d]; it received %u", command != NULL ? command : "*",
                 index, mock_request_count(mock, command));
    }
    return request;
}

static bool find_field(const mock_request_t *request, const char *path, bson_iter_t *ret)
{
    bson_iter_t iter;

    return bson_iter_init(&iter, request->body) && bson_iter_find_descendant(&iter, path, ret);
}

bool mock_request_has(const mock_request_t *request, const char *path)
{
    bson_iter_t iter;

    return find_field(request, path, &iter);
}

int64_t mock_request_number(const mock_request_t *request, const char *path)
{
    bson_iter_t iter;

    if (!find_field(request, path, &iter) || !BSON_ITER_HOLDS_NUMBER(&iter)) {
        fail_msg("%s has no number %s", request->name, path);
    }
    return bson_iter_as_int64(&iter);
}

const char *mock_request_text(const mock_request_t *request, const char *path)
{
    bson_iter_t iter;

    if (!find_field(request, path, &iter) || !BSON_ITER_HOLDS_UTF8(&iter)) {
        fail_msg("%s has no text %s", request->name, path);
    }
    return bson_iter_utf8(&iter, NULL);
}

static bool same_value(const bson_iter_t *a, const bson_iter_t *b)
{
    bson_t *left = bson_new();
    bson_t *right = bson_new();

    bson_append_iter(left, "v", 1, a);
    bson_append_iter(right, "v", 1, b);
    bool same = bson_equal(left, right);
    bson_destroy(left);
    bson_destroy(right);
    return same;
}

bool mock_request_same(const mock_request_t *a, const mock_request_t *b, const char *path)
{
    bson_iter_t in_a;
    bson_iter_t in_b;

    return find_field(a, path, &in_a) && find_field(b, path, &in_b) && same_value(&in_a, &in_b);
}

const mock_request_t *mock_request(const muv_mock_t *mock, int index)
{
    return mock_request_of(mock, NULL, index);
}

bson_t *mock_request_document(const mock_request_t *request)
{
    bson_t *document = bson_copy(request->body);

    for (size_t i = 0; i < request->sequence_count; i++) {
        const mock_sequence_t *sequence = &request->sequences[i];
        bson_t array;
        bson_append_array_begin(document, sequence->name, -1, &array);
        for (size_t j = 0; j < sequence->count; j++) {
            char key[24];
            (void)snprintf(key, sizeof key, "%zu", j);
            bson_append_document(&array, key, -1, sequence->documents[j]);
        }
        bson_append_array_end(document, &array);
    }
    return document;
}

const mock_sequence_t *mock_request_sequence(const mock_request_t *request, const char *name)
{
    for (size_t i = 0; i < request->sequence_count; i++) {
        if (strcmp(request->sequences[i].name, name) == 0) {
            return &request->sequences[i];
        }
    }
    fail_msg("%s has no sequence %s", request->name, name);
    return NULL;
}

/* --- Faults ----------------------------------------------------------------------------------- */

void mock__fault(const mock__conn_t *conn, const char *format, ...)
{
    muv_mock_t *mock = conn->mock;
    va_list arguments;

    if (mock->fault_count < MOCK__MAX_FAULTS) {
        char *text = mock->faults[mock->fault_count];
        int used = snprintf(text, MOCK__FAULT_SIZE, "connection %u: ", conn->number);
        va_start(arguments, format);
        (void)vsnprintf(text + used, MOCK__FAULT_SIZE - (size_t)used, format, arguments);
        va_end(arguments);
    }
    mock->fault_count++;
}

unsigned mock_fault_count(const muv_mock_t *mock)
{
    return mock->fault_count;
}

const char *mock_fault(const muv_mock_t *mock, unsigned index)
{
    return index < mock->fault_count && index < MOCK__MAX_FAULTS ? mock->faults[index] : NULL;
}

void mock_dump(muv_mock_t *mock)
{
    unsigned kept = mock->record_count - mock->first_record;
    unsigned shown = kept < DUMP_COUNT ? kept : DUMP_COUNT;

    print_error("mock %s: accepted %u, open %u, closed by client %u, unanswered %u, held %u\n",
                mock->members[0].address, mock->accepted, mock->open, mock->closed_by_client,
                mock->unanswered, mock_held(mock));
    for (unsigned i = 0; i < mock->fault_count && i < MOCK__MAX_FAULTS; i++) {
        print_error("  fault: %s\n", mock->faults[i]);
    }
    for (unsigned i = kept - shown; i < kept; i++) {
        const mock__record_t *record = mock->records[(mock->first_record + i) % LOG_SIZE];
        char *json = bson_as_relaxed_extended_json(record->body, NULL);
        print_error("  [%llu] #%u member %d connection %u id %d flags %#x %.*s\n",
                    (unsigned long long)record->request.at_ms, record->request.index,
                    record->request.member, record->request.connection, record->request.request_id,
                    record->request.flags, DUMP_TEXT, json != NULL ? json : "(?)");
        bson_free(json);
    }
}
