/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/wire/messages.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY "05000000 00"
/* {ok: 1.0} */
#define OK "11000000 01 6f6b00 000000000000f03f 00"
/* {a: 1} */
#define A1 "0c000000 10 6100 01000000 00"
/* Sequences "documents" of none and of two documents. */
#define SEQUENCE_0 "01 0e000000 646f63756d656e747300"
#define SEQUENCE_2 "01 1f000000 646f63756d656e747300" A1 EMPTY
/* {d: {}, a: [0], s: "hi", b: Binary, o: ObjectId, t: true, n: null, r: /x/i, c: code with scope}
 */
#define MANY                                                                                       \
    "6a000000 03 6400 05000000 00 04 6100 0c000000 10 3000 00000000 00 02 7300 03000000 686900"    \
    "05 6200 02000000 00 aabb 07 6f00 000102030405060708090a0b 08 7400 01 0a 6e00"                 \
    "0b 7200 7800 6900 0f 6300 0f000000 02000000 7800 05000000 00 12 6c00 0100000000000000 00"

const message_row_t message_good_rows[] = {
    {.name = "body only", .sections = "00" OK},
    {.name = "empty body", .sections = "00" EMPTY},
    {.name = "elements of many types", .sections = "00" MANY},
    {.name = "sequence behind the body", .sections = "00" OK SEQUENCE_2, .sequence_count = 1},
    {.name = "sequence before the body", .sections = SEQUENCE_2 "00" OK, .sequence_count = 1},
    {.name = "body between sequences",
     .sections = SEQUENCE_2 "00" OK SEQUENCE_0,
     .sequence_count = 2},
    {.name = "empty sequence without a name",
     .sections = "00" EMPTY "01 05000000 00",
     .sequence_count = 1},
    {.name = "checksum", .sections = "00" OK, .flags = 1},
    {.name = "checksum behind a sequence",
     .sections = "00" OK SEQUENCE_2,
     .flags = 1,
     .sequence_count = 1},
    {.name = "moreToCome", .sections = "00" OK, .flags = 2},
    {.name = "exhaustAllowed", .sections = "00" OK, .flags = 0x10000},
    {.name = "unknown optional bits", .sections = "00" OK, .flags = 0xfffe0000},
    {.name = "all known bits",
     .sections = "00" MANY SEQUENCE_2,
     .flags = 0x10003,
     .sequence_count = 1},
};
const size_t message_good_count = sizeof(message_good_rows) / sizeof(message_good_rows[0]);

const message_row_t message_bad_rows[] = {
    {"length -1", "00" OK, .length = -1, .error = MUV__WIRE_LENGTH_NEGATIVE},
    {"length INT32_MIN", "00" OK, .length = INT32_MIN, .error = MUV__WIRE_LENGTH_NEGATIVE},
    {"length 1", "00" OK, .length = 1, .error = MUV__WIRE_LENGTH_SMALL},
    {"length 15", "00" OK, .length = 15, .error = MUV__WIRE_LENGTH_SMALL},
    {"length one above the limit", "00" OK, .length = MESSAGE_MAX_SIZE + 1,
     .error = MUV__WIRE_LENGTH_LARGE},
    {"length INT32_MAX", "00" OK, .length = INT32_MAX, .error = MUV__WIRE_LENGTH_LARGE},
    {"header only", "", .length = 16, .error = MUV__WIRE_SECTION_CUT},
    {"flags cut", "", .length = 19, .error = MUV__WIRE_SECTION_CUT},
    {"OP_REPLY", "00" OK, .opcode = 1, .error = MUV__WIRE_OPCODE},
    {"OP_QUERY", "00" OK, .opcode = 2004, .error = MUV__WIRE_OPCODE},
    {"OP_COMPRESSED", "00" OK, .opcode = 2012, .error = MUV__WIRE_OPCODE},
    {"other opcode in a bare header", "", .length = 16, .opcode = 1, .error = MUV__WIRE_OPCODE},
    {"required bit 2", "00" OK, .flags = 4, .error = MUV__WIRE_FLAGS},
    {"required bit 15", "00" OK, .flags = 0x8000, .error = MUV__WIRE_FLAGS},
    {"no room for the checksum", "", .flags = 1, .length = 23, .error = MUV__WIRE_SECTION_CUT},
    {"nothing behind the flags", "", .error = MUV__WIRE_NO_BODY},
    {"only a checksum", "", .flags = 1, .error = MUV__WIRE_NO_BODY},
    {"only a sequence", SEQUENCE_2, .error = MUV__WIRE_NO_BODY},
    {"section kind 2", "02" OK, .error = MUV__WIRE_SECTION_KIND},
    {"section kind 255 behind the body", "00" OK "ff", .error = MUV__WIRE_SECTION_KIND},
    {"two bodies", "00" OK "00" OK, .error = MUV__WIRE_TWO_BODIES},
    {"second body cut", "00" OK "00", .error = MUV__WIRE_TWO_BODIES},
    {"body without bytes", "00", .error = MUV__WIRE_SECTION_CUT},
    {"body of four bytes", "00 04000000", .error = MUV__WIRE_SECTION_CUT},
    {"sequence without bytes", "00" OK "01", .error = MUV__WIRE_SECTION_CUT},
    {"sequence of four bytes", "00" OK "01 04000000", .error = MUV__WIRE_SECTION_CUT},
    {"checksum in place of the body", "00", .flags = 1, .error = MUV__WIRE_SECTION_CUT},
    {"body length 4", "00 04000000 00", .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"body length 0", "00 00000000 00", .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"body length -1", "00 ffffffff 00", .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"body longer than the message", "00 06000000 00", .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"body length INT32_MAX", "00 ffffff7f 00", .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"body reaches into the checksum", "00 09000000 00", .flags = 1,
     .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"document longer than its sequence", "00" OK "01 0b000000 6100 06000000 00",
     .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"document longer than its sequence, not than the message",
     "01 0b000000 6100 0c000000 00 00" OK, .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"bytes left over in a sequence", "00" OK "01 0d000000 6100" EMPTY "0000",
     .error = MUV__WIRE_DOCUMENT_LENGTH},
    {"sequence length 4", "00" OK "01 04000000 00", .error = MUV__WIRE_SEQUENCE_LENGTH},
    {"sequence length -1", "00" OK "01 ffffffff 00", .error = MUV__WIRE_SEQUENCE_LENGTH},
    {"sequence length INT32_MAX", "00" OK "01 ffffff7f 00", .error = MUV__WIRE_SEQUENCE_LENGTH},
    {"sequence longer than the message", "00" OK "01 06000000 00",
     .error = MUV__WIRE_SEQUENCE_LENGTH},
    {"sequence reaches into the checksum", "00" OK "01 09000000 00", .flags = 1,
     .error = MUV__WIRE_SEQUENCE_LENGTH},
    {"identifier without an end", "00" OK "01 08000000 61626364", .error = MUV__WIRE_SEQUENCE_ID},
    {"identifier ends in the next section", "01 08000000 61626364 00" OK,
     .error = MUV__WIRE_SEQUENCE_ID},
    {"identifier reaches the checksum", "00" OK "01 06000000 6161", .flags = 1,
     .error = MUV__WIRE_SEQUENCE_ID},
    {"body without its NUL", "00 05000000 01", .error = MUV__WIRE_BSON},
    {"unknown type", "00 0c000000 14 6100 01000000 00", .error = MUV__WIRE_BSON},
    {"key without an end", "00 08000000 0a 6161 61", .error = MUV__WIRE_BSON},
    {"int32 cut", "00 0b000000 10 6100 010000 00", .error = MUV__WIRE_BSON},
    {"boolean 2", "00 09000000 08 6100 02 00", .error = MUV__WIRE_BSON},
    {"string length 0", "00 0d000000 02 6100 00000000 00 00", .error = MUV__WIRE_BSON},
    {"string length -1", "00 0d000000 02 6100 ffffffff 00 00", .error = MUV__WIRE_BSON},
    {"string longer than its document", "00 0d000000 02 6100 02000000 00 00",
     .error = MUV__WIRE_BSON},
    {"string without NUL", "00 0d000000 02 6100 01000000 61 00", .error = MUV__WIRE_BSON},
    {"binary length -1", "00 0d000000 05 6100 ffffffff 00 00", .error = MUV__WIRE_BSON},
    {"binary longer than its document", "00 0e000000 05 6100 02000000 00 aa 00",
     .error = MUV__WIRE_BSON},
    {"inner document length 4", "00 0d000000 03 6100 04000000 00 00", .error = MUV__WIRE_BSON},
    {"inner document longer than the outer", "00 0d000000 03 6100 06000000 00 00",
     .error = MUV__WIRE_BSON},
    {"inner document shorter than its elements", "00 10000000 03 6100 05000000 0a 6200 00 00",
     .error = MUV__WIRE_BSON},
    {"array length INT32_MAX", "00 0d000000 04 6100 ffffff7f 00 00", .error = MUV__WIRE_BSON},
    {"code length disagrees with its code and scope",
     "00 17000000 0f 6100 0f000000 01000000 00 05000000 00 00 00", .error = MUV__WIRE_BSON},
    {"invalid document in a sequence", "00" OK "01 0b000000 6100 05000000 01",
     .error = MUV__WIRE_BSON},
    {"checksum one too large", "00" OK, .flags = 1, .crc = 1, .error = MUV__WIRE_CHECKSUM},
    {"checksum of other bits", "00" OK SEQUENCE_2, .flags = 3, .crc = INT32_MIN,
     .error = MUV__WIRE_CHECKSUM},
};
const size_t message_bad_count = sizeof(message_bad_rows) / sizeof(message_bad_rows[0]);

/* Bit by bit, to have nothing in common with the tables of the library. */
static uint32_t reference_crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size * 8; i++) {
        uint32_t bit = (bytes[i / 8] >> (i % 8) & 1) ^ (crc & 1);

        crc = (crc >> 1) ^ (bit != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void put(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint8_t *allocate(size_t size)
{
    uint8_t *bytes = malloc(size);

    if (bytes == NULL) {
        abort();
    }
    return bytes;
}

static uint8_t digit_value(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static size_t put_hex(uint8_t *at, const char *hex)
{
    size_t count = 0;

    for (; *hex != '\0'; hex++) {
        if (*hex != ' ') {
            at[count++] = (uint8_t)(digit_value(hex[0]) << 4 | digit_value(hex[1]));
            hex++;
        }
    }
    return count;
}

static void put_head(uint8_t *at, uint32_t length, uint32_t opcode, uint32_t flags)
{
    put(at, length);
    put(at + 4, 0x01020304);
    put(at + 8, 0x05060708);
    put(at + 12, opcode);
    put(at + 16, flags);
}

message_t message_of(const message_row_t *row)
{
    uint8_t bytes[1024] = {0};
    size_t size = 20 + put_hex(bytes + 20, row->sections);
    message_t message;

    if (row->length >= 16 && row->length < 24) {
        size = (size_t)row->length;
    } else if ((row->flags & 1) != 0) {
        size += 4;
    }
    put_head(bytes, row->length != 0 ? (uint32_t)row->length : (uint32_t)size,
             row->opcode != 0 ? (uint32_t)row->opcode : 2013, row->flags);
    if ((row->flags & 1) != 0 && size >= 24) {
        put(bytes + size - 4, reference_crc32c(bytes, size - 4) + (uint32_t)row->crc);
    }
    message.bytes = allocate(size);
    message.size = size;
    memcpy(message.bytes, bytes, size);
    return message;
}

message_t message_nested(uint32_t depth)
{
    uint32_t document = 5 + (depth - 1) * 8;
    message_t message = {allocate(21 + document), 21 + document};

    memset(message.bytes, 0, message.size);
    put_head(message.bytes, (uint32_t)message.size, 2013, 0);
    for (uint32_t i = 0; i < depth; i++) {
        uint8_t *at = message.bytes + 21 + (size_t)i * 7;

        put(at, document - i * 8);
        if (i + 1 < depth) {
            at[4] = 0x03;
            at[5] = 'd';
        }
    }
    return message;
}

message_t message_binary(uint32_t size)
{
    uint32_t document = 4 + 3 + 5 + size + 1;
    message_t message = {allocate(21 + document), 21 + document};

    memset(message.bytes, 0, message.size);
    put_head(message.bytes, (uint32_t)message.size, 2013, 0);
    put(message.bytes + 21, document);
    message.bytes[25] = 0x05;
    message.bytes[26] = 'b';
    put(message.bytes + 28, size);
    memset(message.bytes + 33, 0xab, size);
    return message;
}

message_t message_stream(size_t *ends)
{
    message_t stream = {allocate(8192), 0};

    for (size_t i = 0; i < message_good_count; i++) {
        message_t message = message_of(&message_good_rows[i]);

        memcpy(stream.bytes + stream.size, message.bytes, message.size);
        stream.size += message.size;
        ends[i] = stream.size;
        free(message.bytes);
    }
    return stream;
}
