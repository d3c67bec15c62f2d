/* SPDX-License-Identifier: Apache-2.0 */
/* OP_COMPRESSED in both directions. Input: a byte of options, then by the lowest bit of it
 *
 *   0  a message as a hostile server sends it: judged, and decompressed into exactly the memory
 *      that it announces. The verdict is the same with an inflater that was used before.
 *   1  bytes that are compressed in parts and must come back; further bits choose compressor,
 *      level and where the parts are cut.
 *
 * Option 2 makes the opcodes of a hostile message right, 4 its announced size small. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/compress.h"
#include "wire/inflate.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())
#define OFFERED (1u << MUV__COMPRESS_SNAPPY | 1u << MUV__COMPRESS_ZLIB | 1u << MUV__COMPRESS_ZSTD)
#define MAX_MESSAGE_SIZE 2000000

static muv__inflater_t *kept_inflater;
static muv__compressor_t *kept_compressor;

static muv__wire_error_t inflate_all(muv__inflater_t *inflater, const muv__envelope_t *envelope,
                                     muv__span_t packed, uint8_t *out)
{
    uint32_t before = 0;
    int status;

    muv__inflater_begin(inflater, envelope->compressor, packed, out,
                        envelope->size - MUV__HEADER_SIZE);
    do {
        uint32_t made;

        status = muv__inflater_step(inflater);
        made = muv__inflater_made(inflater);
        REQUIRE(made >= before && made <= envelope->size - MUV__HEADER_SIZE);
        before = made;
    } while (status == MUV__INFLATE_MORE);
    REQUIRE((status == MUV__INFLATE_BAD) == (muv__inflater_error(inflater) != MUV__WIRE_NONE));
    REQUIRE(status == MUV__INFLATE_BAD || before == envelope->size - MUV__HEADER_SIZE);
    return muv__inflater_error(inflater);
}

static void take_hostile(uint8_t options, uint8_t *message, size_t size)
{
    muv__inflater_t *fresh = NULL;
    muv__inflater_t *used;
    muv__envelope_t envelope;
    muv__span_t packed;
    uint8_t *out;

    if ((options & 2) != 0 && size >= MUV__COMPRESSED_HEADER_SIZE) {
        muv__store_u32(message + MUV__HEADER_SIZE, MUV__OP_MSG);
        message[MUV__HEADER_SIZE + 8] &= 3;
    }
    if ((options & 4) != 0 && size >= MUV__COMPRESSED_HEADER_SIZE) {
        message[MUV__HEADER_SIZE + 6] &= 7;
        message[MUV__HEADER_SIZE + 7] = 0;
    }
    if (size < MUV__HEADER_SIZE ||
        muv__envelope_read(message, (uint32_t)size, OFFERED, MAX_MESSAGE_SIZE, &envelope) !=
            MUV__WIRE_NONE) {
        return;
    }
    REQUIRE(envelope.size <= MAX_MESSAGE_SIZE);
    packed = muv__span(message + MUV__COMPRESSED_HEADER_SIZE, size - MUV__COMPRESSED_HEADER_SIZE);
    out = malloc(envelope.size - MUV__HEADER_SIZE);
    used = muv__inflater_take(&kept_inflater);
    fresh = muv__inflater_take(&fresh);
    REQUIRE(out != NULL && used != NULL && fresh != NULL);
    REQUIRE(inflate_all(fresh, &envelope, packed, out) ==
            inflate_all(used, &envelope, packed, out));
    muv__inflater_free(fresh);
    muv__inflater_give(&kept_inflater, used);
    free(out);
}

static void check_comes_back(const muv__buf_t *out, const uint8_t *message, size_t size)
{
    muv__inflater_t *inflater = muv__inflater_take(&kept_inflater);
    uint8_t *back = malloc(size - MUV__HEADER_SIZE);
    muv__envelope_t envelope;

    REQUIRE(inflater != NULL && back != NULL);
    REQUIRE(muv__load_u32(out->data) == out->size);
    REQUIRE(muv__envelope_read(out->data, (uint32_t)out->size, OFFERED, MAX_MESSAGE_SIZE,
                               &envelope) == MUV__WIRE_NONE);
    REQUIRE(envelope.size == size);
    REQUIRE(inflate_all(inflater, &envelope,
                        muv__span(out->data + MUV__COMPRESSED_HEADER_SIZE,
                                  out->size - MUV__COMPRESSED_HEADER_SIZE),
                        back) == MUV__WIRE_NONE);
    REQUIRE(memcmp(back, message + MUV__HEADER_SIZE, size - MUV__HEADER_SIZE) == 0);
    muv__inflater_give(&kept_inflater, inflater);
    free(back);
}

static void compress_bytes(uint8_t options, uint8_t *message, size_t size)
{
    muv__compressor_t *compressor = muv__compressor_take(&kept_compressor);
    size_t cut = MUV__HEADER_SIZE + 1 + (size - MUV__HEADER_SIZE - 1) * (options >> 6) / 4;
    muv__message_t parts = {.parts = {{message, cut}, {message + cut, size - cut}}, .count = 2};
    int level = (options >> 3) % 8;
    muv__buf_t out;
    int status;

    REQUIRE(compressor != NULL);
    muv__store_u32(message + 12, MUV__OP_MSG);
    muv__buf_init(&out, 2 * size + 1000);
    muv__compressor_begin(compressor, (uint8_t)(1 + (options >> 1) % 3), level, &parts, &out);
    do {
        status = muv__compressor_step(compressor);
    } while (status == MUV__COMPRESS_MORE);
    REQUIRE(status == MUV__COMPRESS_DONE);
    muv__compressor_give(&kept_compressor, compressor);
    check_comes_back(&out, message, size);
    muv__buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *message;

    if (size < 1 || size > 200000) {
        return -1;
    }
    message = malloc(size == 1 ? 1 : size - 1);
    REQUIRE(message != NULL);
    memcpy(message, data + 1, size - 1);
    if ((data[0] & 1) == 0) {
        take_hostile(data[0], message, size - 1);
    } else if (size - 1 >= MUV__HEADER_SIZE + 10) {
        compress_bytes(data[0], message, size - 1);
    }
    free(message);
    return 0;
}
