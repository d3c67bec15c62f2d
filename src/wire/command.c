/* SPDX-License-Identifier: Apache-2.0 */
/* Assembly of OP_MSG requests. */
#include "wire/command.h"

#include "muv/error.h"

#include "base/assert.h"
#include "wire/header.h"
#include "wire/msg.h"

/* Offset of the body document: header, flags, kind byte. */
#define BODY_AT (MUV__MSG_SECTIONS_AT + 1)

void muv__command_init(muv__command_t *command, size_t max_size)
{
    muv__buf_init(&command->buf, max_size);
    command->prefix_size = 0;
}

void muv__command_init_home(muv__command_t *command, size_t max_size, uint8_t *home,
                            size_t home_size)
{
    muv__buf_init_home(&command->buf, max_size, home, home_size);
    command->prefix_size = 0;
}

void muv__command_done(muv__command_t *command)
{
    muv__buf_done(&command->buf);
    command->prefix_size = 0;
}

void muv__command_begin(muv__command_t *command)
{
    uint8_t *head;

    command->buf.size = 0;
    command->buf.error = 0;
    command->prefix_size = 0;
    head = muv__buf_extend(&command->buf, BODY_AT + 4);
    if (head != NULL) {
        head[BODY_AT - 1] = MUV__SECTION_BODY;
    }
}

int muv__command_seal(muv__command_t *command)
{
    command->prefix_size = command->buf.size;
    return command->buf.error;
}

void muv__command_rewind(muv__command_t *command)
{
    MUV__ASSERT(command->prefix_size >= BODY_AT + 4);
    command->buf.size = command->prefix_size;
    command->buf.error = 0;
}

static void write_sequence_head(muv__buf_t *buf, const muv__sequence_t *sequence)
{
    size_t id_size = strlen(sequence->id) + 1;
    uint8_t *at = muv__buf_extend(buf, 5 + id_size);

    if (at != NULL) {
        at[0] = MUV__SECTION_SEQUENCE;
        muv__store_u32(at + 1, (uint32_t)(4 + id_size + sequence->documents.size));
        memcpy(at + 5, sequence->id, id_size);
    }
}

int muv__command_finish(muv__command_t *command, int32_t request_id, uint32_t flags,
                        const muv__sequence_t *sequence, muv__message_t *message)
{
    muv__bson_mark_t body = {BODY_AT};
    muv__header_t header = {0, request_id, 0, MUV__OP_MSG};
    size_t length;

    MUV__ASSERT(command->prefix_size != 0);
    muv__bson_end(&command->buf, body);
    if (sequence != NULL) {
        write_sequence_head(&command->buf, sequence);
    }
    if (command->buf.error != 0) {
        return command->buf.error;
    }
    message->parts[0] = muv__span(command->buf.data, command->buf.size);
    message->count = 1;
    length = command->buf.size;
    if (length > INT32_MAX) {
        return MUV_ETOOLARGE;
    }
    if (sequence != NULL) {
        if (sequence->documents.size > INT32_MAX - length) {
            return MUV_ETOOLARGE;
        }
        message->parts[1] = sequence->documents;
        message->count = 2;
        length += sequence->documents.size;
    }
    header.length = (int32_t)length;
    muv__header_write(command->buf.data, &header);
    muv__store_u32(command->buf.data + MUV__HEADER_SIZE, flags);
    return 0;
}

muv__span_t muv__command_body(const muv__command_t *command)
{
    const uint8_t *body = command->buf.data + BODY_AT;

    return muv__span(body, muv__load_u32(body));
}
