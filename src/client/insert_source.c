/* SPDX-License-Identifier: Apache-2.0 */
/* Where the documents of an insert come from: an array copied at once, an array borrowed and copied
 * piece by piece, or a source that writes them. */
#include "client/insert_many.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"

/* Encoded in one turn of the loop before the sockets get theirs (design: promise 1). */
#define TURN_BYTES (256 * 1024)

/* Bytes of an ObjectId element named `_id`: type, key, value. */
#define ID_ELEMENT_SIZE (1 + 4 + MUV__OID_SIZE)

/* --- a whole array -----------------------------------------------------------------------------*/

static int copy_document(muv__insert_many_t *insert, const bson_t *document)
{
    muv__buf_t *buf = &insert->run->buf;
    muv__bson_mark_t mark = muv__bson_begin(buf);
    int status = muv__write_with_id(buf, muv__bson_span(document), insert->op->client);

    muv__bson_end(buf, mark);
    return status;
}

static int refuse_copy(muv__insert_many_t *insert, size_t index, int code)
{
    muv_client_t *client = insert->op->client;

    if (code == MUV_ENOMEM) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    if (code == MUV_ETOOLARGE) {
        return muv__client_refuse(client, MUV_EINVAL,
                                  "documents[%zu]: the call passes max_send_bytes (64 MiB); "
                                  "borrow_until_done and next avoid the copy",
                                  index);
    }
    return muv__client_refuse(client, MUV_EINVAL, "documents[%zu]: it is NULL or malformed", index);
}

/* The whole size is known beforehand: no growing, and nothing is copied that cannot be sent. */
static int reserve_run(muv__insert_many_t *insert, const bson_t *const *documents)
{
    size_t size = 0;

    for (size_t i = 0; i < insert->count; i++) {
        if (documents[i] == NULL) {
            return refuse_copy(insert, i, MUV_EBSON);
        }
        size += documents[i]->len + ID_ELEMENT_SIZE;
        if (size > MUV_MAX_SEND_BYTES) {
            return refuse_copy(insert, i, MUV_ETOOLARGE);
        }
    }
    insert->offsets = muv__mem_array(insert->count, sizeof(*insert->offsets));
    if (insert->offsets == NULL || !muv__buf_reserve(&insert->run->buf, size)) {
        return refuse_copy(insert, 0, MUV_ENOMEM);
    }
    return 0;
}

int muv__insert_copy(muv__insert_many_t *insert, const bson_t *const *documents)
{
    int status = reserve_run(insert, documents);

    if (status != 0) {
        return status;
    }
    for (size_t i = 0; i < insert->count; i++) {
        insert->offsets[i] = (uint32_t)insert->run->buf.size;
        status = copy_document(insert, documents[i]);
        if (status != 0) {
            return refuse_copy(insert, i, status);
        }
    }
    insert->gathered = insert->count;
    insert->exhausted = 1;
    return 0;
}

/* --- piece by piece ----------------------------------------------------------------------------*/

static int fail(muv__insert_many_t *insert, int code, const char *why)
{
    muv_error_t error;

    (void)muv__error_set(&error, code, "documents[%zu]: %s", insert->gathered, why);
    muv__insert_note_error(insert, &error);
    return code;
}

/* Remember the id that a borrowed document was given: it is nowhere else once its command is done.
 */
static int keep_generated_id(muv__insert_many_t *insert, size_t at)
{
    const uint8_t *document = insert->run->buf.data + at;

    if (insert->generated == NULL) {
        insert->generated = muv__mem_array(insert->count, sizeof(*insert->generated));
    }
    if (insert->generated == NULL) {
        return MUV_ENOMEM;
    }
    memcpy(insert->generated[insert->gathered], document + 4 + ID_ELEMENT_SIZE - MUV__OID_SIZE,
           MUV__OID_SIZE);
    return 0;
}

/* Returns 1, 0 at the end, or a negative code. */
static int gather_borrowed(muv__insert_many_t *insert)
{
    muv__buf_t *buf = &insert->run->buf;
    const bson_t *document;
    size_t at = buf->size;
    int status;

    if (insert->gathered == insert->count) {
        return 0;
    }
    document = insert->borrowed[insert->gathered];
    status = document == NULL ? MUV_EBSON : copy_document(insert, document);
    if (status != 0) {
        return fail(insert, MUV_EBSON, "it is NULL or malformed");
    }
    if (buf->error == 0 && buf->size - at != document->len) {
        status = keep_generated_id(insert, at);
    }
    status = status == 0 ? buf->error : status;
    return status == 0 ? 1 : fail(insert, status, muv_error_text(status));
}

/* A document without `_id` gets one as its first field: its elements make room. */
static void ensure_id(muv__insert_many_t *insert, size_t at)
{
    muv__buf_t *buf = &insert->run->buf;
    uint8_t *document = buf->data + at;
    size_t size = buf->size - at;
    muv__bson_iter_t iter;

    /* Nearly always the first field; the key may be longer than the document, but not its NUL. */
    if ((size > 8 && memcmp(document + 5, "_id", 4) == 0) ||
        muv__bson_find(document, size, "_id", &iter) ||
        muv__buf_extend(buf, ID_ELEMENT_SIZE) == NULL) {
        return;
    }
    document = buf->data + at;
    memmove(document + 4 + ID_ELEMENT_SIZE, document + 4, size - 4);
    document[4] = MUV__BSON_OID;
    memcpy(document + 5, "_id", 4);
    muv__oid_next(&insert->op->client->oids, muv__net_wall_s(insert->op->client->net),
                  document + 4 + ID_ELEMENT_SIZE - MUV__OID_SIZE);
    muv__store_u32(document, (uint32_t)(size + ID_ELEMENT_SIZE));
}

/* Returns 1, 0 at the end, or a negative code. */
static int gather_next(muv__insert_many_t *insert, muv_writer_t *writer)
{
    muv__buf_t *buf = writer->buf;
    size_t at = buf->size;
    muv__bson_mark_t mark = muv__bson_begin(buf);
    int status = insert->next(insert->next_data, writer);

    if (status == 0) {
        buf->size = at;
        return 0;
    }
    if (status < 0) {
        return fail(insert, muv__error_domain(status) == MUV_DOMAIN_NONE ? MUV_EINVAL : status,
                    "the source failed");
    }
    if (writer->error != 0 || writer->depth != 0) {
        return fail(insert, MUV_EBSON,
                    "the source left a document or array open, or nested it "
                    "too deeply");
    }
    muv__bson_end(buf, mark);
    if (buf->error == 0) {
        ensure_id(insert, at);
    }
    return buf->error == 0 ? 1 : fail(insert, buf->error, muv_error_text(buf->error));
}

/* A new run in the memory of the one that was sent: nobody reads it any more, because its last
 * command has ended with a reply, or with the last byte written. */
static void begin_run(muv__insert_many_t *insert)
{
    if (insert->first == insert->gathered) {
        insert->run->buf.size = 0;
        insert->at = 0;
    }
}

int muv__insert_gather(muv__insert_many_t *insert)
{
    muv__buf_t *buf = &insert->run->buf;
    muv_writer_t writer = {.buf = buf};
    size_t limit;
    int status = 1;

    begin_run(insert);
    limit = buf->size + TURN_BYTES;
    limit = limit < insert->batch_bytes ? limit : insert->batch_bytes;
    while (status > 0 && buf->size < limit) {
        status = insert->next != NULL ? gather_next(insert, &writer) : gather_borrowed(insert);
        insert->gathered += status > 0;
    }
    if (status < 0) {
        return status;
    }
    insert->exhausted = status == 0;
    if (!muv__shared_buf_account(insert->run)) {
        return fail(insert, MUV_EQUEUEFULL,
                    "max_pending_bytes: too many bytes of commands are "
                    "waiting");
    }
    return insert->exhausted || buf->size >= insert->batch_bytes;
}

/* --- ids ---------------------------------------------------------------------------------------*/

static int find_borrowed_id(const muv__insert_many_t *insert, size_t index, muv_bson_value_t *ret)
{
    if (muv__document_id(muv__bson_span(insert->borrowed[index]), ret)) {
        return 1;
    }
    if (insert->generated == NULL) {
        return 0;
    }
    ret->type = MUV__BSON_OID;
    ret->size = MUV__OID_SIZE;
    ret->data = insert->generated[index];
    return 1;
}

int muv__insert_find_id(const muv__write_outcome_t *outcome, size_t index, muv_bson_value_t *ret)
{
    const muv__insert_many_t *insert = outcome->ids;
    const uint8_t *document;

    if (insert->next != NULL || index >= insert->gathered) {
        return 0;
    }
    if (insert->borrowed != NULL) {
        return find_borrowed_id(insert, index, ret);
    }
    document = insert->run->buf.data + insert->offsets[index];
    return muv__document_id(muv__span(document, muv__load_u32(document)), ret);
}
