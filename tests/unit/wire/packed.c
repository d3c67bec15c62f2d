/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/wire/packed.h"

#include <stdlib.h>
#include <string.h>

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "support/check.h"

#define HEADER 16
#define ENVELOPE 25

static packed_t allocate(size_t size)
{
    packed_t packed = {malloc(size == 0 ? 1 : size), size};

    assert_non_null(packed.bytes);
    return packed;
}

static packed_t shrink(packed_t packed, size_t size)
{
    packed_t exact = allocate(size);

    assert_true(size <= packed.size);
    memcpy(exact.bytes, packed.bytes, size);
    free(packed.bytes);
    return exact;
}

packed_t packed_data(uint8_t id, const uint8_t *bytes, size_t size)
{
    packed_t packed = allocate(snappy_max_compressed_length(size) + compressBound((uLong)size) +
                               ZSTD_compressBound(size));
    size_t made = packed.size;
    uLongf zlib_made = (uLongf)packed.size;

    switch (id) {
    case PACKED_SNAPPY:
        assert_int_equal(snappy_compress((const char *)bytes, size, (char *)packed.bytes, &made),
                         SNAPPY_OK);
        break;
    case PACKED_ZLIB:
        assert_int_equal(compress(packed.bytes, &zlib_made, bytes, (uLong)size), Z_OK);
        made = zlib_made;
        break;
    case PACKED_ZSTD:
        made = ZSTD_compress(packed.bytes, packed.size, bytes, size, 3);
        assert_false(ZSTD_isError(made));
        break;
    default:
        memcpy(packed.bytes, bytes, size);
        made = size;
        break;
    }
    return shrink(packed, made);
}

packed_t packed_open(uint8_t id, const uint8_t *bytes, size_t size, size_t open_size)
{
    packed_t open = allocate(open_size);
    size_t made = open_size;
    uLongf zlib_made = (uLongf)open_size;

    switch (id) {
    case PACKED_SNAPPY:
        assert_int_equal(snappy_uncompress((const char *)bytes, size, (char *)open.bytes, &made),
                         SNAPPY_OK);
        break;
    case PACKED_ZLIB:
        assert_int_equal(uncompress(open.bytes, &zlib_made, bytes, (uLong)size), Z_OK);
        made = zlib_made;
        break;
    default: made = ZSTD_decompress(open.bytes, open_size, bytes, size); break;
    }
    assert_int_equal(made, open_size);
    return open;
}

static void store(uint8_t *at, int32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)((uint32_t)value >> (8 * i));
    }
}

packed_t packed_envelope(int32_t opcode, int32_t open_size, uint8_t id, const uint8_t *data,
                         size_t size)
{
    packed_t packed = allocate(ENVELOPE + size);

    store(packed.bytes, (int32_t)packed.size);
    store(packed.bytes + 4, 1);
    store(packed.bytes + 8, 2);
    store(packed.bytes + 12, 2012);
    store(packed.bytes + 16, opcode);
    store(packed.bytes + 20, open_size);
    packed.bytes[24] = id;
    if (size != 0) {
        memcpy(packed.bytes + ENVELOPE, data, size);
    }
    return packed;
}

packed_t packed_message(uint8_t id, const uint8_t *message, size_t size)
{
    packed_t data = packed_data(id, message + HEADER, size - HEADER);
    packed_t packed = packed_envelope(2013, (int32_t)(size - HEADER), id, data.bytes, data.size);

    memcpy(packed.bytes + 4, message + 4, 8); /* The ids are those of the message. */
    free(data.bytes);
    return packed;
}

uint8_t *packed_text(size_t size)
{
    uint8_t *bytes = malloc(size == 0 ? 1 : size);
    uint32_t state = 12345;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)((state >> 28) < 10 ? 'a' + (i / 7) % 3 : state >> 24);
    }
    return bytes;
}

/* header | flags | kind 0 | size, 0x05 "b" NUL, int32 n, subtype, n bytes, NUL */
uint8_t *packed_plain_message(size_t size)
{
    uint8_t *message = packed_text(size);

    assert_true(size >= 40);
    store(message, (int32_t)size);
    store(message + 4, 7);
    store(message + 8, 8);
    store(message + 12, 2013);
    store(message + 16, 0);
    message[20] = 0;
    store(message + 21, (int32_t)(size - 21));
    memcpy(message + 25,
           "\x05"
           "b",
           3);
    store(message + 28, (int32_t)(size - 34));
    message[32] = 0;
    message[size - 1] = 0;
    return message;
}
