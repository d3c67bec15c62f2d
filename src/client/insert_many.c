/* SPDX-License-Identifier: Apache-2.0 */
/* Insert many documents: starting, the commands in turn, the end. */
#include "client/insert_many.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "client/session.h"

#define DEFAULT_BATCH_BYTES (256 * 1024)
#define MAX_BATCH_BYTES (32 * 1024 * 1024)

/* Of a run that is gathered: a batch and the document that passed its limit. */
#define MAX_RUN_BYTES (MUV_MAX_SEND_BYTES + 1024)

static void go_on(muv__insert_many_t *insert);

/* --- the end -----------------------------------------------------------------------------------*/

static void dispose(muv_op_t *op)
{
    muv__insert_many_t *insert = op->extra;

    muv__insert_free_lists(insert);
    muv__shared_buf_release(insert->run);
    muv__concerns_release(insert->concerns);
    muv__buf_done(&insert->head);
    muv__mem_free(insert->offsets);
    muv__mem_free(insert->generated);
    muv__mem_free(insert);
}

static void deliver(muv_op_t *op)
{
    muv__insert_many_t *insert = op->extra;
    const muv_error_t *error;
    int give;

    if (op->error.code == 0 && insert->error.code != 0) {
        muv__error_assign(&op->error, &insert->error);
    }
    if (insert->in_doubt) {
        op->error.in_doubt = 1;
    }
    error = op->error.code != 0 ? &op->error : NULL;
    give = error == NULL || insert->applied || insert->in_doubt ||
           insert->outcome.result.write_error_count != 0;
    if (op->cb.write != NULL) {
        op->cb.write(op, error, give ? &insert->outcome.result : NULL, op->data);
    }
}

/* --- commands ----------------------------------------------------------------------------------*/

/* A command has ended. Its error does not go up by itself: the composite's is that of all. */
static void deliver_command(muv_op_t *op)
{
    muv__insert_many_t *insert = op->parent->extra;

    muv_op_absorb_error(op);
    if (op->error.code == 0) {
        if (op->reply.body.size != 0) {
            muv__insert_take_reply(insert, op);
        } else {
            insert->applied = 1;
        }
    } else {
        muv__insert_note_error(insert, &op->error);
        insert->in_doubt |= (uint8_t)op->error.in_doubt;
        /* Documents that are too large end only an ordered insert, and the last one ends it too. */
        insert->stopped =
            op->error.code != MUV_ETOOLARGE || insert->ordered || insert->slice_count != 0;
    }
    insert->first += insert->slice_count;
    insert->at += insert->slice_size;
    insert->slice_count = 0;
    insert->slice_size = 0;
    go_on(insert);
}

/* Returns 0, or a code with the refusal noted. */
static int start_command(muv__insert_many_t *insert)
{
    muv_op_t *op;
    int status =
        muv__command_new(insert->op->client, insert->op, MUV_COMMAND_WRITE, deliver_command, &op);

    if (status != 0) {
        return status;
    }
    muv__concerns_release(op->concerns);
    op->concerns = muv__concerns_retain(insert->concerns);
    op->tail = MUV__TAIL_WRITE_CONCERN;
    op->unacknowledged = (uint8_t)insert->unacknowledged;
    op->retry = MUV__RETRY_WRITE;
    op->several = 1;
    op->prepare = muv__insert_prepare;
    op->outgoing->documents = muv__shared_buf_retain(insert->run);
    muv__buf_append(muv__op_buf(op), insert->head.data, insert->head.size);
    return muv__command_launch(op, insert->database, strlen(insert->database), 0, NULL);
}

static void stop(muv__insert_many_t *insert)
{
    muv_op_finish(insert->op, NULL);
}

/* The run was sent, or is not full yet. */
static int wants_documents(const muv__insert_many_t *insert)
{
    return !insert->exhausted && (insert->first == insert->gathered ||
                                  (insert->at == 0 && insert->run->buf.size < insert->batch_bytes));
}

/* Gather, send or end. Never called while a command of the insert has not ended. */
static void go_on(muv__insert_many_t *insert)
{
    muv_op_t *op = insert->op;
    int ready;

    if (insert->stopped || op->ended_outside || op->finished) {
        stop(insert);
        return;
    }
    ready = wants_documents(insert) ? muv__insert_gather(insert) : 1;
    if (ready == 0) {
        muv__op_resume_later(op);
    } else if (ready < 0 || insert->first == insert->gathered) {
        stop(insert);
    } else if (start_command(insert) != 0) {
        muv__insert_note_error(insert, &op->client->refusal);
        stop(insert);
    }
}

static void resume(muv_op_t *op)
{
    go_on(op->extra);
}

/* --- starting ----------------------------------------------------------------------------------*/

static const char *check(const bson_t *const *documents, size_t count,
                         const muv_insert_many_opts_t *opts)
{
    if (opts->next != NULL && documents != NULL) {
        return "documents: both an array and a source";
    }
    if (opts->next == NULL && (documents == NULL || count == 0)) {
        return "documents: there is none";
    }
    if (opts->batch_bytes < 0 || opts->batch_bytes > MAX_BATCH_BYTES) {
        return "batch_bytes: negative or larger than 32 MiB";
    }
    return muv__check_wrapped(opts->comment, "comment: not one element");
}

static void write_head(muv__insert_many_t *insert, const muv_collection_t *collection,
                       const muv_insert_many_opts_t *opts)
{
    muv__buf_t *buf = &insert->head;

    muv__buf_init(buf, MUV__OUTGOING_MAX_BYTES);
    muv__bson_utf8(buf, MUV__KEY("insert"), collection->name, collection->name_length);
    muv__bson_bool(buf, MUV__KEY("ordered"), insert->ordered);
    muv__write_flag(buf, MUV__KEY("bypassDocumentValidation"), opts->bypass_document_validation);
    muv__write_wrapped(buf, MUV__KEY("comment"), opts->comment);
    memcpy(insert->database, collection->database, collection->database_length + 1);
}

static int take_concerns(muv__insert_many_t *insert, const muv_collection_t *collection,
                         const muv_insert_many_opts_t *opts)
{
    int status = muv__concerns_override(collection->concerns, NULL, opts->write_concern, NULL,
                                        &collection->client->refusal, &insert->concerns);

    if (status == 0) {
        insert->unacknowledged =
            !muv__write_concern_is_acknowledged(&insert->concerns->write_concern);
        insert->outcome.result.acknowledged = insert->unacknowledged ? MUV_NO : MUV_YES;
    }
    return status;
}

/* What the commands inherit from the composite. */
static int take_session(muv__insert_many_t *insert, const muv_insert_many_opts_t *opts)
{
    muv_client_t *client = insert->op->client;
    int status = muv__session_check(client, opts->session);

    if (status != 0) {
        return status;
    }
    muv__session_join(insert->op, opts->session);
    if (insert->unacknowledged && insert->op->session != NULL) {
        return muv__client_refuse(client, MUV_EINVAL,
                                  "session: an unacknowledged write cannot be part of one");
    }
    return muv__check_timeout(client, opts->timeout_ms);
}

/* All memory but what grows. Returns 0, or a code with the refusal noted. */
static int init_insert(muv__insert_many_t *insert, const muv_collection_t *collection,
                       const bson_t *const *documents, size_t count,
                       const muv_insert_many_opts_t *opts)
{
    muv_client_t *client = collection->client;

    insert->outcome.find_id = muv__insert_find_id;
    insert->outcome.ids = insert;
    insert->ordered = opts->ordered != MUV_NO;
    insert->next = opts->next;
    insert->next_data = opts->next_data;
    insert->count = count;
    insert->borrowed = opts->borrow_until_done == MUV_YES ? documents : NULL;
    insert->batch_bytes = opts->batch_bytes == 0 ? DEFAULT_BATCH_BYTES : (size_t)opts->batch_bytes;
    insert->run = muv__shared_buf_new(client->outgoing.budget, MAX_RUN_BYTES);
    write_head(insert, collection, opts);
    if (insert->run == NULL || insert->head.error != 0) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    return take_concerns(insert, collection, opts);
}

/* The first command is started inside the call, so that its failure is the call's. A source is
 * asked for the first time in the next turn. */
static int start(muv__insert_many_t *insert, const bson_t *const *documents)
{
    muv_op_t *op = insert->op;
    int status = 0;

    if (insert->next != NULL || insert->borrowed != NULL) {
        muv__op_resume_later(op);
        return 0;
    }
    status = muv__insert_copy(insert, documents);
    if (status != 0) {
        return status;
    }
    if (!muv__shared_buf_account(insert->run)) {
        (void)muv__error_set(&insert->error, MUV_EQUEUEFULL,
                             "max_pending_bytes: too many bytes of commands are waiting");
        stop(insert);
        return 0;
    }
    return start_command(insert);
}

int muv_collection_insert_many(muv_collection_t *collection, const bson_t *const *documents,
                               size_t count, const muv_insert_many_opts_t *opts, muv_write_cb cb,
                               void *data, muv_op_t **ret_op)
{
    static const muv_insert_many_opts_t defaults = {0};
    muv__insert_many_t *insert;
    const char *complaint;
    muv_op_t *op;
    int status;

    if (collection == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    complaint = check(documents, count, opts);
    if (complaint != NULL) {
        return muv__client_refuse(collection->client, MUV_EINVAL, "%s", complaint);
    }
    status = muv__op_new(collection->client, opts->parent, deliver, &op);
    if (status != 0) {
        return status;
    }
    op->composite = 1;
    op->cb.write = cb;
    op->data = data;
    op->resume = resume;
    insert = muv__mem_zalloc(sizeof(*insert));
    if (insert == NULL) {
        return muv__command_abort(op, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
    }
    op->extra = insert;
    op->dispose = dispose;
    insert->op = op;
    status = muv__object_ids_begin(collection->client);
    if (status == 0) {
        status = init_insert(insert, collection, documents, count, opts);
    }
    if (status == 0) {
        status = take_session(insert, opts);
    }
    if (status == 0) {
        muv__op_set_timeout(op, opts->timeout_ms != 0 ? opts->timeout_ms : collection->timeout_ms);
        status = start(insert, documents);
    }
    if (status != 0) {
        muv__op_discard(op);
        return status;
    }
    if (ret_op != NULL) {
        *ret_op = op;
    }
    return 0;
}
