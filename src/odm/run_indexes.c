/* SPDX-License-Identifier: Apache-2.0 */
/* Creating the indexes of models: one createIndexes for each collection, all in parallel. */
#include "odm/run_job.h"

#include "base/bson_view.h"
#include "base/buf.h"
#include "base/endian.h"
#include "base/error.h"
#include "odm/index_plan.h"
#include "odm/run_written.h"

/* A server takes at most 64 indexes a collection; a command has to stay below 16 MiB. */
#define MAX_SPECS_BYTES ((size_t)8 * 1024 * 1024)

typedef struct index_job {
    muv__job_t job;
    muv_done_cb cb;
    muv_error_t failure; /* Found in a reply with ok:1; code 0: none. */
    uint32_t commands;   /* In progress. */

    /* Inside the start call only. */
    muv__buf_t specs;
    const char *collection;
} index_job_t;

static index_job_t *index_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, index_job_t, job);
}

static void deliver(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const index_job_t *index = index_of(job);

    if (index->cb != NULL) {
        index->cb(op, error, job->data);
    }
}

static void dispose(muv__job_t *job)
{
    muv__buf_done(&index_of(job)->specs);
}

static int render(muv_writer_t *writer, void *data)
{
    const index_job_t *index = data;
    uint32_t count = 0;

    muv_writer_utf8(writer, "createIndexes", index->collection, strlen(index->collection));
    muv_writer_begin_array(writer, "indexes");
    for (size_t at = 0; at < index->specs.size;) {
        const uint8_t *spec = index->specs.data + at;
        uint32_t size = muv__load_u32(spec);

        muv_writer_value(writer, muv_writer_index(writer, count++), MUV__BSON_DOCUMENT, spec, size);
        at += size;
    }
    muv_writer_end(writer);
    return 0;
}

/* The first error becomes the job's; the commands of other collections go on. */
static void on_created(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    index_job_t *index = data;
    muv_error_t failure;

    (void)op;
    if (error == NULL && muv__written_errors(reply, &failure) != 0 && index->failure.code == 0) {
        muv__error_assign(&index->failure, &failure);
    }
    index->commands--;
    if (index->commands == 0) {
        muv__job_finish(&index->job, index->failure.code == 0 ? NULL : &index->failure);
    }
}

static int is_own(const muv_schema_t *schema)
{
    return schema->model->role == MUV_ROLE_DOCUMENT && schema->model->collection != NULL;
}

/* Was the collection seen with a model before this one? */
static int is_repeated(const muv_registry_t *registry, uint32_t number)
{
    for (uint32_t i = 0; i < number; i++) {
        const muv_schema_t *schema = registry->schemas[i];

        if (is_own(schema) &&
            strcmp(schema->model->collection, registry->schemas[number]->model->collection) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The specifications of all models of one collection. */
static int collect(index_job_t *index, muv_error_t *reterr)
{
    const muv_registry_t *registry = index->job.mapper->registry;
    int code = 0;

    muv__buf_reset(&index->specs, MAX_SPECS_BYTES);
    for (uint32_t i = 0; i < registry->count && code == 0; i++) {
        const muv_schema_t *schema = registry->schemas[i];

        if (is_own(schema) && strcmp(schema->model->collection, index->collection) == 0) {
            code = muv__index_specs(schema, &index->specs, reterr);
        }
    }
    return code;
}

static int create(index_job_t *index, const muv_schema_t *schema, const muv_store_opts_t *opts)
{
    muv_command_t command = {.kind = MUV_COMMAND_WRITE,
                             .with_concern = MUV_YES,
                             .write_concern = opts == NULL ? NULL : opts->write_concern};
    muv_error_t error;
    int code;

    index->collection = schema->model->collection;
    code = collect(index, &error);
    if (code != 0) {
        return muv__mapper_refuse(index->job.mapper, code == MUV_ENOMEM ? code : MUV_EINVAL,
                                  error.message);
    }
    if (index->specs.size == 0) {
        return 0;
    }
    code = muv__job_command(&index->job, &command, render, on_created, index, NULL);
    index->commands += code == 0;
    return code;
}

static int create_all(index_job_t *index, const muv_store_opts_t *opts)
{
    const muv_registry_t *registry = index->job.mapper->registry;
    int code = 0;

    for (uint32_t i = 0; i < registry->count && code == 0; i++) {
        if (is_own(registry->schemas[i]) && !is_repeated(registry, i)) {
            code = create(index, registry->schemas[i], opts);
        }
    }
    return code;
}

int muv_ensure_indexes(muv_mapper_t *mapper, const muv_model_t *model, const muv_store_opts_t *opts,
                       muv_done_cb cb, void *data, muv_op_t **ret_op)
{
    muv__job_opts_t job_opts = {
        .size = sizeof(index_job_t), .deliver = deliver, .dispose = dispose, .data = data};
    const muv_schema_t *schema = NULL;
    index_job_t *index;
    muv__job_t *job;
    int code;

    if (mapper == NULL) {
        return MUV_EINVAL;
    }
    if (model != NULL) {
        schema = muv_registry_find(mapper->registry, model);
        if (schema == NULL || !is_own(schema)) {
            return muv__mapper_refuse(mapper, MUV_EINVAL, "model: no document of the registry");
        }
    }
    job_opts.timeout_ms = opts == NULL ? 0 : opts->timeout_ms;
    job_opts.parent = opts == NULL ? NULL : opts->parent;
    job_opts.session = opts == NULL ? NULL : opts->session;
    code = muv__job_begin(mapper, &job_opts, &job);
    if (code != 0) {
        return code;
    }
    index = index_of(job);
    index->cb = cb;
    muv__buf_init(&index->specs, MAX_SPECS_BYTES);
    code = schema != NULL ? create(index, schema, opts) : create_all(index, opts);
    if (code == 0 && index->commands == 0) {
        muv__job_finish(job, NULL);
    }
    return muv__job_started(job, code, ret_op);
}
