/* SPDX-License-Identifier: Apache-2.0 */
/* A job: one call of the mapper from its start to its callback. It is a composite operation, which
 * the caller knows as muv_op_t, with commands below it: few or many, or none when validation failed
 * or nothing has to be sent. Errors of commands go up by themselves; what the mapper finds out
 * (stale, not found, decode errors) is given to muv__job_finish().
 *
 *   muv__job_begin -> commands, turns ... -> muv__job_finish -> deliver -> dispose
 *
 * A job that was ended from outside gets no further commands; its composite ends by itself. */
#ifndef MUV__ODM_RUN_JOB_H
#define MUV__ODM_RUN_JOB_H

#include "muv/command.h"
#include "muv/odm/mapper.h"

#include "odm/schema.h"

struct muv_mapper {
    muv_client_t *client;
    const muv_registry_t *registry; /* Counted. */
    uint32_t references;            /* Its owner's, and one for each job. */
    char database[];
};

typedef struct muv__job muv__job_t;

/* First member of the struct of each kind of job. */
struct muv__job {
    muv_mapper_t *mapper; /* Counted. */
    muv_op_t *op;         /* The composite; NULL when its callback has returned. */
    muv_verrors_t *verrors;
    void (*deliver)(muv__job_t *job, muv_op_t *op, const muv_error_t *error);
    void (*dispose)(muv__job_t *job); /* Ends what the kind holds; may be NULL. */
    void (*next_turn)(void *worker);  /* What muv__job_yield() asked for. */
    void *worker;
    void *data; /* The caller's. */
    uint32_t references;
    uint8_t refused;  /* The start call failed: nobody is called back. */
    uint8_t finished; /* muv__job_finish() was called. */
    uint8_t applied;  /* A write is known to have been applied. */
    uint8_t yielding; /* The next turn was asked for. */
};

typedef struct muv__job_opts {
    size_t size; /* Of the kind's struct. */
    int64_t timeout_ms;
    muv_op_t *parent;
    muv_session_t *session; /* Of all commands. */
    void (*deliver)(muv__job_t *job, muv_op_t *op, const muv_error_t *error);
    void (*dispose)(muv__job_t *job);
    void *data;
} muv__job_opts_t;

/* A new job, zeroed behind its head. Returns 0 or what the start call is to return, with the
 * refusal noted. */
int muv__job_begin(muv_mapper_t *mapper, const muv__job_opts_t *opts, muv__job_t **ret);

/* The start call fails after all: the job ends without calling anybody. Returns `code`. */
int muv__job_refuse(muv__job_t *job, int code, const char *message);

/* End of a start call: refuse the job when `code` is not 0 (the refusal is noted), else give out
 * its operation. Returns `code`. */
int muv__job_started(muv__job_t *job, int code, muv_op_t **ret_op);

/* Start a command below the job, in the mapper's database. `data` goes to `render` and to `cb`.
 * Returns 0 or a code, with the refusal noted. */
int muv__job_command(muv__job_t *job, muv_command_t *command, muv_render_cb render, muv_reply_cb cb,
                     void *data, muv_op_t **ret_op);

/* The same from a callback: a command that cannot be started ends the job. Returns 1 when it was
 * started. */
int muv__job_go_on(muv__job_t *job, muv_command_t *command, muv_render_cb render, muv_reply_cb cb,
                   void *data, muv_op_t **ret_op);

/* No more commands: the job ends when those in progress have ended. `error` NULL: with success
 * unless a command failed. Later calls do nothing. */
void muv__job_finish(muv__job_t *job, const muv_error_t *error);

/* It failed, and what is in progress need not be waited for: for reads. */
void muv__job_abort(muv__job_t *job, const muv_error_t *error);

/* The same with the text of `code`. */
void muv__job_fail(muv__job_t *job, int code);

/* Has it been ended from outside or by an error, or was it finished? Then nothing more is to be
 * done for it. */
int muv__job_is_over(const muv__job_t *job);

/* How much is decoded, or walked through, before the loop gets its turn: so many documents, or
 * about so many bytes of them. */
typedef struct muv__portion {
    uint32_t documents; /* Left. */
    size_t bytes;
} muv__portion_t;

#define MUV__PORTION_DOCUMENTS 256
#define MUV__PORTION_BYTES ((size_t)256 * 1024)
#define MUV__PORTION                                                                               \
    {                                                                                              \
        MUV__PORTION_DOCUMENTS, MUV__PORTION_BYTES                                                 \
    }

static inline int muv__portion_is_used(const muv__portion_t *portion)
{
    return portion->documents == 0 || portion->bytes == 0;
}

static inline void muv__portion_use(muv__portion_t *portion, size_t bytes)
{
    portion->documents -= portion->documents != 0;
    portion->bytes -= bytes < portion->bytes ? bytes : portion->bytes;
}

/* Call `next_turn(worker)` at the end of this turn of the loop, or in the next one: work in
 * portions, and never inside the caller's own calls. Once, however often it is asked for before
 * that. Not when the job has ended or failed by then. */
void muv__job_yield(muv__job_t *job, void (*next_turn)(void *worker), void *worker);

/* The job behind an operation, or NULL when it is no job. */
muv__job_t *muv__job_of(const muv_op_t *op);

/* The compiled form of `document`'s model when it is a document of the mapper's registry, or NULL.
 */
const muv_schema_t *muv__mapper_schema(const muv_mapper_t *mapper, const void *document);

/* Note a refusal. Returns `code`. */
static inline int muv__mapper_refuse(const muv_mapper_t *mapper, int code, const char *message)
{
    (void)muv_client_refuse(mapper->client, code, message);
    return code;
}

#endif
