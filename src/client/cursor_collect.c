/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering a cursor's documents where they lie. */
#include "client/cursor.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"

#define DEFAULT_MAX_BYTES (INT64_C(64) * 1024 * 1024)
#define FIRST_CAPACITY 16

struct muv_documents {
    muv__span_t *items;
    size_t count;
    size_t capacity;
    muv__batch_t *batches; /* The memory `items` point into. */
    size_t batch_count;
    size_t batch_capacity;
    int64_t bytes;
};

/* --- the result --------------------------------------------------------------------------------*/

void muv_documents_release(muv_documents_t *documents)
{
    if (documents == NULL) {
        return;
    }
    for (size_t i = 0; i < documents->batch_count; i++) {
        muv__batch_done(&documents->batches[i]);
    }
    muv__mem_free(documents->batches);
    muv__mem_free(documents->items);
    muv__mem_free(documents);
}

size_t muv_documents_count(const muv_documents_t *documents)
{
    return documents == NULL ? 0 : documents->count;
}

const uint8_t *muv_documents_data(const muv_documents_t *documents, size_t index, size_t *ret_size)
{
    if (documents == NULL || index >= documents->count) {
        *ret_size = 0;
        return NULL;
    }
    *ret_size = documents->items[index].size;
    return documents->items[index].data;
}

int muv_documents_bson(const muv_documents_t *documents, size_t index, bson_t *view)
{
    size_t size;
    const uint8_t *data = muv_documents_data(documents, index, &size);

    return data != NULL && view != NULL && bson_init_static(view, data, size) ? 0 : MUV_EINVAL;
}

/* Room for one more element. Returns 0 or MUV_ENOMEM. */
static int grow(void **array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;
    void *grown;

    if (count < *capacity) {
        return 0;
    }
    grown = muv__mem_realloc_array(*array, wanted, size);
    if (grown == NULL) {
        return MUV_ENOMEM;
    }
    *array = grown;
    *capacity = wanted;
    return 0;
}

/* Hold the memory of the batch that is being gathered. */
static int hold_batch(muv_documents_t *documents, muv__batch_t *batch)
{
    void *batches = documents->batches;
    const muv__batch_t *last =
        documents->batch_count == 0 ? NULL : &documents->batches[documents->batch_count - 1];

    if (last != NULL && last->chunk == batch->chunk && last->copy == batch->copy) {
        return 0;
    }
    muv__batch_trim(batch);
    if (grow(&batches, documents->batch_count, &documents->batch_capacity, sizeof(*batch)) != 0) {
        return MUV_ENOMEM;
    }
    MUV__ASSERT(batches != NULL);
    documents->batches = batches;
    documents->batches[documents->batch_count++] = muv__batch_retain(batch);
    return 0;
}

static int add_document(muv_documents_t *documents, muv__span_t document)
{
    void *items = documents->items;

    if (grow(&items, documents->count, &documents->capacity, sizeof(document)) != 0) {
        return MUV_ENOMEM;
    }
    documents->items = items;
    documents->items[documents->count++] = document;
    documents->bytes += (int64_t)document.size;
    return 0;
}

/* --- gathering ---------------------------------------------------------------------------------*/

/* The documents before are lost with the consumer, so the cursor ends too: nobody may go on behind
 * the gap. */
static void give_up(muv_cursor_t *cursor, int code)
{
    muv_error_t error;

    if (code == MUV_ETOOLARGE) {
        (void)muv__error_set(&error, code, "max_bytes: the documents are larger together");
    } else {
        (void)muv__error_code(&error, code);
    }
    muv__cursor_stop_fetch(cursor, MUV_ECANCELED);
    muv__batch_done(&cursor->current);
    muv__batch_done(&cursor->next);
    muv__cursor_fail(cursor, &error);
    muv__consumer_end(cursor, &error);
}

/* Returns 1 when a document was added, 0 when none is here, or a code. */
static int gather_one(muv_cursor_t *cursor, muv__portion_t *portion)
{
    muv__batch_t *batch = muv__cursor_batch(cursor);
    muv__span_t document;
    int status;

    if (batch == NULL) {
        return 0;
    }
    status = hold_batch(cursor->documents, batch);
    if (status != 0) {
        return status;
    }
    status = muv__cursor_take(cursor, &document);
    if (status != 1) {
        return status;
    }
    if ((int64_t)document.size > cursor->max_bytes - cursor->documents->bytes) {
        return MUV_ETOOLARGE;
    }
    muv__portion_take(portion, document.size);
    status = add_document(cursor->documents, document);
    return status != 0 ? status : 1;
}

static int has_enough(const muv_cursor_t *cursor)
{
    return cursor->max_documents > 0 && cursor->documents->count >= (uint64_t)cursor->max_documents;
}

void muv__cursor_gather(muv_cursor_t *cursor, muv__portion_t *portion)
{
    muv_op_t *op = cursor->consumer;

    while (op->phase == MUV__OP_LIVE) {
        int status;

        if (has_enough(cursor)) {
            muv__consumer_end(cursor, NULL);
            return;
        }
        if (muv__portion_is_used_up(portion)) {
            muv__cursor_schedule(cursor);
            return;
        }
        status = gather_one(cursor, portion);
        if (status == MUV_ENOMEM || status == MUV_ETOOLARGE) {
            give_up(cursor, status);
            return;
        }
        if (status != 1) {
            muv__consumer_starve(cursor);
            return;
        }
        if (!has_enough(cursor)) {
            (void)muv__cursor_fetch(cursor, INT64_MAX);
        }
    }
}

static void deliver_documents(muv_op_t *op)
{
    muv_cursor_t *cursor = muv__consumer_leave(op);
    muv_documents_t *documents = NULL;

    if (cursor != NULL) {
        documents = cursor->documents;
        cursor->documents = NULL;
    }
    if (op->error.code != 0) {
        muv_documents_release(documents);
        op->cb.documents(op, &op->error, NULL, op->data);
    } else {
        op->cb.documents(op, NULL, documents, op->data);
    }
    if (cursor != NULL && cursor->consumer == NULL) {
        muv__batch_trim(&cursor->current);
    }
}

int muv_cursor_collect(muv_cursor_t *cursor, const muv_cursor_collect_opts_t *opts,
                       muv_documents_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_cursor_collect_opts_t defaults = {0};
    muv__consumer_opts_t common;
    muv_documents_t *documents;
    muv_op_t *op;
    int status;

    if (cursor == NULL || cb == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    documents = muv__mem_zalloc(sizeof(*documents));
    if (documents == NULL) {
        return cursor->client == NULL ? MUV_ENOMEM
                                      : muv__client_refuse(cursor->client, MUV_ENOMEM, "%s",
                                                           muv_error_text(MUV_ENOMEM));
    }
    common = (muv__consumer_opts_t){opts->timeout_ms, opts->parent};
    status = muv__consumer_begin(cursor, MUV__CONSUMER_COLLECT, &common, deliver_documents, &op);
    if (status != 0) {
        muv_documents_release(documents);
        return status;
    }
    op->cb.documents = cb;
    op->data = data;
    cursor->documents = documents;
    cursor->max_bytes = opts->max_bytes > 0 ? opts->max_bytes : DEFAULT_MAX_BYTES;
    cursor->max_documents = opts->max_documents;
    muv__consumer_go(cursor, ret_op);
    return 0;
}
