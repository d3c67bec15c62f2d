/* SPDX-License-Identifier: Apache-2.0 */
/* The check of one OP_MSG. Input: a byte of options, a byte that seeds the splits, a message.
 *
 * Options: 1 the opcode is made right, 2 the checksum is made right if its flag is set. The length
 * always is: lengths are fuzz_reader's. Whatever the splits, the verdict is the same; an accepted
 * message holds documents that libbson's iterator finds good too, and its views can be walked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bson_view.h"
#include "unit/base/strict_walk.h"
#include "wire/crc32c.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

static int step_on_copy(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                        uint32_t avail)
{
    uint8_t *copy = malloc(avail == 0 ? 1 : avail);
    int result;

    REQUIRE(copy != NULL);
    memcpy(copy, message, avail);
    result = muv__msg_check_step(check, copy, length, avail);
    free(copy);
    return result;
}

static int check_in_pieces(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                           uint32_t seed)
{
    int result = MUV__MSG_CHECK_MORE;
    uint32_t avail = 0;

    muv__msg_check_init(check);
    while (result == MUV__MSG_CHECK_MORE && avail < length) {
        uint32_t step = 1 + (seed >> 16) % 37;

        seed = seed * 1103515245 + 12345;
        avail = length - avail < step ? length : avail + step;
        result = step_on_copy(check, message, length, avail);
    }
    return result;
}

static void walk(const uint8_t *document, size_t size, uint32_t depth)
{
    muv__bson_iter_t iter;

    REQUIRE(depth <= MUV__BSON_MAX_DEPTH);
    REQUIRE(muv__bson_iter_init(&iter, document, size) == 1);
    while (muv__bson_iter_next(&iter)) {
        REQUIRE(strlen(iter.key) == iter.key_length);
        REQUIRE(iter.value + iter.value_size <= iter.end);
        if (iter.type == MUV__BSON_DOCUMENT || iter.type == MUV__BSON_ARRAY) {
            walk(iter.value, iter.value_size, depth + 1);
        }
    }
    REQUIRE(iter.bad == 0);
}

static void check_document(const uint8_t *document, size_t size)
{
    walk(document, size, 1);
    REQUIRE(strict_walk(document, size, 1, MUV__BSON_MAX_DEPTH) == STRICT_GOOD);
}

static void check_accepted(const muv__msg_t *msg)
{
    muv__msg_sequence_t sequence;
    size_t position = 0;

    check_document(msg->body.data, msg->body.size);
    while (muv__msg_next_sequence(msg, &position, &sequence)) {
        size_t at = 0;

        while (at < sequence.documents.size) {
            uint32_t size = muv__load_u32(sequence.documents.data + at);

            check_document(sequence.documents.data + at, size);
            at += size;
        }
        REQUIRE(at == sequence.documents.size);
    }
    REQUIRE(position == msg->sections.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    muv__msg_check_t whole;
    muv__msg_check_t pieces;
    uint32_t length = (uint32_t)size - 2;
    uint8_t *message;
    int result;

    if (size < 2 + MUV__HEADER_SIZE || size > 100000) {
        return -1;
    }
    message = malloc(length);
    REQUIRE(message != NULL);
    memcpy(message, data + 2, length);
    muv__store_u32(message, length);
    if ((data[0] & 1) != 0) {
        muv__store_u32(message + 12, MUV__OP_MSG);
    }
    if ((data[0] & 2) != 0 && length >= MUV__MSG_SECTIONS_AT + 4 && (message[16] & 1) != 0) {
        muv__store_u32(message + length - 4, muv__crc32c(0, message, length - 4));
    }
    muv__msg_check_init(&whole);
    result = muv__msg_check_step(&whole, message, length, length);
    REQUIRE(result == MUV__MSG_CHECK_DONE || result == MUV__MSG_CHECK_BAD);
    REQUIRE((result == MUV__MSG_CHECK_BAD) == (whole.error != MUV__WIRE_NONE));
    REQUIRE(check_in_pieces(&pieces, message, length, data[1]) == result);
    REQUIRE(pieces.error == whole.error);
    if (result == MUV__MSG_CHECK_DONE) {
        muv__msg_t msg = muv__msg_view(&whole, message, length);

        check_accepted(&msg);
    }
    free(message);
    return 0;
}
