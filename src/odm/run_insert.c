/* SPDX-License-Identifier: Apache-2.0 */
/* Inserting many documents: all are validated and encoded in the start call, then the client's
 * insert_many takes them one by one, in as few messages as the server's limits allow. */
#include "odm/run_job.h"

#include "muv/write.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"
#include "odm/run_check.h"

typedef struct insert_job {
    muv__job_t job;
    muv_insert_cb cb;
    muv__save_t *saves; /* One for each document; each counts its document. */
    size_t count;
    size_t next; /* To be written. */
    size_t inserted;
} insert_job_t;

static insert_job_t *insert_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, insert_job_t, job);
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const insert_job_t *insert = insert_of(job);

    if (insert->cb != NULL) {
        insert->cb(op, error, insert->inserted, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    insert_job_t *insert = insert_of(job);

    for (size_t i = 0; i < insert->count; i++) {
        muv_doc_release(insert->saves[i].doc);
    }
    muv__mem_free(insert->saves);
}

/* --- the command -------------------------------------------------------------------------------*/

static int write_next(void *data, muv_writer_t *writer)
{
    insert_job_t *insert = data;
    muv__bson_iter_t iter;
    muv__span_t bytes;

    if (insert->next == insert->count) {
        return 0;
    }
    bytes = insert->saves[insert->next++].insert;
    (void)muv__bson_iter_init(&iter, bytes.data, bytes.size);
    while (muv__bson_iter_next(&iter)) {
        muv_writer_value(writer, iter.key, iter.type, iter.value, iter.value_size);
    }
    return 1;
}

/* Ordered: those that were stored are the first ones. */
static void on_inserted(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                        void *data)
{
    insert_job_t *insert = data;
    size_t stored = 0;

    (void)op;
    if (result != NULL && result->acknowledged == MUV_YES) {
        insert->inserted = (size_t)result->inserted_count;
        stored = insert->inserted < insert->count ? insert->inserted : insert->count;
    } else if (error == NULL) {
        stored = insert->count;
    }
    for (size_t i = 0; i < stored; i++) {
        muv__save_done(&insert->saves[i]);
    }
    insert->job.applied = error == NULL;
    muv__job_finish(&insert->job, NULL);
}

static int send(insert_job_t *insert, const muv_save_opts_t *opts)
{
    muv_insert_many_opts_t many = {.next = write_next,
                                   .next_data = insert,
                                   .parent = insert->job.op,
                                   .write_concern = opts->write_concern};
    const muv_mapper_t *mapper = insert->job.mapper;
    const muv_model_t *model = insert->saves[0].doc->embedded.schema->model;
    muv_collection_t *collection;
    int code =
        muv_collection_new(mapper->client, mapper->database, model->collection, NULL, &collection);

    if (code == 0) {
        code = muv_collection_insert_many(collection, NULL, 0, &many, on_inserted, insert, NULL);
        muv_collection_free(collection);
    }
    return code;
}

/* --- start -------------------------------------------------------------------------------------*/

/* Returns 0, a code for the start call, or 1: the job has ended. */
static int prepare_one(insert_job_t *insert, muv_doc_t *doc, const muv_save_opts_t *opts)
{
    muv__save_t *save = &insert->saves[insert->count];
    muv_error_t error;
    muv_error_t numbered;
    int code = 0;

    if (opts->skip_validation != MUV_YES) {
        code = muv__save_check(doc, &insert->job.verrors, &error);
    }
    if (code == 0) {
        code = muv__save_encode(insert->job.mapper->client, doc, opts->force_insert == MUV_YES,
                                save, &insert->job.verrors, &error);
    }
    if (code == 0) {
        save->doc = muv_doc_retain(doc);
        insert->count++;
        return 0;
    }
    (void)muv__error_set(&numbered, code, "document %zu: %.200s", insert->count, error.message);
    if (code == MUV_ENOMEM || code == MUV_EINVAL || code == MUV_EFORK) {
        return muv__mapper_refuse(insert->job.mapper, code, numbered.message);
    }
    muv__job_finish(&insert->job, &numbered);
    return 1;
}

static int start(insert_job_t *insert, void *const *documents, size_t count,
                 const muv_save_opts_t *opts)
{
    int code = 0;

    if (count == 0) {
        muv__job_finish(&insert->job, NULL);
        return 0;
    }
    insert->saves = muv__mem_array(count, sizeof(*insert->saves));
    if (insert->saves == NULL) {
        return muv__mapper_refuse(insert->job.mapper, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
    }
    for (size_t i = 0; i < count && code == 0; i++) {
        code = prepare_one(insert, documents[i], opts);
    }
    if (code == 0) {
        code = send(insert, opts);
    }
    return code == 1 ? 0 : code;
}

/* New documents of one model. Returns 0 or MUV_EINVAL, with the refusal noted. */
static int check_documents(muv_mapper_t *mapper, void *const *documents, size_t count,
                           int force_insert)
{
    const muv_schema_t *model = NULL;

    if (documents == NULL && count != 0) {
        return muv__mapper_refuse(mapper, MUV_EINVAL, "documents: it is NULL");
    }
    for (size_t i = 0; i < count; i++) {
        const muv_schema_t *schema = muv__mapper_schema(mapper, documents[i]);

        if (schema == NULL) {
            return muv__mapper_refuse(mapper, MUV_EINVAL,
                                      "documents: one is not of the mapper's registry");
        }
        if (i != 0 && schema != model) {
            return muv__mapper_refuse(mapper, MUV_EINVAL, "documents: they are of several models");
        }
        if (((const muv_doc_t *)documents[i])->embedded.raw != NULL && !force_insert) {
            return muv__mapper_refuse(mapper, MUV_EINVAL, "documents: one is stored already");
        }
        model = schema;
    }
    return 0;
}

int muv_insert(muv_mapper_t *mapper, void *const *documents, size_t count,
               const muv_save_opts_t *opts, muv_insert_cb cb, void *data, muv_op_t **ret_op)
{
    static const muv_save_opts_t defaults = {0};
    muv__job_opts_t job_opts = {
        .size = sizeof(insert_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__job_t *job;
    int code;

    if (mapper == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    code = check_documents(mapper, documents, count, opts->force_insert == MUV_YES);
    if (code == 0) {
        job_opts.timeout_ms = opts->timeout_ms;
        job_opts.parent = opts->parent;
        job_opts.session = opts->session;
        code = muv__job_begin(mapper, &job_opts, &job);
    }
    if (code != 0) {
        return code;
    }
    insert_of(job)->cb = cb;
    return muv__job_started(job, start(insert_of(job), documents, count, opts), ret_op);
}
