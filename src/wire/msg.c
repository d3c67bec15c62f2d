/* SPDX-License-Identifier: Apache-2.0 */
/* The resumable check of OP_MSG and the views on a checked message. */
#include "wire/msg.h"

#include <string.h>

#include "base/assert.h"
#include "base/bson_view.h"
#include "wire/crc32c.h"

void muv__msg_check_init(muv__msg_check_t *check)
{
    check->at = 0;
    check->sequence_end = 0;
    check->document = 0;
    check->body = 0;
    check->id_at = 0;
    check->crc = 0;
    check->crc_at = 0;
    check->error = MUV__WIRE_NONE;
}

static int fail(muv__msg_check_t *check, muv__wire_error_t error)
{
    check->error = error;
    return MUV__MSG_CHECK_BAD;
}

static uint32_t message_flags(const uint8_t *message)
{
    return muv__load_u32(message + MUV__HEADER_SIZE);
}

/* Where the sections end. */
static uint32_t sections_end(const uint8_t *message, uint32_t length)
{
    return (message_flags(message) & MUV__MSG_CHECKSUM_PRESENT) != 0 ? length - 4 : length;
}

/* What can be said before the first section; the opcode is judged without waiting for the flags. */
static int check_head(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                      uint32_t avail)
{
    uint32_t flags;

    if (avail < MUV__HEADER_SIZE) {
        return MUV__MSG_CHECK_MORE;
    }
    if (muv__load_i32(message + 12) != MUV__OP_MSG) {
        return fail(check, MUV__WIRE_OPCODE);
    }
    if (length < MUV__MSG_SECTIONS_AT) {
        return fail(check, MUV__WIRE_SECTION_CUT);
    }
    if (avail < MUV__MSG_SECTIONS_AT) {
        return MUV__MSG_CHECK_MORE;
    }
    flags = message_flags(message);
    if ((flags & MUV__MSG_REQUIRED_MASK & ~MUV__MSG_KNOWN_REQUIRED) != 0) {
        return fail(check, MUV__WIRE_FLAGS);
    }
    if ((flags & MUV__MSG_CHECKSUM_PRESENT) != 0 && length < MUV__MSG_SECTIONS_AT + 4) {
        return fail(check, MUV__WIRE_SECTION_CUT);
    }
    check->at = MUV__MSG_SECTIONS_AT;
    return MUV__MSG_CHECK_DONE;
}

/* Go on inside the open document. */
static int check_document(muv__msg_check_t *check, const uint8_t *message, uint32_t avail)
{
    const uint8_t *document = message + check->document;

    switch (muv__bson_check_step(&check->bson, document, avail - check->document)) {
    case MUV__BSON_CHECK_DONE:
        check->at = check->document + muv__load_u32(document);
        check->document = 0;
        return MUV__MSG_CHECK_DONE;
    case MUV__BSON_CHECK_MORE: return MUV__MSG_CHECK_MORE;
    case MUV__BSON_CHECK_DEEP: return fail(check, MUV__WIRE_BSON_DEPTH);
    default: return fail(check, MUV__WIRE_BSON);
    }
}

/* A document begins at `start` and must end at or before `end`. */
static int open_document(muv__msg_check_t *check, const uint8_t *message, uint32_t start,
                         uint32_t end, uint32_t avail)
{
    int32_t size;

    if (end - start < MUV__BSON_EMPTY_SIZE) {
        return fail(check,
                    check->sequence_end != 0 ? MUV__WIRE_DOCUMENT_LENGTH : MUV__WIRE_SECTION_CUT);
    }
    if (avail - start < 4) {
        return MUV__MSG_CHECK_MORE;
    }
    size = muv__load_i32(message + start);
    if (size < MUV__BSON_EMPTY_SIZE || (uint32_t)size > end - start) {
        return fail(check, MUV__WIRE_DOCUMENT_LENGTH);
    }
    check->document = start;
    muv__bson_check_init(&check->bson, (uint32_t)size);
    return MUV__MSG_CHECK_DONE;
}

/* int32 size (itself included), identifier, documents. */
static int open_sequence(muv__msg_check_t *check, const uint8_t *message, uint32_t end,
                         uint32_t avail)
{
    uint32_t start = check->at + 1;
    const uint8_t *id_end;
    uint32_t sequence_end;
    uint32_t visible;
    int32_t size;

    if (end - start < 5) {
        return fail(check, MUV__WIRE_SECTION_CUT);
    }
    if (avail - start < 4) {
        return MUV__MSG_CHECK_MORE;
    }
    size = muv__load_i32(message + start);
    if (size < 5 || (uint32_t)size > end - start) {
        return fail(check, MUV__WIRE_SEQUENCE_LENGTH);
    }
    sequence_end = start + (uint32_t)size;
    visible = avail < sequence_end ? avail : sequence_end;
    /* An endless identifier is looked through once, not once a read. */
    check->id_at = check->id_at == 0 ? start + 4 : check->id_at;
    id_end = memchr(message + check->id_at, 0, visible - check->id_at);
    if (id_end == NULL) {
        check->id_at = visible;
        return visible == sequence_end ? fail(check, MUV__WIRE_SEQUENCE_ID) : MUV__MSG_CHECK_MORE;
    }
    check->id_at = 0;
    check->sequence_end = sequence_end;
    check->at = (uint32_t)(id_end + 1 - message);
    return MUV__MSG_CHECK_DONE;
}

static int open_section(muv__msg_check_t *check, const uint8_t *message, uint32_t end,
                        uint32_t avail)
{
    int result;

    switch (message[check->at]) {
    case MUV__SECTION_BODY:
        if (check->body != 0) {
            return fail(check, MUV__WIRE_TWO_BODIES);
        }
        result = open_document(check, message, check->at + 1, end, avail);
        check->body = check->document;
        return result;
    case MUV__SECTION_SEQUENCE: return open_sequence(check, message, end, avail);
    default: return fail(check, MUV__WIRE_SECTION_KIND);
    }
}

/* One step forward: the open document, the open sequence, or the next section. */
static int check_next(muv__msg_check_t *check, const uint8_t *message, uint32_t end, uint32_t avail)
{
    if (check->document != 0) {
        return check_document(check, message, avail);
    }
    if (check->sequence_end != 0) {
        if (check->at == check->sequence_end) {
            check->sequence_end = 0;
            return MUV__MSG_CHECK_DONE;
        }
        return open_document(check, message, check->at, check->sequence_end, avail);
    }
    return open_section(check, message, end, avail);
}

static int check_end(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                     uint32_t avail, uint32_t end)
{
    if (check->body == 0) {
        return fail(check, MUV__WIRE_NO_BODY);
    }
    if (avail < length) {
        return MUV__MSG_CHECK_MORE;
    }
    if (end < length && check->crc != muv__load_u32(message + end)) {
        return fail(check, MUV__WIRE_CHECKSUM);
    }
    return MUV__MSG_CHECK_DONE;
}

static void sum_bytes(muv__msg_check_t *check, const uint8_t *message, uint32_t visible)
{
    if (visible > check->crc_at) {
        check->crc = muv__crc32c(check->crc, message + check->crc_at, visible - check->crc_at);
        check->crc_at = visible;
    }
}

int muv__msg_check_step(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                        uint32_t avail)
{
    uint32_t end;
    int result;

    MUV__DASSERT(avail <= length && length >= MUV__HEADER_SIZE);
    if (check->error != MUV__WIRE_NONE) {
        return MUV__MSG_CHECK_BAD;
    }
    if (check->at == 0) {
        result = check_head(check, message, length, avail);
        if (result != MUV__MSG_CHECK_DONE) {
            return result;
        }
    }
    end = sections_end(message, length);
    if (end < length) {
        sum_bytes(check, message, avail < end ? avail : end);
    }
    while (check->at < end || check->document != 0 || check->sequence_end != 0) {
        if (avail <= check->at && check->at != check->sequence_end) {
            return MUV__MSG_CHECK_MORE;
        }
        result = check_next(check, message, end, avail < end ? avail : end);
        if (result != MUV__MSG_CHECK_DONE) {
            return result;
        }
    }
    return check_end(check, message, length, avail, end);
}

muv__msg_t muv__msg_view(const muv__msg_check_t *check, const uint8_t *message, uint32_t length)
{
    muv__msg_t msg;

    MUV__ASSERT(check->body != 0 && check->error == MUV__WIRE_NONE);
    msg.header = muv__header_read(message);
    msg.flags = message_flags(message);
    msg.body = muv__span(message + check->body, muv__load_u32(message + check->body));
    msg.sections = muv__span(message + MUV__MSG_SECTIONS_AT,
                             sections_end(message, length) - MUV__MSG_SECTIONS_AT);
    return msg;
}

int muv__msg_next_sequence(const muv__msg_t *msg, size_t *position, muv__msg_sequence_t *sequence)
{
    while (*position < msg->sections.size) {
        const uint8_t *section = msg->sections.data + *position;
        uint32_t size = muv__load_u32(section + 1);

        *position += 1 + size;
        if (section[0] == MUV__SECTION_SEQUENCE) {
            size_t id_size = strlen((const char *)section + 5) + 1;

            sequence->id = (const char *)section + 5;
            sequence->documents = muv__span(section + 5 + id_size, size - 4 - id_size);
            return 1;
        }
    }
    return 0;
}
