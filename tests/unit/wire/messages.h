/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that the tests of msg.c and reader.c share: good ones, and bad ones with the error
 * that each must give. They are written as hexadecimal digits, not with the library's writer. */
#ifndef MUV_TESTS_UNIT_WIRE_MESSAGES_H
#define MUV_TESTS_UNIT_WIRE_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "wire/wire_error.h"

/* Limit that the tests give to readers. */
#define MESSAGE_MAX_SIZE 100000

typedef struct message {
    uint8_t *bytes; /* [own] An allocation of exactly `size` bytes. */
    size_t size;
} message_t;

typedef struct message_row {
    const char *name;
    const char *sections; /* In hexadecimal, blanks allowed. */
    uint32_t flags;
    int32_t length; /* What the header says; 0: the truth. */
    int32_t opcode; /* 0: OP_MSG. */
    int32_t crc;    /* With the checksum flag: added to the right value. */
    muv__wire_error_t error;
    uint32_t sequence_count; /* Of a good message. */
} message_row_t;

extern const message_row_t message_good_rows[];
extern const size_t message_good_count;
extern const message_row_t message_bad_rows[];
extern const size_t message_bad_count;

/* The bytes of a row. Free `bytes`. */
message_t message_of(const message_row_t *row);

/* A message whose body is documents in documents, `depth` levels in all. */
message_t message_nested(uint32_t depth);

/* A message with one binary of `size` bytes in its body. */
message_t message_binary(uint32_t size);

/* All good messages one after the other. `ends`: offset behind each of them. */
message_t message_stream(size_t *ends);

#endif
