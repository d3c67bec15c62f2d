/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and replies of the stub server: OP_MSG, and the one OP_QUERY hello that libmongoc and
 * PyMongo begin with. A find by an integer `_id` is the hot path: its reply is one copied template
 * with four patched numbers. A find of {many: N} opens a cursor over N documents numbered from 0;
 * cursors belong to the server, not to a connection.
 */
#include "stub_reply.h"

#include <string.h>

enum {
    OP_REPLY = 1,
    OP_QUERY = 2004,
    OP_MSG = 2013,
    FLAG_CHECKSUM = 1,
    FLAG_MORE_TO_COME = 2,
    FLAGS_REQUIRED = 0xFFFF,
    MESSAGE_HEADER_BYTES = 16,
    FIRST_BATCH = 101,
    CURSORS_MAX = 4096,
    NAMESPACE_MAX = 256,
    SMALL_DOC_FILLER = 88,
    MANY_DOC_BYTES = 275
};

#define CLUSTER_TIME (INT64_C(1700000000) << 32 | 1)

typedef struct {
    int64_t id; /* 0: free; otherwise the slot can be told from it. */
    int64_t next;
    int64_t total;
    char ns[NAMESPACE_MAX];
} stub_cursor_t;

typedef struct {
    const char *name;
    stub_elem_t command;
    stub_elem_t db;
    stub_elem_t filter;
    stub_elem_t batch_size;
    stub_elem_t limit;
    stub_elem_t single_batch;
    stub_elem_t documents;
    stub_elem_t cursors;
    int64_t sequence_count;
    int32_t request_id;
    bool legacy;
} stub_request_t;

static struct {
    stub_buf_t find_one;
    size_t find_one_id_at;
    stub_buf_t many_doc;
    size_t many_doc_id_at;
    stub_cursor_t cursors[CURSORS_MAX];
    int64_t cursor_serial;
    int32_t next_request_id;
} server;

/* --- messages ------------------------------------------------------------------------------- */

static size_t begin_reply(stub_buf_t *out, const stub_request_t *request)
{
    size_t start = stub_doc_begin(out);

    stub_put_i32(out, ++server.next_request_id);
    stub_put_i32(out, request->request_id);
    stub_put_i32(out, request->legacy ? OP_REPLY : OP_MSG);
    if (request->legacy) {
        stub_put_i32(out, 8); /* AwaitCapable, as mongod sets it. */
        stub_put_i64(out, 0);
        stub_put_i32(out, 0);
        stub_put_i32(out, 1);
    } else {
        stub_put_i32(out, 0);
        stub_put(out, "", 1);
    }
    return start;
}

static void end_reply(stub_buf_t *out, size_t start)
{
    stub_store32(out->data + start, (uint32_t)(out->len - start));
}

/* What every reply of a replica set or a mongos ends with, in the size that it really has. The time
 * stands still: clients keep a cluster time only when it is later. */
static void add_times(stub_buf_t *out)
{
    static const uint8_t hash[20] = {0};
    size_t outer;
    size_t inner;

    stub_add_double(out, "ok", 1.0);
    stub_add_key(out, STUB_DOCUMENT, "$clusterTime");
    outer = stub_doc_begin(out);
    stub_add_key(out, STUB_TIMESTAMP, "clusterTime");
    stub_put_i64(out, CLUSTER_TIME);
    stub_add_key(out, STUB_DOCUMENT, "signature");
    inner = stub_doc_begin(out);
    stub_add_key(out, STUB_BINARY, "hash");
    stub_put_i32(out, (int32_t)sizeof hash);
    stub_put(out, "", 1);
    stub_put(out, hash, sizeof hash);
    stub_add_i64(out, "keyId", 0);
    stub_doc_end(out, inner);
    stub_doc_end(out, outer);
    stub_add_key(out, STUB_TIMESTAMP, "operationTime");
    stub_put_i64(out, CLUSTER_TIME);
}

static void put_ok(stub_buf_t *out, const stub_request_t *request)
{
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);

    add_times(out);
    stub_doc_end(out, doc);
    end_reply(out, message);
}

static void put_error(stub_buf_t *out, const stub_request_t *request, int32_t code,
                      const char *code_name)
{
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);

    stub_add_double(out, "ok", 0.0);
    stub_add_string(out, "errmsg", code_name);
    stub_add_i32(out, "code", code);
    stub_add_string(out, "codeName", code_name);
    stub_doc_end(out, doc);
    end_reply(out, message);
}

static void put_hello(stub_buf_t *out, const stub_request_t *request, int32_t connection_id)
{
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);

    stub_add_bool(out, "helloOk", true);
    stub_add_string(out, "msg", "isdbgrid"); /* A mongos: it has sessions, and no members. */
    stub_add_i32(out, "logicalSessionTimeoutMinutes", 30);
    stub_add_bool(out, "isWritablePrimary", true);
    stub_add_bool(out, "ismaster", true);
    stub_add_i32(out, "maxBsonObjectSize", STUB_DOCUMENT_BYTES_MAX);
    stub_add_i32(out, "maxMessageSizeBytes", STUB_MESSAGE_BYTES_MAX);
    stub_add_i32(out, "maxWriteBatchSize", 100000);
    stub_add_i32(out, "connectionId", connection_id);
    stub_add_i32(out, "minWireVersion", 0);
    stub_add_i32(out, "maxWireVersion", 25);
    stub_add_bool(out, "readOnly", false);
    stub_add_double(out, "ok", 1.0);
    stub_doc_end(out, doc);
    end_reply(out, message);
}

static void put_build_info(stub_buf_t *out, const stub_request_t *request)
{
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);

    stub_add_string(out, "version", "8.0.0");
    stub_add_i32(out, "maxBsonObjectSize", STUB_DOCUMENT_BYTES_MAX);
    stub_add_double(out, "ok", 1.0);
    stub_doc_end(out, doc);
    end_reply(out, message);
}

/* --- documents ------------------------------------------------------------------------------ */

static size_t put_document(stub_buf_t *out, size_t filler)
{
    char text[256];
    size_t doc = stub_doc_begin(out);

    stub_add_i64(out, "_id", 0);
    size_t id_at = out->len - 8;
    stub_add_string(out, "name", "Ada Lovelace");
    stub_add_string(out, "email", "ada@example.org");
    stub_add_i32(out, "age", 36);
    stub_add_double(out, "score", 12.5);
    stub_add_bool(out, "active", true);
    memset(text, 'x', filler);
    text[filler] = '\0';
    stub_add_string(out, "text", text);
    stub_doc_end(out, doc);
    return id_at;
}

static void open_cursor_doc(stub_buf_t *out, const char *batch_name, size_t *ret_cursor,
                            size_t *ret_batch)
{
    stub_add_key(out, STUB_DOCUMENT, "cursor");
    *ret_cursor = stub_doc_begin(out);
    stub_add_key(out, STUB_ARRAY, batch_name);
    *ret_batch = stub_doc_begin(out);
}

static void shut_cursor_doc(stub_buf_t *out, size_t cursor, int64_t id, const char *ns)
{
    stub_add_i64(out, "id", id);
    stub_add_string(out, "ns", ns);
    stub_doc_end(out, cursor);
}

void stub_reply_setup(void)
{
    stub_buf_t *out = &server.find_one;
    stub_request_t nobody = {.request_id = 0};
    size_t cursor = 0;
    size_t batch = 0;

    size_t message = begin_reply(out, &nobody);
    size_t doc = stub_doc_begin(out);
    open_cursor_doc(out, "firstBatch", &cursor, &batch);
    stub_add_key(out, STUB_DOCUMENT, "0");
    server.find_one_id_at = put_document(out, SMALL_DOC_FILLER);
    stub_doc_end(out, batch);
    shut_cursor_doc(out, cursor, 0, "perf.docs");
    add_times(out);
    stub_doc_end(out, doc);
    end_reply(out, message);

    (void)put_document(&server.many_doc, 0);
    size_t filler = MANY_DOC_BYTES - server.many_doc.len;
    server.many_doc.len = 0;
    server.many_doc_id_at = put_document(&server.many_doc, filler);
}

static void put_find_one(stub_buf_t *out, const stub_request_t *request, int64_t id)
{
    stub_buf_reserve(out, server.find_one.len);
    uint8_t *at = out->data + out->len;

    memcpy(at, server.find_one.data, server.find_one.len);
    stub_store32(at + 4, (uint32_t)++server.next_request_id);
    stub_store32(at + 8, (uint32_t)request->request_id);
    stub_store64(at + server.find_one_id_at, (uint64_t)id);
    out->len += server.find_one.len;
}

/* --- cursors -------------------------------------------------------------------------------- */

/* Slots are taken in turn; a cursor that nobody ended is forgotten when its slot comes round. */
static stub_cursor_t *open_cursor(void)
{
    stub_cursor_t *cursor = &server.cursors[server.cursor_serial % CURSORS_MAX];

    server.cursor_serial++;
    cursor->id = server.cursor_serial;
    return cursor;
}

static stub_cursor_t *get_cursor(int64_t id)
{
    if (id <= 0) {
        return NULL;
    }
    stub_cursor_t *cursor = &server.cursors[(id - 1) % CURSORS_MAX];
    return cursor->id == id ? cursor : NULL;
}

static size_t put_index_key(uint8_t *at, int64_t index)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    for (size_t i = 0; i < count; i++) {
        at[i] = (uint8_t)digits[count - 1 - i];
    }
    at[count] = 0;
    return count + 1;
}

/* Documents until `count`, the end, or the 16 MiB that a batch may have. */
static void put_batch(stub_buf_t *out, stub_cursor_t *cursor, int64_t count)
{
    const size_t doc_bytes = server.many_doc.len;
    const size_t elem_bytes_max = doc_bytes + 1 + 20;
    const size_t limit = out->len + STUB_DOCUMENT_BYTES_MAX - elem_bytes_max;
    int64_t left = cursor->total - cursor->next;

    if (count > left) {
        count = left;
    }
    for (int64_t i = 0; i < count && out->len < limit; i++) {
        stub_buf_reserve(out, elem_bytes_max);
        uint8_t *at = out->data + out->len;
        *at++ = STUB_DOCUMENT;
        at += put_index_key(at, i);
        memcpy(at, server.many_doc.data, doc_bytes);
        stub_store64(at + server.many_doc_id_at, (uint64_t)cursor->next++);
        out->len = (size_t)(at + doc_bytes - out->data);
    }
}

static void put_cursor_reply(stub_buf_t *out, const stub_request_t *request, const char *batch_name,
                             stub_cursor_t *cursor, int64_t count)
{
    size_t inner = 0;
    size_t batch = 0;
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);

    open_cursor_doc(out, batch_name, &inner, &batch);
    put_batch(out, cursor, count);
    stub_doc_end(out, batch);
    if (cursor->next >= cursor->total) {
        cursor->id = 0;
    }
    shut_cursor_doc(out, inner, cursor->id, cursor->ns);
    add_times(out);
    stub_doc_end(out, doc);
    end_reply(out, message);
}

/* --- commands ------------------------------------------------------------------------------- */

static void name_namespace(const stub_request_t *request, char *ret_ns)
{
    const char *parts[2] = {stub_elem_string(&request->db, "perf"),
                            stub_elem_string(&request->command, "docs")};
    size_t len = 0;

    for (int i = 0; i < 2; i++) {
        for (const char *p = parts[i]; *p != '\0' && len < NAMESPACE_MAX - 2; p++) {
            ret_ns[len++] = *p;
        }
        if (i == 0) {
            ret_ns[len++] = '.';
        }
    }
    ret_ns[len] = '\0';
}

static int answer_find(const stub_request_t *request, stub_buf_t *out)
{
    stub_iter_t it;
    stub_elem_t elem = {.type = 0};
    int64_t total = 0;

    if (request->filter.type == STUB_DOCUMENT) {
        if (!stub_iter_init(&it, request->filter.value, request->filter.value_len)) {
            return -1;
        }
        if (stub_iter_next(&it, &elem) < 0) {
            return -1;
        }
    }
    bool number = elem.type == STUB_INT64 || elem.type == STUB_INT32;
    if (number && stub_elem_is(&elem, "_id")) {
        put_find_one(out, request, stub_elem_number(&elem, 0));
        return 0;
    }
    if (elem.type != 0 && stub_elem_is(&elem, "many")) {
        total = stub_elem_number(&elem, 0);
    }
    int64_t limit = stub_elem_number(&request->limit, 0);
    if (limit > 0 && limit < total) {
        total = limit;
    }
    int64_t batch_size = stub_elem_number(&request->batch_size, FIRST_BATCH);
    stub_cursor_t *cursor = open_cursor();
    bool single = request->single_batch.type == STUB_BOOL && request->single_batch.value[0] != 0;
    cursor->next = 0;
    cursor->total = single && batch_size < total ? batch_size : total;
    name_namespace(request, cursor->ns);
    put_cursor_reply(out, request, "firstBatch", cursor, batch_size);
    return 0;
}

static void answer_get_more(const stub_request_t *request, stub_buf_t *out)
{
    stub_cursor_t *cursor = get_cursor(stub_elem_number(&request->command, 0));
    if (cursor == NULL) {
        put_error(out, request, 43, "CursorNotFound");
        return;
    }
    int64_t count = stub_elem_number(&request->batch_size, 0);
    put_cursor_reply(out, request, "nextBatch", cursor, count > 0 ? count : INT64_MAX);
}

static int answer_kill_cursors(const stub_request_t *request, stub_buf_t *out)
{
    stub_iter_t it;
    stub_elem_t elem;
    int got = 0;

    if (request->cursors.type == STUB_ARRAY) {
        if (!stub_iter_init(&it, request->cursors.value, request->cursors.value_len)) {
            return -1;
        }
        while ((got = stub_iter_next(&it, &elem)) > 0) {
            stub_cursor_t *cursor = get_cursor(stub_elem_number(&elem, 0));
            if (cursor != NULL) {
                cursor->id = 0;
            }
        }
    }
    put_ok(out, request);
    return got;
}

static int answer_insert(const stub_request_t *request, stub_buf_t *out)
{
    int64_t count = request->sequence_count;

    if (request->documents.type == STUB_ARRAY) {
        stub_iter_t it;
        stub_elem_t elem;
        int got = 0;
        if (!stub_iter_init(&it, request->documents.value, request->documents.value_len)) {
            return -1;
        }
        while ((got = stub_iter_next(&it, &elem)) > 0) {
            count++;
        }
        if (got < 0) {
            return -1;
        }
    }
    size_t message = begin_reply(out, request);
    size_t doc = stub_doc_begin(out);
    stub_add_i32(out, "n", (int32_t)count);
    add_times(out);
    stub_doc_end(out, doc);
    end_reply(out, message);
    return 0;
}

static bool is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 ||
           strcmp(name, "ismaster") == 0;
}

static int answer(const stub_request_t *request, int32_t connection_id, stub_buf_t *out)
{
    if (strcmp(request->name, "find") == 0) {
        return answer_find(request, out);
    }
    if (is_hello(request->name)) {
        put_hello(out, request, connection_id);
    } else if (strcmp(request->name, "getMore") == 0) {
        answer_get_more(request, out);
    } else if (strcmp(request->name, "insert") == 0) {
        return answer_insert(request, out);
    } else if (strcmp(request->name, "killCursors") == 0) {
        return answer_kill_cursors(request, out);
    } else if (strcmp(request->name, "buildInfo") == 0 || strcmp(request->name, "buildinfo") == 0) {
        put_build_info(out, request);
    } else {
        put_ok(out, request);
    }
    return 0;
}

/* --- requests ------------------------------------------------------------------------------- */

static stub_elem_t *wanted_elem(stub_request_t *request, const stub_elem_t *elem)
{
    switch (elem->key[0]) {
    case '$': return stub_elem_is(elem, "$db") ? &request->db : NULL;
    case 'f': return stub_elem_is(elem, "filter") ? &request->filter : NULL;
    case 'b': return stub_elem_is(elem, "batchSize") ? &request->batch_size : NULL;
    case 'l': return stub_elem_is(elem, "limit") ? &request->limit : NULL;
    case 's': return stub_elem_is(elem, "singleBatch") ? &request->single_batch : NULL;
    case 'd': return stub_elem_is(elem, "documents") ? &request->documents : NULL;
    case 'c': return stub_elem_is(elem, "cursors") ? &request->cursors : NULL;
    default: return NULL;
    }
}

/* Returns the body's length, or 0 when it is broken. */
static size_t read_body(stub_request_t *request, const uint8_t *body, size_t avail)
{
    stub_iter_t it;
    stub_elem_t elem;
    int got = 0;

    if (!stub_iter_init(&it, body, avail) || stub_iter_next(&it, &request->command) <= 0) {
        return 0;
    }
    request->name = request->command.key;
    while ((got = stub_iter_next(&it, &elem)) > 0) {
        stub_elem_t *place = wanted_elem(request, &elem);
        if (place != NULL) {
            *place = elem;
        }
    }
    return got < 0 ? 0 : stub_load32(body);
}

/* Count the documents of a kind-1 section; returns its length, or 0 when it is broken. */
static size_t read_sequence(stub_request_t *request, const uint8_t *section, size_t avail)
{
    if (avail < 6) {
        return 0;
    }
    size_t size = stub_load32(section);
    if (size < 6 || size > avail) {
        return 0;
    }
    const uint8_t *end = section + size;
    const uint8_t *p = memchr(section + 4, 0, size - 4);
    if (p == NULL) {
        return 0;
    }
    for (p++; p < end; request->sequence_count++) {
        size_t left = (size_t)(end - p);
        if (left < 5 || stub_load32(p) < 5 || stub_load32(p) > left) {
            return 0;
        }
        p += stub_load32(p);
    }
    return size;
}

static int reply_to_msg(stub_request_t *request, const uint8_t *msg, size_t len, int32_t id,
                        stub_buf_t *out)
{
    if (len < MESSAGE_HEADER_BYTES + 4 + 1) {
        return -1;
    }
    uint32_t flags = stub_load32(msg + MESSAGE_HEADER_BYTES);
    uint32_t known = FLAG_CHECKSUM | FLAG_MORE_TO_COME;
    if ((flags & FLAGS_REQUIRED & ~known) != 0) {
        return -1;
    }
    size_t end = (flags & FLAG_CHECKSUM) != 0 ? len - 4 : len;
    for (size_t at = MESSAGE_HEADER_BYTES + 4; at < end;) {
        uint8_t kind = msg[at++];
        size_t size = 0;
        if (kind == 0 && request->name == NULL) {
            size = read_body(request, msg + at, end - at);
        } else if (kind == 1) {
            size = read_sequence(request, msg + at, end - at);
        }
        if (size == 0) {
            return -1;
        }
        at += size;
    }
    if (request->name == NULL) {
        return -1;
    }
    size_t before = out->len;
    int rc = answer(request, id, out);
    if ((flags & FLAG_MORE_TO_COME) != 0) {
        out->len = before;
    }
    return rc;
}

static int reply_to_query(stub_request_t *request, const uint8_t *msg, size_t len, int32_t id,
                          stub_buf_t *out)
{
    size_t at = MESSAGE_HEADER_BYTES + 4;

    if (len < at + 1) {
        return -1;
    }
    const uint8_t *name_end = memchr(msg + at, 0, len - at);
    if (name_end == NULL) {
        return -1;
    }
    at = (size_t)(name_end + 1 - msg) + 8;
    request->legacy = true;
    if (at >= len || read_body(request, msg + at, len - at) == 0 || !is_hello(request->name)) {
        return -1;
    }
    put_hello(out, request, id);
    return 0;
}

int stub_reply(const uint8_t *msg, size_t len, int32_t connection_id, stub_buf_t *out)
{
    stub_request_t request = {.request_id = (int32_t)stub_load32(msg + 4)};
    uint32_t opcode = stub_load32(msg + 12);

    if (opcode == OP_MSG) {
        return reply_to_msg(&request, msg, len, connection_id, out);
    }
    if (opcode == OP_QUERY) {
        return reply_to_query(&request, msg, len, connection_id, out);
    }
    return -1;
}
