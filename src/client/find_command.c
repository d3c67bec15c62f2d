/* SPDX-License-Identifier: Apache-2.0 */
/* The find command: its options checked and written. */
#include "client/read.h"

static muv__read_fields_t fields_of(const muv_find_opts_t *opts)
{
    muv__read_fields_t fields = {
        .hint = opts->hint,
        .hint_document = opts->hint_document,
        .comment = opts->comment,
        .collation = opts->collation,
        .let = opts->let,
        .max_time_ms = opts->max_time_ms,
    };

    return fields;
}

static int check_waiting(muv_client_t *client, const muv_find_opts_t *opts)
{
    if (opts->await_data == MUV_YES && opts->tailable != MUV_YES) {
        return muv__client_refuse(client, MUV_EINVAL, "await_data: it needs tailable");
    }
    if (opts->max_await_time_ms != 0 && opts->await_data != MUV_YES) {
        return muv__client_refuse(client, MUV_EINVAL, "max_await_time_ms: it needs await_data");
    }
    return muv__check_not_negative(client, "max_await_time_ms", opts->max_await_time_ms);
}

int muv__find_check(muv_client_t *client, const muv_find_opts_t *opts)
{
    muv__read_fields_t fields = fields_of(opts);
    int status = muv__read_fields_check(client, &fields);

    if (status == 0) {
        status = muv__check_not_negative(client, "skip", opts->skip);
    }
    if (status == 0 && opts->limit == INT64_MIN) {
        status = muv__client_refuse(client, MUV_EINVAL, "limit: out of range");
    }
    if (status == 0) {
        status = muv__check_batch_size(client, opts->batch_size);
    }
    return status != 0 ? status : check_waiting(client, opts);
}

/* A negative limit asks for a single batch. With limit and batch size equal the server would keep a
 * cursor open that has nothing more to give (find/getMore/killCursors spec). MUV_ZERO is no limit.
 */
static void write_sizes(muv__buf_t *buf, const muv_find_opts_t *opts)
{
    int64_t limit = opts->limit == MUV_ZERO ? 0 : opts->limit;
    int64_t batch_size = opts->batch_size;

    if (opts->skip > 0) {
        muv__bson_int64(buf, MUV__KEY("skip"), opts->skip);
    }
    if (limit != 0) {
        muv__bson_int64(buf, MUV__KEY("limit"), limit < 0 ? -limit : limit);
    }
    if (batch_size == MUV_ZERO) {
        muv__bson_int32(buf, MUV__KEY("batchSize"), 0);
    } else if (batch_size != 0) {
        batch_size += batch_size == limit && batch_size < INT32_MAX;
        muv__bson_int32(buf, MUV__KEY("batchSize"), (int32_t)batch_size);
    }
    muv__write_flag(buf, MUV__KEY("singleBatch"), limit < 0 ? (int8_t)MUV_YES : opts->single_batch);
}

static void write_rare(muv__buf_t *buf, const muv_find_opts_t *opts)
{
    muv__write_document(buf, MUV__KEY("max"), opts->max);
    muv__write_document(buf, MUV__KEY("min"), opts->min);
    muv__write_flag(buf, MUV__KEY("returnKey"), opts->return_key);
    muv__write_flag(buf, MUV__KEY("showRecordId"), opts->show_record_id);
    muv__write_flag(buf, MUV__KEY("tailable"), opts->tailable);
    muv__write_flag(buf, MUV__KEY("noCursorTimeout"), opts->no_cursor_timeout);
    muv__write_flag(buf, MUV__KEY("awaitData"), opts->await_data);
    muv__write_flag(buf, MUV__KEY("allowPartialResults"), opts->allow_partial_results);
    muv__write_flag(buf, MUV__KEY("allowDiskUse"), opts->allow_disk_use);
}

void muv__find_write(muv__buf_t *buf, const muv_collection_t *collection, const bson_t *filter,
                     const muv_find_opts_t *opts)
{
    muv__read_fields_t fields = fields_of(opts);

    muv__bson_utf8(buf, MUV__KEY("find"), collection->name, collection->name_length);
    muv__bson_document(buf, MUV__KEY("filter"), muv__bson_span(filter));
    muv__write_document(buf, MUV__KEY("projection"), opts->projection);
    muv__write_document(buf, MUV__KEY("sort"), opts->sort);
    write_sizes(buf, opts);
    muv__read_fields_write(buf, &fields);
    write_rare(buf, opts);
}
