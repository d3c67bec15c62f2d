/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting and reloading one document, by its primary key. */
#include "odm/run_job.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "odm/key.h"
#include "odm/reload.h"
#include "odm/run_fetch.h"
#include "odm/run_written.h"
#include "odm/state.h"

typedef struct document_job {
    muv__job_t job;
    muv_save_cb cb;
    muv_doc_t *doc; /* Counted. */
    muv_value_t key;
    muv__run_fetch_t fetch; /* Of a reload. */
} document_job_t;

static document_job_t *document_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, document_job_t, job);
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const document_job_t *one = document_of(job);

    if (one->cb != NULL) {
        one->cb(op, error, one->doc, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    muv_doc_release(document_of(job)->doc);
}

static const char *collection_of(const document_job_t *one)
{
    return one->doc->embedded.schema->model->collection;
}

/* Fails when the call is to be refused. */
static int begin(muv_mapper_t *mapper, void *document, const muv_store_opts_t *opts, muv_save_cb cb,
                 void *data, document_job_t **ret)
{
    muv__job_opts_t job_opts = {
        .size = sizeof(document_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__job_t *job;
    muv_value_t key;
    int code;

    if (mapper == NULL) {
        return MUV_EINVAL;
    }
    if (muv__mapper_schema(mapper, document) == NULL) {
        return muv__mapper_refuse(mapper, MUV_EINVAL, "document: not one of the mapper's registry");
    }
    if (!muv__doc_key(document, &key)) {
        return muv__mapper_refuse(mapper, MUV_EINVAL, "document: it has no primary key yet");
    }
    if (opts != NULL) {
        job_opts.timeout_ms = opts->timeout_ms;
        job_opts.parent = opts->parent;
        job_opts.session = opts->session;
    }
    code = muv__job_begin(mapper, &job_opts, &job);
    if (code == 0) {
        *ret = document_of(job);
        (*ret)->cb = cb;
        (*ret)->key = key;
        (*ret)->doc = muv_doc_retain(document);
    }
    return code;
}

/* --- delete ------------------------------------------------------------------------------------*/

static int render_delete(muv_writer_t *writer, void *data)
{
    const document_job_t *one = data;
    const char *collection = collection_of(one);

    muv_writer_utf8(writer, "delete", collection, strlen(collection));
    muv_writer_begin_array(writer, "deletes");
    muv_writer_begin_document(writer, "0");
    muv_writer_begin_document(writer, "q");
    muv__key_write(writer, "_id", &one->key);
    muv_writer_end(writer);
    muv_writer_int32(writer, "limit", 1);
    muv_writer_end(writer);
    muv_writer_end(writer);
    return 0;
}

static void on_deleted(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    document_job_t *one = data;
    muv__written_t written;
    muv_error_t failure;
    int code = 0;

    (void)op;
    if (error == NULL) {
        code = muv__written_read(reply, &written, &failure);
        one->job.applied = code == 0;
    }
    muv__job_finish(&one->job, code == 0 ? NULL : &failure);
}

int muv_delete(muv_mapper_t *mapper, void *document, const muv_store_opts_t *opts, muv_save_cb cb,
               void *data, muv_op_t **ret_op)
{
    muv_command_t command = {.kind = MUV_COMMAND_WRITE,
                             .retryable = MUV_YES,
                             .with_concern = MUV_YES,
                             .write_concern = opts == NULL ? NULL : opts->write_concern};
    document_job_t *one;
    int code = begin(mapper, document, opts, cb, data, &one);

    if (code != 0) {
        return code;
    }
    code = muv__job_command(&one->job, &command, render_delete, on_deleted, one, NULL);
    return muv__job_started(&one->job, code, ret_op);
}

/* --- reload ------------------------------------------------------------------------------------*/

static int render_find(muv_writer_t *writer, void *data)
{
    const muv__run_fetch_t *fetch = data;
    const document_job_t *one = fetch->owner;

    muv_writer_utf8(writer, "find", fetch->collection, strlen(fetch->collection));
    muv_writer_begin_document(writer, "filter");
    muv__key_write(writer, "_id", &one->key);
    muv_writer_end(writer);
    muv_writer_int32(writer, "limit", 1);
    muv_writer_bool(writer, "singleBatch", 1);
    return 0;
}

static void on_found(muv__run_fetch_t *fetch, const muv_reply_t *reply,
                     const muv__page_head_t *head)
{
    document_job_t *one = fetch->owner;
    muv__bson_iter_t iter;
    muv_error_t failure;
    int code;

    (void)reply;
    if (!muv__bson_iter_init(&iter, head->documents.data, head->documents.size) ||
        !muv__bson_iter_next(&iter) || iter.type != MUV__BSON_DOCUMENT) {
        code = muv__error_set(&failure, MUV_ENOTFOUND, "%s: no document has this primary key",
                              one->doc->embedded.schema->model->name);
    } else {
        code = muv__reload(one->doc, muv__span(iter.value, iter.value_size), &failure);
    }
    muv__job_finish(&one->job, code == 0 ? NULL : &failure);
}

int muv_reload(muv_mapper_t *mapper, void *document, const muv_store_opts_t *opts, muv_save_cb cb,
               void *data, muv_op_t **ret_op)
{
    document_job_t *one;
    int code = begin(mapper, document, opts, cb, data, &one);

    if (code != 0) {
        return code;
    }
    one->fetch.job = &one->job;
    one->fetch.collection = collection_of(one);
    one->fetch.render = render_find;
    one->fetch.on_page = on_found;
    one->fetch.owner = one;
    return muv__job_started(&one->job, muv__run_fetch_start(&one->fetch), ret_op);
}
