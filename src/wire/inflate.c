/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from the three compressors. All that comes in is hostile until proved good. */
#include "wire/inflate.h"

#define ZLIB_CONST
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/mem.h"
#include "wire/msg.h"
#include "wire/zlib_memory.h"

/* Flags, kind byte, empty body: nothing less is an OP_MSG. */
#define LEAST_MESSAGE (4 + 1 + MUV__BSON_EMPTY_SIZE)

struct muv__inflater {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    uint32_t size;
    uint32_t made;
    muv__wire_error_t error;
    uint8_t compressor;
    uint8_t begun;      /* The library's stream has begun. */
    uint8_t zlib_ready; /* `zlib` has memory. */
    z_stream zlib;
    ZSTD_DCtx *zstd;
};

muv__wire_error_t muv__envelope_read(const uint8_t *message, uint32_t length, uint8_t offered,
                                     uint32_t max_message_size, muv__envelope_t *ret)
{
    int32_t opcode;
    int32_t size;
    uint8_t compressor;

    MUV__ASSERT(offered != 0);
    if (length < MUV__COMPRESSED_HEADER_SIZE) {
        return MUV__WIRE_COMPRESSED_CUT;
    }
    opcode = muv__load_i32(message + MUV__HEADER_SIZE);
    size = muv__load_i32(message + MUV__HEADER_SIZE + 4);
    compressor = message[MUV__HEADER_SIZE + 8];
    if (opcode != MUV__OP_MSG) {
        return opcode == MUV__OP_COMPRESSED ? MUV__WIRE_COMPRESSED_TWICE
                                            : MUV__WIRE_COMPRESSED_OPCODE;
    }
    if (size < LEAST_MESSAGE) {
        return MUV__WIRE_COMPRESSED_SMALL;
    }
    if (max_message_size < MUV__HEADER_SIZE ||
        (uint32_t)size > max_message_size - MUV__HEADER_SIZE) {
        return MUV__WIRE_COMPRESSED_LARGE;
    }
    if (compressor > MUV__COMPRESS_ZSTD ||
        (compressor != MUV__COMPRESS_NOOP && (offered >> compressor & 1) == 0)) {
        return MUV__WIRE_COMPRESSOR;
    }
    ret->size = (uint32_t)size + MUV__HEADER_SIZE;
    ret->compressor = compressor;
    return MUV__WIRE_NONE;
}

/* --- life --------------------------------------------------------------------------------------*/

muv__inflater_t *muv__inflater_take(muv__inflater_t **kept)
{
    muv__inflater_t *inflater = *kept;

    *kept = NULL;
    return inflater != NULL ? inflater : muv__mem_zalloc(sizeof(*inflater));
}

static void free_zstd(muv__inflater_t *inflater)
{
    (void)ZSTD_freeDCtx(inflater->zstd); /* Never fails, and takes NULL. */
    inflater->zstd = NULL;
}

void muv__inflater_free(muv__inflater_t *inflater)
{
    if (inflater != NULL) {
        if (inflater->zlib_ready) {
            (void)inflateEnd(&inflater->zlib); /* Fails only for a stream that was not made. */
        }
        free_zstd(inflater);
        muv__mem_free(inflater);
    }
}

void muv__inflater_give(muv__inflater_t **kept, muv__inflater_t *inflater)
{
    if (*kept != NULL) {
        muv__inflater_free(inflater);
        return;
    }
    if (inflater->size > MUV__INFLATE_STEP) {
        free_zstd(inflater); /* Its window has grown with the message, up to 8 MiB. */
    }
    inflater->in = NULL;
    inflater->out = NULL;
    *kept = inflater;
}

void muv__inflater_begin(muv__inflater_t *inflater, uint8_t compressor, muv__span_t data,
                         uint8_t *out, uint32_t size)
{
    MUV__ASSERT(compressor <= MUV__COMPRESS_ZSTD && size != 0);
    inflater->in = data.data;
    inflater->in_left = data.size;
    inflater->out = out;
    inflater->size = size;
    inflater->made = 0;
    inflater->error = MUV__WIRE_NONE;
    inflater->compressor = compressor;
    inflater->begun = 0;
}

uint32_t muv__inflater_made(const muv__inflater_t *inflater)
{
    return inflater->made;
}

muv__wire_error_t muv__inflater_error(const muv__inflater_t *inflater)
{
    return inflater->error;
}

/* --- parts of a step ---------------------------------------------------------------------------*/

static int fail(muv__inflater_t *inflater, muv__wire_error_t error)
{
    inflater->error = error;
    return MUV__INFLATE_BAD;
}

static size_t step_in(const muv__inflater_t *inflater)
{
    return inflater->in_left < MUV__INFLATE_STEP ? inflater->in_left : MUV__INFLATE_STEP;
}

static size_t step_out(const muv__inflater_t *inflater)
{
    size_t left = inflater->size - inflater->made;

    return left < MUV__INFLATE_STEP ? left : MUV__INFLATE_STEP;
}

static void move_on(muv__inflater_t *inflater, size_t taken, size_t made)
{
    inflater->in += taken;
    inflater->in_left -= taken;
    inflater->made += (uint32_t)made;
}

/* The data says that it has ended. */
static int at_end(muv__inflater_t *inflater)
{
    if (inflater->made < inflater->size) {
        return fail(inflater, MUV__WIRE_COMPRESSED_SHORT);
    }
    if (inflater->in_left != 0) {
        return fail(inflater, MUV__WIRE_COMPRESSED_TRAILING);
    }
    return MUV__INFLATE_DONE;
}

/* The data has not ended, and a library did nothing with what it got: it wants input that there is
 * not, or room that was not announced. */
static int stuck(muv__inflater_t *inflater)
{
    return fail(inflater, inflater->in_left == 0 && inflater->made < inflater->size
                              ? MUV__WIRE_COMPRESSED_SHORT
                              : MUV__WIRE_COMPRESSED_LONG);
}

/* The size that the data itself tells. */
static int compare_size(muv__inflater_t *inflater, unsigned long long told)
{
    if (told == inflater->size) {
        return MUV__INFLATE_MORE;
    }
    return fail(inflater,
                told < inflater->size ? MUV__WIRE_COMPRESSED_SHORT : MUV__WIRE_COMPRESSED_LONG);
}

/* --- the four ways -----------------------------------------------------------------------------*/

static int step_noop(muv__inflater_t *inflater)
{
    size_t size = step_out(inflater);

    if (compare_size(inflater, (unsigned long long)inflater->in_left + inflater->made) != 0) {
        return MUV__INFLATE_BAD;
    }
    memcpy(inflater->out + inflater->made, inflater->in, size);
    move_on(inflater, size, size);
    return inflater->in_left == 0 ? MUV__INFLATE_DONE : MUV__INFLATE_MORE;
}

static int step_snappy(muv__inflater_t *inflater)
{
    const char *in = (const char *)inflater->in;
    size_t size = 0;

    if (snappy_uncompressed_length(in, inflater->in_left, &size) != SNAPPY_OK) {
        return fail(inflater, MUV__WIRE_COMPRESSED_DATA);
    }
    if (compare_size(inflater, size) != 0) {
        return MUV__INFLATE_BAD;
    }
    if (snappy_uncompress(in, inflater->in_left, (char *)inflater->out, &size) != SNAPPY_OK) {
        return fail(inflater, MUV__WIRE_COMPRESSED_DATA);
    }
    move_on(inflater, inflater->in_left, size);
    return MUV__INFLATE_DONE;
}

static int begin_zlib(muv__inflater_t *inflater)
{
    if (inflater->zlib_ready) {
        (void)inflateReset(&inflater->zlib); /* Fails only for a stream that was not made. */
        return MUV__INFLATE_MORE;
    }
    memset(&inflater->zlib, 0, sizeof(inflater->zlib));
    inflater->zlib.zalloc = muv__zlib_alloc;
    inflater->zlib.zfree = muv__zlib_free;
    if (inflateInit(&inflater->zlib) != Z_OK) {
        return fail(inflater, MUV__WIRE_MEMORY);
    }
    inflater->zlib_ready = 1;
    return MUV__INFLATE_MORE;
}

static int step_zlib(muv__inflater_t *inflater)
{
    z_stream *zlib = &inflater->zlib;
    size_t in_size = step_in(inflater);
    size_t out_size = step_out(inflater);
    int result;

    if (!inflater->begun && begin_zlib(inflater) != MUV__INFLATE_MORE) {
        return MUV__INFLATE_BAD;
    }
    inflater->begun = 1;
    zlib->next_in = inflater->in;
    zlib->avail_in = (uInt)in_size;
    zlib->next_out = inflater->out + inflater->made;
    zlib->avail_out = (uInt)out_size;
    result = inflate(zlib, Z_NO_FLUSH);
    move_on(inflater, in_size - zlib->avail_in, out_size - zlib->avail_out);
    if (result == Z_STREAM_END) {
        return at_end(inflater);
    }
    if (result == Z_MEM_ERROR) {
        return fail(inflater, MUV__WIRE_MEMORY);
    }
    if (result != Z_OK && result != Z_BUF_ERROR) {
        return fail(inflater, MUV__WIRE_COMPRESSED_DATA); /* A wanted dictionary is among it. */
    }
    if (zlib->avail_in == in_size && zlib->avail_out == out_size) {
        return stuck(inflater);
    }
    return MUV__INFLATE_MORE;
}

static int begin_zstd(muv__inflater_t *inflater)
{
    unsigned long long told = ZSTD_getFrameContentSize(inflater->in, inflater->in_left);

    if (told == ZSTD_CONTENTSIZE_ERROR) {
        return fail(inflater, MUV__WIRE_COMPRESSED_DATA);
    }
    if (told != ZSTD_CONTENTSIZE_UNKNOWN && compare_size(inflater, told) != 0) {
        return MUV__INFLATE_BAD;
    }
    if (inflater->zstd == NULL) {
        inflater->zstd = ZSTD_createDCtx();
    }
    if (inflater->zstd == NULL) {
        return fail(inflater, MUV__WIRE_MEMORY);
    }
    (void)ZSTD_DCtx_reset(inflater->zstd, ZSTD_reset_session_only);
    (void)ZSTD_DCtx_setParameter(inflater->zstd, ZSTD_d_windowLogMax, MUV__INFLATE_WINDOW_LOG);
    return MUV__INFLATE_MORE;
}

static int zstd_error(muv__inflater_t *inflater, size_t result)
{
    ZSTD_ErrorCode code = ZSTD_getErrorCode(result);

    if (code == ZSTD_error_memory_allocation) {
        return fail(inflater, MUV__WIRE_MEMORY);
    }
    if (code == ZSTD_error_frameParameter_windowTooLarge) {
        return fail(inflater, MUV__WIRE_COMPRESSED_WINDOW);
    }
    return fail(inflater, MUV__WIRE_COMPRESSED_DATA);
}

static int step_zstd(muv__inflater_t *inflater)
{
    ZSTD_inBuffer in = {inflater->in, step_in(inflater), 0};
    ZSTD_outBuffer out = {inflater->out + inflater->made, step_out(inflater), 0};
    size_t result;

    if (!inflater->begun && begin_zstd(inflater) != MUV__INFLATE_MORE) {
        return MUV__INFLATE_BAD;
    }
    inflater->begun = 1;
    result = ZSTD_decompressStream(inflater->zstd, &out, &in);
    if (ZSTD_isError(result)) {
        return zstd_error(inflater, result);
    }
    move_on(inflater, in.pos, out.pos);
    if (result == 0) {
        return at_end(inflater);
    }
    return in.pos == 0 && out.pos == 0 ? stuck(inflater) : MUV__INFLATE_MORE;
}

int muv__inflater_step(muv__inflater_t *inflater)
{
    if (inflater->error != MUV__WIRE_NONE) {
        return MUV__INFLATE_BAD;
    }
    switch (inflater->compressor) {
    case MUV__COMPRESS_NOOP: return step_noop(inflater);
    case MUV__COMPRESS_SNAPPY: return step_snappy(inflater);
    case MUV__COMPRESS_ZLIB: return step_zlib(inflater);
    default: return step_zstd(inflater);
    }
}
