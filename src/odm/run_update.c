/* SPDX-License-Identifier: Apache-2.0 */
/* Updating and deleting all matches of a query: one command. */
#include "odm/run_job.h"

#include "base/error.h"
#include "odm/query_render.h"
#include "odm/run_begin.h"
#include "odm/run_written.h"
#include "odm/update.h"
#include "odm/verrors.h"

typedef struct write_job {
    muv__job_t job;
    union {
        muv_update_cb update;
        muv_count_cb count;
    } cb;
    muv__written_t written;

    /* Inside the start call only. */
    const muv_query_t *query;
    muv__update_render_t update;
} write_job_t;

static write_job_t *write_of(muv__job_t *job)
{
    return MUV__CONTAINER_OF(job, write_job_t, job);
}

static void deliver_update(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const write_job_t *write = write_of(job);
    muv_update_result_t result = {.matched = write->written.matched,
                                  .modified = write->written.modified};

    if (write->cb.update != NULL) {
        write->cb.update(op, error, error == NULL || result.matched != 0 ? &result : NULL,
                         job->data);
    }
}

static void deliver_delete(muv__job_t *job, muv_op_t *op, const muv_error_t *error)
{
    const write_job_t *write = write_of(job);

    if (write->cb.count != NULL) {
        write->cb.count(op, error, write->written.matched, job->data);
    }
}

static void on_reply(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    write_job_t *write = data;
    muv_error_t failure;
    int code = 0;

    (void)op;
    if (error == NULL) {
        code = muv__written_read(reply, &write->written, &failure);
        write->job.applied = code == 0 && write->written.matched != 0;
    }
    muv__job_finish(&write->job, code == 0 ? NULL : &failure);
}

/* --- start -------------------------------------------------------------------------------------*/

typedef void (*deliver_t)(muv__job_t *job, muv_op_t *op, const muv_error_t *error);

static int begin(muv_mapper_t *mapper, muv_query_t *query, const char *what,
                 const muv_store_opts_t *opts, muv__job_opts_t *job_opts, write_job_t **ret)
{
    muv_error_t error;
    muv__job_t *job;
    int code = muv__load_query(mapper, query);

    if (code == 0) {
        code = muv__query_check_whole(query, what, &error);
        if (code != 0) {
            return muv__mapper_refuse(mapper, code, error.message);
        }
        job_opts->size = sizeof(write_job_t);
        job_opts->timeout_ms = opts == NULL ? 0 : opts->timeout_ms;
        job_opts->parent = opts == NULL ? NULL : opts->parent;
        job_opts->session = opts == NULL ? NULL : opts->session;
        code = muv__job_begin(mapper, job_opts, &job);
    }
    if (code == 0) {
        *ret = write_of(job);
        (*ret)->query = query;
    }
    return code;
}

static int send(write_job_t *write, const muv_store_opts_t *opts, muv_render_cb render)
{
    muv_command_t command = {.kind = MUV_COMMAND_WRITE,
                             .several = MUV_YES,
                             .max_time_ms = write->query->max_time_ms,
                             .with_concern = MUV_YES,
                             .write_concern = opts == NULL ? NULL : opts->write_concern};
    int code = 0;

    if (write->query->none) {
        muv__job_finish(&write->job, NULL);
    } else {
        code = muv__job_command(&write->job, &command, render, on_reply, write, NULL);
    }
    write->query = NULL;
    return code;
}

/* --- update ------------------------------------------------------------------------------------*/

static int render_update(muv_writer_t *writer, void *data)
{
    const write_job_t *write = data;

    muv__query_render_update(write->query, &write->update, writer);
    return 0;
}

/* An update that was built wrong is refused; one that breaks rules of the model is an error for the
 * callback. Returns 0, a code for the start call, or 1: the job has ended. */
static int take_update(write_job_t *write, muv_update_t *update)
{
    muv_error_t error;
    int code;

    if (update == NULL) {
        return muv__mapper_refuse(write->job.mapper, MUV_ENOMEM,
                                  "update: memory ran out when it was made");
    }
    if (update->schema != write->query->schema) {
        return muv__mapper_refuse(write->job.mapper, MUV_EINVAL,
                                  "update: of another model than the query");
    }
    code = muv__update_prepare(update, &error);
    if (code == MUV_EVALIDATION) {
        write->job.verrors = muv__verrors_copy(update->verrors);
        muv__job_finish(&write->job, &error);
        return 1;
    }
    if (code != 0) {
        return muv__mapper_refuse(write->job.mapper, code == MUV_ENOMEM ? code : MUV_EINVAL,
                                  error.message);
    }
    write->update.update = muv__span(update->bson.data, update->bson.size);
    write->update.filters = update->filters;
    write->update.filter_count = update->filter_count;
    return 0;
}

int muv_query_update(muv_mapper_t *mapper, muv_query_t *query, muv_update_t *update,
                     const muv_store_opts_t *opts, muv_update_cb cb, void *data, muv_op_t **ret_op)
{
    muv__job_opts_t job_opts = {.deliver = deliver_update, .data = data};
    write_job_t *write;
    int code = begin(mapper, query, "update", opts, &job_opts, &write);

    if (code != 0) {
        return code;
    }
    write->cb.update = cb;
    code = take_update(write, update);
    if (code == 0) {
        code = send(write, opts, render_update);
    }
    return muv__job_started(&write->job, code == 1 ? 0 : code, ret_op);
}

/* --- delete ------------------------------------------------------------------------------------*/

static int render_delete(muv_writer_t *writer, void *data)
{
    const write_job_t *write = data;

    muv__query_render_delete(write->query, 0, writer);
    return 0;
}

int muv_query_delete(muv_mapper_t *mapper, muv_query_t *query, const muv_store_opts_t *opts,
                     muv_count_cb cb, void *data, muv_op_t **ret_op)
{
    muv__job_opts_t job_opts = {.deliver = deliver_delete, .data = data};
    write_job_t *write;
    int code = begin(mapper, query, "delete", opts, &job_opts, &write);

    if (code != 0) {
        return code;
    }
    write->cb.count = cb;
    return muv__job_started(&write->job, send(write, opts, render_delete), ret_op);
}
