/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of an insert's result. They grow only when something fails; texts and details point
 * into replies, which are kept for them. */
#include "client/insert_many.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "client/retry.h"

#define FIRST_CAPACITY 8

void muv__insert_note_error(muv__insert_many_t *insert, const muv_error_t *error)
{
    if (insert->error.code == 0) {
        muv__error_assign(&insert->error, error);
    }
}

/* The list's memory with room for one more, or NULL (the list stays as it is). */
static void *grow(void *list, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;

    if (count < *capacity) {
        return list;
    }
    list = muv__mem_realloc_array(list, wanted, size);
    if (list != NULL) {
        *capacity = wanted;
    }
    return list;
}

static int add_write_error(muv__insert_many_t *insert, const muv_write_error_t *error)
{
    muv_write_result_t *result = &insert->outcome.result;
    muv_write_error_t *list = grow(insert->write_errors, result->write_error_count,
                                   &insert->write_errors_capacity, sizeof(*list));

    if (list == NULL) {
        return MUV_ENOMEM;
    }
    insert->write_errors = list;
    list[result->write_error_count++] = *error;
    result->write_errors = list;
    return 0;
}

int muv__insert_note_unsent(muv__insert_many_t *insert, size_t index)
{
    muv_write_error_t error = {
        .index = index,
        .code = MUV__CODE_DOCUMENT_TOO_LARGE,
        .message = "the document is larger than the server accepts; it was not sent",
    };

    return add_write_error(insert, &error);
}

static int keep_reply(muv__insert_many_t *insert, const muv_reply_t *reply, muv_reply_t **ret)
{
    struct muv__kept_reply *list =
        grow(insert->replies, insert->reply_count, &insert->replies_capacity, sizeof(*list));

    if (list == NULL) {
        return MUV_ENOMEM;
    }
    insert->replies = list;
    if (muv_reply_retain(reply, ret) != 0) {
        return MUV_ENOMEM;
    }
    list[insert->reply_count++].reply = *ret;
    return 0;
}

/* Returns 0, MUV_ENOMEM or MUV_EPROTOCOL. */
static int take_write_errors(muv__insert_many_t *insert, const muv__write_reply_t *reply)
{
    muv_write_error_t error;
    muv__bson_iter_t iter;
    size_t taken = 0;
    int found;

    (void)muv__bson_iter_init(&iter, reply->write_errors.data, reply->write_errors.size);
    while ((found = muv__write_error_next(&iter, insert->slice_count, &error)) == 1) {
        if (taken++ == insert->slice_count) {
            return MUV_EPROTOCOL;
        }
        error.index += insert->first;
        if (insert->error.code == 0) {
            muv__write_error_set(&insert->error, &error, reply->labels);
        }
        if (add_write_error(insert, &error) != 0) {
            return MUV_ENOMEM;
        }
    }
    return found;
}

static int take_concern_error(muv__insert_many_t *insert, const muv__write_reply_t *reply)
{
    muv_write_result_t *result = &insert->outcome.result;
    muv_write_concern_error_t *list =
        grow(insert->concern_errors, result->write_concern_error_count,
             &insert->concern_errors_capacity, sizeof(*list));

    if (list == NULL) {
        return MUV_ENOMEM;
    }
    insert->concern_errors = list;
    muv__write_concern_error_read(reply->write_concern_error,
                                  &list[result->write_concern_error_count]);
    if (insert->error.code == 0) {
        muv__write_concern_error_set(&insert->error, &list[result->write_concern_error_count],
                                     reply->labels);
    }
    result->write_concern_error_count++;
    result->write_concern_errors = list;
    return 0;
}

/* Keep the reply and read its lists from the kept copy. */
static int take_lists(muv__insert_many_t *insert, muv_op_t *op)
{
    muv__write_reply_t reply;
    muv_reply_t *kept;
    int status = keep_reply(insert, &op->reply, &kept);

    if (status != 0) {
        return status;
    }
    status = muv__write_reply_read(kept->body, (int64_t)insert->slice_count, &reply, &op->error);
    if (status != 0) {
        return status;
    }
    if (reply.write_errors.size != 0) {
        status = take_write_errors(insert, &reply);
    }
    if (status == 0 && reply.write_concern_error.size != 0) {
        status = take_concern_error(insert, &reply);
    }
    return status;
}

static void fail(muv__insert_many_t *insert, muv_op_t *op, int status)
{
    if (status == MUV_ENOMEM) {
        /* The write was answered, but the answer cannot be told. */
        (void)muv__error_code(&op->error, MUV_ENOMEM);
        op->error.in_doubt = 1;
    } else if (op->error.code == 0) {
        muv__write_reply_unusable(&op->error, "writeErrors");
    }
    muv__op_name_host(op);
    insert->error = op->error;
    insert->error.reply = NULL;
    insert->error.reply_size = 0;
    insert->in_doubt = 1;
    insert->stopped = 1;
}

void muv__insert_take_reply(muv__insert_many_t *insert, muv_op_t *op)
{
    muv_write_result_t *result = &insert->outcome.result;
    size_t errors_before = result->write_error_count;
    muv__write_reply_t reply;
    int status =
        muv__write_reply_read(op->reply.body, (int64_t)insert->slice_count, &reply, &op->error);

    insert->applied = 1;
    if (status == 0) {
        result->inserted_count += reply.n;
        if (reply.write_errors.size != 0 || reply.write_concern_error.size != 0) {
            status = take_lists(insert, op);
        }
    }
    muv__op_translate_timeout(op, &insert->error);
    if (status != 0) {
        fail(insert, op, status);
    } else if (insert->ordered && result->write_error_count != errors_before) {
        insert->stopped = 1;
    }
}

void muv__insert_free_lists(muv__insert_many_t *insert)
{
    for (size_t i = 0; i < insert->reply_count; i++) {
        muv_reply_release(insert->replies[i].reply);
    }
    muv__mem_free(insert->replies);
    muv__mem_free(insert->write_errors);
    muv__mem_free(insert->concern_errors);
}
