/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a job. */
#include "odm/run_job.h"

#include "base/error.h"
#include "base/mem.h"
#include "odm/state.h"

/* Its address says that an operation's context is a job. */
static const char job_key;

/* --- the mapper --------------------------------------------------------------------------------*/

int muv_mapper_new(muv_client_t *client, const muv_registry_t *registry, const char *database,
                   muv_error_t *reterr, muv_mapper_t **ret)
{
    muv_mapper_t *mapper;
    size_t length;

    if (client == NULL || registry == NULL || ret == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "client, registry and ret must not be NULL");
    }
    if (database == NULL) {
        database = muv_client_default_database(client);
    }
    if (database == NULL || database[0] == '\0') {
        return muv__error_set(reterr, MUV_EINVAL,
                              "database: none is given, and the connection string names none");
    }
    length = strlen(database);
    mapper = muv__mem_alloc(sizeof(*mapper) + length + 1);
    if (mapper == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    mapper->client = client;
    mapper->registry = registry;
    mapper->references = 1;
    memcpy(mapper->database, database, length + 1);
    muv__registry_retain(registry);
    *ret = mapper;
    return 0;
}

void muv_mapper_free(muv_mapper_t *mapper)
{
    if (mapper == NULL || --mapper->references != 0) {
        return;
    }
    muv_registry_free(mapper->registry->self);
    muv__mem_free(mapper);
}

muv_client_t *muv_mapper_client(const muv_mapper_t *mapper)
{
    return mapper == NULL ? NULL : mapper->client;
}

const muv_schema_t *muv__mapper_schema(const muv_mapper_t *mapper, const void *document)
{
    const muv_doc_t *doc = document;

    if (document == NULL || !muv__is_ready(document) || doc->batch == NULL ||
        doc->embedded.schema->registry != mapper->registry) {
        return NULL;
    }
    return doc->embedded.schema;
}

/* --- begin and end -----------------------------------------------------------------------------*/

static void release(muv__job_t *job)
{
    job->references--;
    if (job->references != 0) {
        return;
    }
    if (job->dispose != NULL) {
        job->dispose(job);
    }
    muv_verrors_free(job->verrors);
    muv_mapper_free(job->mapper);
    muv__mem_free(job);
}

static void on_ended(muv_op_t *op, const muv_error_t *error, void *data)
{
    muv__job_t *job = data;
    muv_error_t doubtful;

    if (error != NULL && job->applied && !error->in_doubt) {
        /* The deadline, or a cancel, came between the server's answer and this callback. */
        muv__error_assign(&doubtful, error);
        doubtful.in_doubt = 1;
        error = &doubtful;
    }
    if (!job->refused) {
        job->deliver(job, op, error);
    }
    job->op = NULL;
    release(job);
}

int muv__job_begin(muv_mapper_t *mapper, const muv__job_opts_t *opts, muv__job_t **ret)
{
    muv_op_opts_t op_opts = {.timeout_ms = opts->timeout_ms,
                             .parent = opts->parent,
                             .session = opts->session,
                             .finish_when_stopped = MUV_YES};
    muv__job_t *job = muv__mem_zalloc(opts->size);
    int code;

    if (job == NULL) {
        return muv__mapper_refuse(mapper, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
    }
    code = muv_op_begin(mapper->client, &op_opts, on_ended, job, &job->op);
    if (code != 0) {
        muv__mem_free(job);
        return code;
    }
    muv_op_set_context(job->op, &job_key, job);
    mapper->references++;
    job->mapper = mapper;
    job->deliver = opts->deliver;
    job->dispose = opts->dispose;
    job->data = opts->data;
    job->references = 1;
    *ret = job;
    return 0;
}

int muv__job_refuse(muv__job_t *job, int code, const char *message)
{
    (void)muv__mapper_refuse(job->mapper, code, message);
    return muv__job_started(job, code, NULL);
}

int muv__job_started(muv__job_t *job, int code, muv_op_t **ret_op)
{
    if (code != 0) {
        job->refused = 1;
        muv__job_finish(job, NULL);
    } else if (ret_op != NULL) {
        *ret_op = job->op;
    }
    return code;
}

void muv__job_finish(muv__job_t *job, const muv_error_t *error)
{
    if (!job->finished && job->op != NULL) {
        job->finished = 1;
        muv_op_finish(job->op, error);
    }
}

void muv__job_abort(muv__job_t *job, const muv_error_t *error)
{
    if (!job->finished && job->op != NULL) {
        muv__job_finish(job, error);
        muv_op_cancel(job->op);
    }
}

void muv__job_fail(muv__job_t *job, int code)
{
    muv_error_t error;

    (void)muv__error_code(&error, code);
    muv__job_abort(job, &error);
}

int muv__job_is_over(const muv__job_t *job)
{
    return job->finished || job->op == NULL || muv_op_error(job->op) != NULL;
}

muv__job_t *muv__job_of(const muv_op_t *op)
{
    return muv_op_context(op, &job_key);
}

muv_verrors_t *muv_op_validation(const muv_op_t *op)
{
    const muv__job_t *job = muv__job_of(op);

    return job == NULL ? NULL : job->verrors;
}

/* --- commands ----------------------------------------------------------------------------------*/

int muv__job_command(muv__job_t *job, muv_command_t *command, muv_render_cb render, muv_reply_cb cb,
                     void *data, muv_op_t **ret_op)
{
    command->parent = job->op;
    command->database = job->mapper->database;
    return muv_command_start(job->mapper->client, command, render, data, cb, data, ret_op);
}

int muv__job_go_on(muv__job_t *job, muv_command_t *command, muv_render_cb render, muv_reply_cb cb,
                   void *data, muv_op_t **ret_op)
{
    if (muv__job_is_over(job)) {
        muv__job_finish(job, NULL);
        return 0;
    }
    if (muv__job_command(job, command, render, cb, data, ret_op) != 0) {
        muv__job_abort(job, muv_client_refusal(job->mapper->client));
        return 0;
    }
    return 1;
}

/* --- portions ----------------------------------------------------------------------------------*/

static void on_turn(void *data)
{
    muv__job_t *job = data;

    job->yielding = 0;
    if (job->op != NULL && muv__job_is_over(job)) {
        muv__job_finish(job, NULL);
    } else if (job->op != NULL) {
        job->next_turn(job->worker);
    }
    release(job);
}

void muv__job_yield(muv__job_t *job, void (*next_turn)(void *worker), void *worker)
{
    job->next_turn = next_turn;
    job->worker = worker;
    if (job->yielding) {
        return;
    }
    if (muv_client_at_turn_end(job->mapper->client, on_turn, job) != 0) {
        muv__job_abort(job, muv_client_refusal(job->mapper->client));
        return;
    }
    job->yielding = 1;
    job->references++;
}
