/* SPDX-License-Identifier: Apache-2.0 */
/* Results of writes, and the delivery of those with a single statement. */
#include "client/write.h"

#include <string.h>

#include "base/error.h"
#include "client/retry.h"
#include "op/reply.h"

int muv__document_id(muv__span_t document, muv_bson_value_t *ret)
{
    muv__bson_iter_t iter;

    if (!muv__bson_find(document.data, document.size, "_id", &iter)) {
        return 0;
    }
    ret->type = iter.type;
    ret->size = iter.value_size;
    ret->data = iter.value;
    return 1;
}

int muv_write_result_inserted_id(const muv_write_result_t *result, size_t index,
                                 muv_bson_value_t *ret)
{
    const muv__write_outcome_t *outcome = (const void *)result;

    if (result == NULL || ret == NULL || outcome->find_id == NULL) {
        return 0;
    }
    return outcome->find_id(outcome, index, ret);
}

void muv__write_take_concern_error(muv_op_t *op)
{
    muv_write_concern_error_t concern;
    muv__reply_info_t info;

    if (op->error.code != 0) {
        return;
    }
    muv__reply_read(op->reply.body, &info);
    if (info.write_concern_error.size != 0) {
        muv__write_concern_error_read(info.write_concern_error, &concern);
        muv__write_concern_error_set(&op->error, &concern, info.labels);
        op->error.reply = op->reply.body.data;
        op->error.reply_size = (uint32_t)op->reply.body.size;
        muv__op_name_host(op);
        muv__op_translate_timeout(op, &op->error);
    }
}

/* Memory of a single statement's result: on the stack of its delivery. */
struct single {
    muv__write_outcome_t outcome;
    muv_write_error_t error;
    muv_write_concern_error_t concern;
    muv_upserted_t upserted;
};

static void count(struct single *single, const muv__write_reply_t *reply,
                  muv__write_counts_t counts)
{
    muv_write_result_t *result = &single->outcome.result;

    switch (counts) {
    case MUV__COUNTS_INSERTED: result->inserted_count = reply->n; break;
    case MUV__COUNTS_DELETED: result->deleted_count = reply->n; break;
    case MUV__COUNTS_UPDATED:
    default:
        result->matched_count = reply->n - (int64_t)result->upserted_count;
        result->modified_count = reply->n_modified;
        break;
    }
}

/* At most one element is right for one statement. Returns 1, 0 or MUV_EPROTOCOL. */
static int read_upserted(muv__span_t list, muv_upserted_t *ret)
{
    muv__bson_iter_t iter;
    int found;

    if (list.size == 0 || !muv__bson_iter_init(&iter, list.data, list.size)) {
        return 0;
    }
    found = muv__upserted_next(&iter, 1, ret);
    return found == 1 && muv__bson_iter_next(&iter) ? MUV_EPROTOCOL : found;
}

static int read_write_error(muv__span_t list, muv_write_error_t *ret)
{
    muv__bson_iter_t iter;
    int found;

    if (list.size == 0 || !muv__bson_iter_init(&iter, list.data, list.size)) {
        return 0;
    }
    found = muv__write_error_next(&iter, 1, ret);
    return found == 1 && muv__bson_iter_next(&iter) ? MUV_EPROTOCOL : found;
}

static void read_lists(struct single *single, const muv__write_reply_t *reply, muv_error_t *error)
{
    muv_write_result_t *result = &single->outcome.result;
    int upserted = read_upserted(reply->upserted, &single->upserted);
    int refused = read_write_error(reply->write_errors, &single->error);

    if (upserted < 0 || refused < 0 || upserted > reply->n) {
        muv__write_reply_unusable(error, "upserted or writeErrors");
        return;
    }
    result->upserted = &single->upserted;
    result->upserted_count = (size_t)upserted;
    if (reply->write_concern_error.size != 0) {
        muv__write_concern_error_read(reply->write_concern_error, &single->concern);
        result->write_concern_errors = &single->concern;
        result->write_concern_error_count = 1;
        muv__write_concern_error_set(error, &single->concern, reply->labels);
    }
    if (refused) {
        result->write_errors = &single->error;
        result->write_error_count = 1;
        muv__write_error_set(error, &single->error, reply->labels);
    }
}

static void read_reply(muv_op_t *op, struct single *single, muv__write_counts_t counts,
                       int64_t max_n)
{
    muv__write_reply_t reply;

    if (muv__write_reply_read(op->reply.body, max_n, &reply, &op->error) == 0) {
        read_lists(single, &reply, &op->error);
        count(single, &reply, counts);
    }
    if (op->error.code != 0) {
        op->error.reply = op->reply.body.data;
        op->error.reply_size = (uint32_t)op->reply.body.size;
        muv__op_name_host(op);
        muv__op_translate_timeout(op, &op->error);
    }
}

void muv__write_deliver_single(muv_op_t *op, muv__write_counts_t counts, int64_t max_n,
                               int (*find_id)(const muv__write_outcome_t *outcome, size_t index,
                                              muv_bson_value_t *ret))
{
    struct single single;
    const muv_error_t *error;
    int give;

    memset(&single, 0, sizeof(single));
    single.outcome.find_id = find_id;
    single.outcome.ids = op;
    single.outcome.result.acknowledged = op->unacknowledged ? MUV_NO : MUV_YES;
    if (op->error.code == 0 && op->reply.body.size != 0) {
        read_reply(op, &single, counts, max_n);
    }
    error = op->error.code != 0 ? &op->error : NULL;
    give = error == NULL || error->in_doubt || single.outcome.result.write_error_count != 0 ||
           single.outcome.result.write_concern_error_count != 0;
    if (op->cb.write != NULL) {
        op->cb.write(op, error, give ? &single.outcome.result : NULL, op->data);
    }
}
