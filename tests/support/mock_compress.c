/* SPDX-License-Identifier: Apache-2.0 */
/* OP_COMPRESSED: requests read, replies written. */
#include "support/mock_compress.h"

#include <stdlib.h>
#include <string.h>

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "support/mock_internal.h"

#define ENVELOPE_SIZE (MOCK__HEADER_SIZE + 9)

void mock_compress_replies(muv_mock_t *mock, int compressor)
{
    mock->compress_with = compressor;
}

uint8_t *mock_envelope(int32_t op_code, int32_t size, uint8_t compressor, const void *data,
                       size_t data_size, size_t *ret_size)
{
    uint8_t *bytes = mock__alloc(ENVELOPE_SIZE + data_size);

    mock__store_i32(bytes, (int32_t)(ENVELOPE_SIZE + data_size));
    mock__store_i32(bytes + 4, 0);
    mock__store_i32(bytes + 8, 0);
    mock__store_i32(bytes + 12, MOCK__OP_COMPRESSED);
    mock__store_i32(bytes + 16, op_code);
    mock__store_i32(bytes + 20, size);
    bytes[24] = compressor;
    if (data_size != 0) {
        memcpy(bytes + ENVELOPE_SIZE, data, data_size);
    }
    *ret_size = ENVELOPE_SIZE + data_size;
    return bytes;
}

/* Exactly `size` bytes must come out. */
static bool open_data(uint8_t compressor, const uint8_t *data, size_t data_size, uint8_t *out,
                      size_t size)
{
    size_t made = size;
    uLongf zlib_made = (uLongf)size;

    switch (compressor) {
    case MOCK_SNAPPY:
        return snappy_uncompress((const char *)data, data_size, (char *)out, &made) == SNAPPY_OK &&
               made == size;
    case MOCK_ZLIB:
        return uncompress(out, &zlib_made, data, (uLong)data_size) == Z_OK && zlib_made == size;
    case MOCK_ZSTD: return ZSTD_decompress(out, size, data, data_size) == size;
    default: return false;
    }
}

mock__record_t *mock__compress_read(mock__conn_t *conn, const uint8_t *bytes, size_t size)
{
    int32_t plain_size = size < ENVELOPE_SIZE ? -1 : mock__load_i32(bytes + 20);

    if (plain_size < 0 || plain_size > MOCK__MAX_MESSAGE_SIZE - MOCK__HEADER_SIZE ||
        mock__load_i32(bytes + 16) != MOCK__OP_MSG) {
        mock__fault(conn, "OP_COMPRESSED of %zu bytes that announces %d", size, plain_size);
        return NULL;
    }
    size_t total = MOCK__HEADER_SIZE + (size_t)plain_size;
    uint8_t *plain = mock__alloc(total);
    mock__record_t *record = NULL;

    memcpy(plain, bytes, MOCK__HEADER_SIZE);
    mock__store_i32(plain, (int32_t)total);
    mock__store_i32(plain + 12, MOCK__OP_MSG);
    if (open_data(bytes[24], bytes + ENVELOPE_SIZE, size - ENVELOPE_SIZE, plain + MOCK__HEADER_SIZE,
                  (size_t)plain_size)) {
        record = mock__message_read(conn, plain, total);
    } else {
        mock__fault(conn, "data that compressor %u cannot read", bytes[24]);
    }
    if (record != NULL) {
        record->request.compressor = bytes[24];
        record->request.size_bytes = size;
    }
    free(plain);
    return record;
}

static size_t compress_data(int compressor, const uint8_t *data, size_t size, uint8_t *out,
                            size_t room)
{
    size_t made = room;
    uLongf zlib_made = (uLongf)room;

    switch (compressor) {
    case MOCK_SNAPPY:
        return snappy_compress((const char *)data, size, (char *)out, &made) == SNAPPY_OK ? made
                                                                                          : 0;
    case MOCK_ZLIB: return compress(out, &zlib_made, data, (uLong)size) == Z_OK ? zlib_made : 0;
    default: return ZSTD_compress(out, room, data, size, 3);
    }
}

void mock__compress_reply(const muv_mock_t *mock, const mock_request_t *request, mock__job_t *job)
{
    const uint8_t *data = job->bytes + MOCK__HEADER_SIZE;
    size_t size = job->size - MOCK__HEADER_SIZE;

    if (mock->compress_with == MOCK_PLAIN || request->compressor == 0) {
        return;
    }
    size_t room = snappy_max_compressed_length(size) + ZSTD_compressBound(size);
    uint8_t *out = mock__alloc(room);
    size_t made = compress_data(mock->compress_with, data, size, out, room);
    size_t total;
    uint8_t *bytes =
        mock_envelope(MOCK__OP_MSG, (int32_t)size, (uint8_t)mock->compress_with, out, made, &total);

    memcpy(bytes + 4, job->bytes + 4, 8); /* The ids. */
    free(out);
    free(job->bytes);
    job->bytes = bytes;
    job->size = total;
}
