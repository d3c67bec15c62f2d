/* SPDX-License-Identifier: Apache-2.0 */
/* OP_MSG, read with suspicion and written as told. Nothing here comes from the library's own wire
 * layer: a mistake made there must not be made here again. */
#include "support/mock_internal.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_FLAGS (MOCK_FLAG_CHECKSUM | MOCK_FLAG_MORE_TO_COME | MOCK_FLAG_EXHAUST_ALLOWED)
#define MAX_SEQUENCES 8

/* --- Numbers ---------------------------------------------------------------------------------- */

int32_t mock__load_i32(const uint8_t *bytes)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return (int32_t)value;
}

static void store_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

void mock__store_i32(uint8_t *bytes, int32_t value)
{
    store_u32(bytes, (uint32_t)value);
}

/* Bit by bit (Castagnoli, reflected): slow and plain, to be compared with a fast one. */
uint32_t mock__crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    return crc ^ 0xffffffffu;
}

/* --- Writing ---------------------------------------------------------------------------------- */

uint8_t *mock__message_write(const mock__frame_t *frame, size_t *ret_size)
{
    bool checksum = (frame->flags & MOCK_FLAG_CHECKSUM) != 0;
    size_t size = MOCK__HEADER_SIZE + 5 + frame->body->len + (checksum ? 4u : 0u);
    uint8_t *bytes = mock__alloc(size);
    int32_t length = frame->message_length != 0 ? frame->message_length : (int32_t)size;
    int32_t op_code = frame->op_code != 0 ? frame->op_code : MOCK__OP_MSG;

    store_u32(bytes, (uint32_t)length);
    store_u32(bytes + 4, (uint32_t)frame->message_id);
    store_u32(bytes + 8, (uint32_t)frame->response_to);
    store_u32(bytes + 12, (uint32_t)op_code);
    store_u32(bytes + 16, frame->flags);
    bytes[20] = 0;
    memcpy(bytes + 21, bson_get_data(frame->body), frame->body->len);
    if (checksum) {
        uint32_t crc = mock__crc32c(bytes, size - 4);
        store_u32(bytes + size - 4, frame->bad_checksum ? crc ^ 1u : crc);
    }
    *ret_size = size;
    return bytes;
}

void mock__message_renumber(uint8_t *bytes, size_t size, int32_t message_id, int32_t response_to)
{
    store_u32(bytes + 4, (uint32_t)message_id);
    store_u32(bytes + 8, (uint32_t)response_to);
    if (((uint32_t)mock__load_i32(bytes + 16) & MOCK_FLAG_CHECKSUM) != 0) {
        store_u32(bytes + size - 4, mock__crc32c(bytes, size - 4));
    }
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* The bytes of a message that are not read yet. */
typedef struct cursor {
    mock__conn_t *conn;
    const uint8_t *at;
    size_t left;
} cursor_t;

/* The document at the cursor, or NULL with the fault noted. */
static bson_t *read_document(cursor_t *cursor, const char *what)
{
    int32_t length = cursor->left >= 5 ? mock__load_i32(cursor->at) : -1;

    if (length < 5 || (size_t)length > cursor->left) {
        mock__fault(cursor->conn, "%s: document length %d with %zu bytes left", what, length,
                    cursor->left);
        return NULL;
    }
    bson_t *document = bson_new_from_data(cursor->at, (size_t)length);
    size_t offset = 0;
    if (document == NULL || !bson_validate(document, BSON_VALIDATE_NONE, &offset)) {
        mock__fault(cursor->conn, "%s: invalid BSON at byte %zu", what, offset);
        bson_destroy(document);
        return NULL;
    }
    cursor->at += length;
    cursor->left -= (size_t)length;
    return document;
}

static bool read_body(cursor_t *cursor, mock__record_t *record)
{
    if (record->body != NULL) {
        mock__fault(cursor->conn, "two kind-0 sections");
        return false;
    }
    record->body = read_document(cursor, "body");
    return record->body != NULL;
}

static bool read_sequence(cursor_t *cursor, mock__record_t *record)
{
    int32_t size = cursor->left >= 4 ? mock__load_i32(cursor->at) : -1;
    size_t room = cursor->left;

    if (size < 6 || (size_t)size > room || record->request.sequence_count == MAX_SEQUENCES) {
        mock__fault(cursor->conn, "kind-1 section of size %d with %zu bytes left", size, room);
        return false;
    }
    const char *name = (const char *)cursor->at + 4;
    size_t name_size = strnlen(name, (size_t)size - 4);
    if (name_size == (size_t)size - 4) {
        mock__fault(cursor->conn, "kind-1 section whose name does not end");
        return false;
    }
    mock_sequence_t *sequence = &record->sequences[record->request.sequence_count++];
    const bson_t **documents = NULL;
    sequence->name = mock__copy_text(name);
    cursor_t inner = {.conn = cursor->conn,
                      .at = cursor->at + 4 + name_size + 1,
                      .left = (size_t)size - 4 - name_size - 1};
    bool good = true;
    while (good && inner.left > 0) {
        bson_t *document = read_document(&inner, name);
        good = document != NULL;
        if (good && (sequence->count & (sequence->count - 1)) == 0) {
            size_t capacity = sequence->count == 0 ? 1 : sequence->count * 2;
            documents = realloc(documents, capacity * sizeof(bson_t *));
            sequence->documents = documents;
        }
        if (good && documents != NULL) {
            documents[sequence->count++] = document;
        }
    }
    cursor->at += size;
    cursor->left -= (size_t)size;
    return good;
}

static bool read_sections(cursor_t *cursor, mock__record_t *record)
{
    bool good = true;

    while (good && cursor->left > 0) {
        uint8_t kind = *cursor->at;
        cursor->at++;
        cursor->left--;
        if (kind == 0) {
            good = read_body(cursor, record);
        } else if (kind == 1) {
            good = read_sequence(cursor, record);
        } else {
            mock__fault(cursor->conn, "section of kind %u", kind);
            good = false;
        }
    }
    if (good && record->body == NULL) {
        mock__fault(cursor->conn, "no kind-0 section");
        good = false;
    }
    return good;
}

static void check_session(mock__conn_t *conn, const mock__record_t *record)
{
    bool has_session = bson_has_field(record->body, "lsid");
    bson_iter_t iter;

    if (has_session && (record->request.flags & MOCK_FLAG_MORE_TO_COME) != 0) {
        mock__fault(conn, "%s: unacknowledged, but in a session", record->name);
    }
    if (bson_iter_init_find(&iter, record->body, "txnNumber") &&
        (!has_session || !BSON_ITER_HOLDS_INT64(&iter))) {
        mock__fault(conn, "%s: txnNumber without session, or of the wrong type", record->name);
    }
}

/* Rules that hold for a readable message too. */
static void check_meaning(mock__conn_t *conn, const mock__record_t *record)
{
    const mock_request_t *request = &record->request;
    bson_iter_t iter;

    if (!bson_iter_init_find(&iter, record->body, "$db") || !BSON_ITER_HOLDS_UTF8(&iter)) {
        mock__fault(conn, "%s without $db", record->name);
    }
    if (request->request_id <= 0 || request->request_id == conn->last_request_id) {
        mock__fault(conn, "%s with request id %d after %d", record->name, request->request_id,
                    conn->last_request_id);
    }
    check_session(conn, record);
    for (size_t i = 0; i < request->sequence_count; i++) {
        const mock_sequence_t *sequence = &record->sequences[i];
        if (bson_has_field(record->body, sequence->name)) {
            mock__fault(conn, "%s: %s in body and in a sequence", record->name, sequence->name);
        }
        if (sequence->count == 0) {
            mock__fault(conn, "%s: sequence %s is empty", record->name, sequence->name);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(record->sequences[j].name, sequence->name) == 0) {
                mock__fault(conn, "%s: two sequences %s", record->name, sequence->name);
            }
        }
    }
}

static void fill_names(mock__record_t *record)
{
    bson_iter_t iter;

    if (bson_iter_init(&iter, record->body) && bson_iter_next(&iter)) {
        const char *name = mock__canonical_name(bson_iter_key(&iter));
        bson_strncpy(record->name, name, sizeof record->name);
    }
    if (bson_iter_init_find(&iter, record->body, "$db") && BSON_ITER_HOLDS_UTF8(&iter)) {
        bson_strncpy(record->db, bson_iter_utf8(&iter, NULL), sizeof record->db);
    }
    record->request.name = record->name;
    record->request.db = record->db;
    record->request.body = record->body;
    record->request.sequences = record->sequences;
}

/* Flags and checksum of an OP_MSG; the cursor is behind the flags and before the checksum then. */
static bool read_flags(cursor_t *cursor, const uint8_t *bytes, size_t size, uint32_t *ret_flags)
{
    if (cursor->left < 4) {
        mock__fault(cursor->conn, "OP_MSG of %zu bytes", size);
        return false;
    }
    uint32_t flags = (uint32_t)mock__load_i32(cursor->at);
    cursor->at += 4;
    cursor->left -= 4;
    if ((flags & ~KNOWN_FLAGS) != 0) {
        mock__fault(cursor->conn, "unknown flags %#x", flags);
    }
    if ((flags & MOCK_FLAG_CHECKSUM) != 0) {
        if (cursor->left < 4) {
            mock__fault(cursor->conn, "no room for the checksum");
            return false;
        }
        cursor->left -= 4;
        uint32_t crc = (uint32_t)mock__load_i32(cursor->at + cursor->left);
        if (crc != mock__crc32c(bytes, size - 4)) {
            mock__fault(cursor->conn, "wrong checksum %#x", crc);
        }
    }
    *ret_flags = flags;
    return true;
}

mock__record_t *mock__message_read(mock__conn_t *conn, const uint8_t *bytes, size_t size)
{
    int32_t op_code = mock__load_i32(bytes + 12);
    cursor_t cursor = {
        .conn = conn, .at = bytes + MOCK__HEADER_SIZE, .left = size - MOCK__HEADER_SIZE};
    uint32_t flags = 0;

    if (op_code == MOCK__OP_COMPRESSED) {
        return mock__compress_read(conn, bytes, size);
    }
    if (mock__load_i32(bytes + 8) != 0) {
        mock__fault(conn, "a request with responseTo %d", mock__load_i32(bytes + 8));
    }
    if (op_code != MOCK__OP_MSG) {
        mock__fault(conn, "opcode %d", op_code);
        return NULL;
    }
    if (!read_flags(&cursor, bytes, size, &flags)) {
        return NULL;
    }
    mock__record_t *record = mock__alloc(sizeof *record);
    record->sequences = mock__alloc(MAX_SEQUENCES * sizeof *record->sequences);
    record->request = (mock_request_t){.connection = conn->number,
                                       .member = conn->member,
                                       .request_id = mock__load_i32(bytes + 4),
                                       .service = conn->service,
                                       .flags = flags,
                                       .size_bytes = size,
                                       .at_ms = uv_now(conn->mock->loop)};
    if (!read_sections(&cursor, record)) {
        mock__record_free(record);
        return NULL;
    }
    fill_names(record);
    check_meaning(conn, record);
    conn->last_request_id = record->request.request_id;
    return record;
}
