/* SPDX-License-Identifier: Apache-2.0 */
/* What of the run one command takes: decided when the connection is known, by the limits that its
 * own handshake told (OP_MSG specification). */
#include "client/insert_many.h"

#include "base/endian.h"
#include "base/error.h"

/* NUL of the body, kind byte, size and identifier of the sequence. */
#define SEQUENCE_OVERHEAD (1 + 1 + 4 + sizeof("documents"))

static uint32_t size_at(const muv__insert_many_t *insert, size_t at)
{
    return muv__load_u32(insert->run->buf.data + at);
}

static int too_large(muv_op_t *op, const muv__insert_many_t *insert, uint32_t limit)
{
    return muv__error_set(&op->error, MUV_ETOOLARGE,
                          "documents[%zu]: %u bytes, the server accepts %u", insert->first,
                          (unsigned)size_at(insert, insert->at), (unsigned)limit);
}

/* Unordered: note the documents that no command can carry, and go on behind them. Returns 0 when a
 * document that can be sent is the first now, else a code with `op->error` filled. */
static int pass_oversized(muv_op_t *op, muv__insert_many_t *insert, uint32_t limit)
{
    while (size_at(insert, insert->at) > limit) {
        int code = too_large(op, insert, limit);

        muv__insert_note_error(insert, &op->error);
        if (muv__insert_note_unsent(insert, insert->first) != 0) {
            return muv__error_code(&op->error, MUV_ENOMEM);
        }
        if (insert->ordered) {
            return code;
        }
        insert->at += size_at(insert, insert->at);
        insert->first++;
        if (insert->first == insert->gathered) {
            return code;
        }
    }
    return 0;
}

static int repeat_slice(muv_op_t *op, const muv__insert_many_t *insert,
                        const muv__conn_limits_t *limits)
{
    if (insert->slice_count <= limits->max_write_batch_size) {
        return 0;
    }
    return muv__error_set(&op->error, MUV_ETOOLARGE,
                          "documents[%zu]: the server selected for a retry accepts fewer at once",
                          insert->first);
}

int muv__insert_prepare(muv_op_t *op)
{
    muv__insert_many_t *insert = op->parent->extra;
    const muv__conn_limits_t *limits = &op->conn->conn.limits;
    size_t head = muv__op_buf(op)->size + SEQUENCE_OVERHEAD;
    size_t room = limits->max_message_size > head ? limits->max_message_size - head : 0;
    uint32_t limit = room < limits->max_bson_size ? (uint32_t)room : limits->max_bson_size;
    size_t size = 0;
    size_t count = 0;
    int status;

    if (op->machine.attempts > 1 && insert->slice_count != 0) {
        /* A server knows the statements of an earlier attempt by their places in the command: the
         * same documents go again, or none (Retryable Writes: statement ids). */
        return repeat_slice(op, insert, limits);
    }
    insert->slice_count = 0;
    insert->slice_size = 0;
    status = pass_oversized(op, insert, limit);
    if (status != 0) {
        return status;
    }
    while (insert->first + count < insert->gathered && count < limits->max_write_batch_size) {
        uint32_t next = size_at(insert, insert->at + size);

        if (next > limit || next > room - size) {
            break;
        }
        size += next;
        count++;
    }
    insert->slice_count = count;
    insert->slice_size = size;
    op->error.code = 0;
    op->sequence.id = "documents";
    op->sequence.documents = muv__span(insert->run->buf.data + insert->at, size);
    op->has_sequence = 1;
    return 0;
}
