/* SPDX-License-Identifier: Apache-2.0 */
/* Data and OP_COMPRESSED messages made with the compressors' own functions, not with
 * wire/compress.c. */
#ifndef MUV_TESTS_UNIT_WIRE_PACKED_H
#define MUV_TESTS_UNIT_WIRE_PACKED_H

#include <stddef.h>
#include <stdint.h>

/* The ids once more: the tests must not take them from the library. */
enum { PACKED_NOOP = 0, PACKED_SNAPPY = 1, PACKED_ZLIB = 2, PACKED_ZSTD = 3 };

typedef struct packed {
    uint8_t *bytes; /* [own] An allocation of exactly `size` bytes. */
    size_t size;
} packed_t;

/* `size` bytes, compressed. Free `bytes`. */
packed_t packed_data(uint8_t id, const uint8_t *bytes, size_t size);

/* The reverse; `size` is what must come out. */
packed_t packed_open(uint8_t id, const uint8_t *bytes, size_t size, size_t open_size);

/* A whole message as OP_COMPRESSED. */
packed_t packed_message(uint8_t id, const uint8_t *message, size_t size);

/* An OP_COMPRESSED of these very parts, header and length as they should be. */
packed_t packed_envelope(int32_t opcode, int32_t open_size, uint8_t id, const uint8_t *data,
                         size_t size);

/* `size` bytes that compress to about a third. */
uint8_t *packed_text(size_t size);

/* A message of `size` bytes (at least 40) whose body has one binary of such bytes. */
uint8_t *packed_plain_message(size_t size);

#endif
