/* SPDX-License-Identifier: Apache-2.0 */
/* Saving one document: validate, decide what to send (save.h), send it, make the document what was
 * stored. Work that can fail for its data is done inside the start call, and reported from the
 * loop. */
#include "odm/run_job.h"

#include "base/bson_view.h"
#include "base/error.h"
#include "odm/key.h"
#include "odm/run_check.h"
#include "odm/run_written.h"
#include "odm/save.h"
#include "odm/state.h"

typedef struct save_job {
    muv__job_t job;
    muv_save_cb cb;
    muv_doc_t *doc; /* Counted. */
    muv_value_t key;
    muv__save_t save;
} save_job_t;

static save_job_t *save_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, save_job_t, job);
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const save_job_t *save = save_of(job);

    if (save->cb != NULL) {
        save->cb(op, error, save->doc, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    muv_doc_release(save_of(job)->doc);
}

/* --- the commands ------------------------------------------------------------------------------*/

static int render_insert(muv_writer_t *writer, void *data)
{
    const save_job_t *save = data;
    const char *collection = save->doc->embedded.schema->model->collection;

    muv_writer_utf8(writer, "insert", collection, strlen(collection));
    muv_writer_begin_array(writer, "documents");
    muv_writer_value(writer, "0", MUV__BSON_DOCUMENT, save->save.insert.data,
                     save->save.insert.size);
    muv_writer_end(writer);
    return 0;
}

static int render_update(muv_writer_t *writer, void *data)
{
    const save_job_t *save = data;
    const char *collection = save->doc->embedded.schema->model->collection;

    muv_writer_utf8(writer, "update", collection, strlen(collection));
    muv_writer_begin_array(writer, "updates");
    muv_writer_begin_document(writer, "0");
    muv_writer_begin_document(writer, "q");
    muv__key_write(writer, "_id", &save->key);
    muv_writer_end(writer);
    muv_writer_value(writer, "u", MUV__BSON_DOCUMENT, save->save.update.data,
                     save->save.update.size);
    muv_writer_end(writer);
    muv_writer_end(writer);
    return 0;
}

/* The server did nothing, and says so. */
static int fail_unmatched(const save_job_t *save, muv_error_t *reterr)
{
    const char *name = save->doc->embedded.schema->model->name;

    if (save->save.insert.size != 0) {
        return muv__error_set(reterr, MUV_EPROTOCOL, "%s: not inserted, without an error", name);
    }
    return muv__error_set(reterr, MUV_ESTALE, "%s: no document has this primary key any more",
                          name);
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    save_job_t *save = data;
    muv__written_t written;
    muv_error_t failure;
    int code;

    (void)op;
    if (error != NULL) {
        muv__job_finish(&save->job, NULL);
        return;
    }
    code = muv__written_read(reply, &written, &failure);
    if (code == 0 && written.acknowledged && written.matched == 0) {
        code = fail_unmatched(save, &failure);
    }
    if (code == 0) {
        muv__save_done(&save->save);
        save->job.applied = 1;
    }
    muv__job_finish(&save->job, code == 0 ? NULL : &failure);
}

/* --- start -------------------------------------------------------------------------------------*/

/* Returns 0, a code for the start call, or 1: the outcome is known and comes by callback. */
static int prepare(save_job_t *save, const muv_save_opts_t *opts)
{
    muv_error_t error;
    int code = 0;

    if (opts->skip_validation != MUV_YES) {
        code = muv__save_check(save->doc, &save->job.verrors, &error);
    }
    if (code == 0) {
        code = muv__save_encode(save->job.mapper->client, save->doc, opts->force_insert == MUV_YES,
                                &save->save, &save->job.verrors, &error);
    }
    if (code == MUV_ENOMEM || code == MUV_EINVAL || code == MUV_EFORK) {
        return muv_client_refuse(save->job.mapper->client, code, error.message);
    }
    if (code != 0) {
        muv__job_finish(&save->job, &error);
        return 1;
    }
    if (save->save.insert.size == 0 && save->save.update.size == 0) {
        muv__job_finish(&save->job, NULL);
        return 1;
    }
    (void)muv__doc_key(save->doc, &save->key);
    return 0;
}

static int start(save_job_t *save, const muv_save_opts_t *opts)
{
    muv_command_t command = {.kind = MUV_COMMAND_WRITE,
                             .retryable = MUV_YES,
                             .with_concern = MUV_YES,
                             .write_concern = opts->write_concern};
    int code = prepare(save, opts);

    if (code != 0) {
        return code == 1 ? 0 : code;
    }
    return muv__job_command(&save->job, &command,
                            save->save.insert.size != 0 ? render_insert : render_update, on_reply,
                            save, NULL);
}

int muv_save(muv_mapper_t *mapper, void *document, const muv_save_opts_t *opts, muv_save_cb cb,
             void *data, muv_op_t **ret_op)
{
    static const muv_save_opts_t defaults = {0};
    muv__job_opts_t job_opts = {
        .size = sizeof(save_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    muv__job_t *job;
    save_job_t *save;
    int code;

    if (mapper == NULL) {
        return MUV_EINVAL;
    }
    if (muv__mapper_schema(mapper, document) == NULL) {
        return muv__mapper_refuse(mapper, MUV_EINVAL, "document: not one of the mapper's registry");
    }
    opts = opts == NULL ? &defaults : opts;
    job_opts.timeout_ms = opts->timeout_ms;
    job_opts.parent = opts->parent;
    job_opts.session = opts->session;
    code = muv__job_begin(mapper, &job_opts, &job);
    if (code != 0) {
        return code;
    }
    save = save_of(job);
    save->cb = cb;
    save->doc = muv_doc_retain(document);
    return muv__job_started(job, start(save, opts), ret_op);
}
