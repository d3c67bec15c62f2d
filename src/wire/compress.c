/* SPDX-License-Identifier: Apache-2.0 */
/* The three compressors over a message in parts. The parts are compressed one after the other into
 * one stream; they are never put together. */
#include "wire/compress.h"

#define ZLIB_CONST
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"
#include "wire/zlib_memory.h"

/* snappy cuts its input into blocks of this size itself, so that ours change nothing. */
#define SNAPPY_BLOCK (64 * 1024)

/* Bytes of the longest length in front of a snappy stream. */
#define SNAPPY_LENGTH_MAX 5

/* Room for output that is asked for when the first estimate was too small. */
#define MORE_ROOM 4096

#define ZLIB_WINDOW_BITS 15
#define ZLIB_MEMORY_LEVEL 8

static const char *const never_compressed[] = {
    "hello",        "isMaster",   "ismaster",   "saslStart",       "saslContinue",   "getnonce",
    "authenticate", "createUser", "updateUser", "copydbSaslStart", "copydbgetnonce", "copydb",
};

int muv__compress_allowed(const char *command)
{
    for (size_t i = 0; i < MUV__COUNT_OF(never_compressed); i++) {
        if (strcmp(command, never_compressed[i]) == 0) {
            return 0;
        }
    }
    return 1;
}

struct muv__compressor {
    muv__message_t message;
    muv__buf_t *out;
    uint32_t part; /* The part of the message that is being compressed... */
    size_t at;     /* ...and how far. */
    uint8_t id;
    uint8_t begun;      /* The library's stream has begun. */
    uint8_t zlib_ready; /* `zlib` has memory, made for `zlib_level`. */
    int level;
    int zlib_level;
    z_stream zlib;
    ZSTD_CCtx *zstd;
};

muv__compressor_t *muv__compressor_take(muv__compressor_t **kept)
{
    muv__compressor_t *compressor = *kept;

    *kept = NULL;
    return compressor != NULL ? compressor : muv__mem_zalloc(sizeof(*compressor));
}

static void free_zlib(muv__compressor_t *compressor)
{
    if (compressor->zlib_ready) {
        (void)deflateEnd(&compressor->zlib); /* Says only that output was left behind. */
        compressor->zlib_ready = 0;
    }
}

static void free_zstd(muv__compressor_t *compressor)
{
    (void)ZSTD_freeCCtx(compressor->zstd); /* Never fails, and takes NULL. */
    compressor->zstd = NULL;
}

void muv__compressor_free(muv__compressor_t *compressor)
{
    if (compressor != NULL) {
        free_zlib(compressor);
        free_zstd(compressor);
        muv__mem_free(compressor);
    }
}

static size_t message_size(const muv__message_t *message)
{
    size_t size = message->parts[0].size;

    for (uint32_t i = 1; i < message->count; i++) {
        size += message->parts[i].size;
    }
    return size;
}

void muv__compressor_give(muv__compressor_t **kept, muv__compressor_t *compressor)
{
    if (*kept != NULL) {
        muv__compressor_free(compressor);
        return;
    }
    if (compressor->message.count != 0 && message_size(&compressor->message) > MUV__COMPRESS_STEP) {
        free_zstd(compressor); /* It has grown with the message, up to several MiB. */
    }
    compressor->out = NULL;
    *kept = compressor;
}

void muv__compressor_begin(muv__compressor_t *compressor, uint8_t id, int level,
                           const muv__message_t *message, muv__buf_t *out)
{
    uint8_t *head;
    size_t size = message_size(message);

    MUV__ASSERT(id >= MUV__COMPRESS_SNAPPY && id <= MUV__COMPRESS_ZSTD);
    MUV__ASSERT(message->parts[0].size > MUV__HEADER_SIZE && size <= INT32_MAX);
    compressor->message = *message;
    compressor->out = out;
    compressor->part = 0;
    compressor->at = MUV__HEADER_SIZE;
    compressor->id = id;
    compressor->level = level;
    compressor->begun = 0;
    out->size = 0;
    out->error = 0;
    head = muv__buf_extend(out, MUV__COMPRESSED_HEADER_SIZE);
    if (head != NULL) {
        muv__header_t header = muv__header_read(message->parts[0].data);

        muv__store_i32(head + MUV__HEADER_SIZE, header.opcode);
        header.opcode = MUV__OP_COMPRESSED;
        muv__header_write(head, &header);
        muv__store_u32(head + MUV__HEADER_SIZE + 4, (uint32_t)(size - MUV__HEADER_SIZE));
        head[MUV__HEADER_SIZE + 8] = id;
    }
}

const muv__message_t *muv__compressor_message(const muv__compressor_t *compressor)
{
    return &compressor->message;
}

/* --- the input ---------------------------------------------------------------------------------*/

/* What comes next, `max_size` bytes at most; empty at the end. */
static muv__span_t next_input(muv__compressor_t *compressor, size_t max_size)
{
    const muv__message_t *message = &compressor->message;
    muv__span_t input;

    while (compressor->part + 1 < message->count &&
           compressor->at == message->parts[compressor->part].size) {
        compressor->part++;
        compressor->at = 0;
    }
    input.data = message->parts[compressor->part].data + compressor->at;
    input.size = message->parts[compressor->part].size - compressor->at;
    input.size = input.size < max_size ? input.size : max_size;
    compressor->at += input.size;
    return input;
}

static int at_end(const muv__compressor_t *compressor)
{
    size_t rest = compressor->message.parts[compressor->part].size - compressor->at;

    for (uint32_t i = compressor->part + 1; i < compressor->message.count; i++) {
        rest += compressor->message.parts[i].size;
    }
    return rest == 0;
}

/* Room for `size` bytes behind what is there, or for what the maximum leaves. Returns how many
 * bytes there are, 0 with the buffer's error. */
static size_t room_for(muv__buf_t *out, size_t size)
{
    size_t left = out->max_size - out->size;

    size = size < left ? size : left;
    if (size == 0) {
        size = 1; /* Nothing is left: the buffer says so. */
    }
    return muv__buf_reserve(out, size) ? size : 0;
}

/* --- snappy ------------------------------------------------------------------------------------*/

/* (snappy's format: seven bits a byte, the lowest first.) Returns the size. */
static size_t write_snappy_length(uint8_t *at, size_t length)
{
    size_t size = 0;

    while (length >= 0x80) {
        at[size++] = (uint8_t)(length | 0x80);
        length >>= 7;
    }
    at[size++] = (uint8_t)length;
    return size;
}

static int begin_snappy(muv__compressor_t *compressor)
{
    muv__buf_t *out = compressor->out;

    if (!muv__buf_reserve(out, SNAPPY_LENGTH_MAX)) {
        return out->error;
    }
    out->size += write_snappy_length(out->data + out->size,
                                     message_size(&compressor->message) - MUV__HEADER_SIZE);
    return 0;
}

/* One block: a snappy stream is its length and then elements, and elements of one stream are good
 * behind those of another, because they only look back at what they made themselves. So the block's
 * own length is cut off. */
static int snappy_piece(muv__compressor_t *compressor, muv__span_t block)
{
    muv__buf_t *out = compressor->out;
    size_t size = snappy_max_compressed_length(block.size);
    uint8_t length[SNAPPY_LENGTH_MAX];
    size_t length_size = write_snappy_length(length, block.size);
    uint8_t *at;

    if (!muv__buf_reserve(out, size)) {
        return out->error;
    }
    at = out->data + out->size;
    if (snappy_compress((const char *)block.data, block.size, (char *)at, &size) != SNAPPY_OK) {
        return MUV_ENOMEM; /* It fails only for room that is too small. */
    }
    memmove(at, at + length_size, size - length_size);
    out->size += size - length_size;
    return 0;
}

/* --- zlib --------------------------------------------------------------------------------------*/

static int begin_zlib(muv__compressor_t *compressor)
{
    if (compressor->zlib_ready && compressor->zlib_level == compressor->level) {
        (void)deflateReset(&compressor->zlib); /* Fails only for a stream that was not made. */
        return 0;
    }
    free_zlib(compressor);
    memset(&compressor->zlib, 0, sizeof(compressor->zlib));
    compressor->zlib.zalloc = muv__zlib_alloc;
    compressor->zlib.zfree = muv__zlib_free;
    if (deflateInit2(&compressor->zlib, compressor->level, Z_DEFLATED, ZLIB_WINDOW_BITS,
                     ZLIB_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return MUV_ENOMEM;
    }
    compressor->zlib_ready = 1;
    compressor->zlib_level = compressor->level;
    return 0;
}

static int zlib_piece(muv__compressor_t *compressor, muv__span_t input)
{
    z_stream *zlib = &compressor->zlib;
    muv__buf_t *out = compressor->out;
    int last = at_end(compressor);
    size_t wanted = deflateBound(zlib, (uLong)input.size);
    int result;

    zlib->next_in = input.data;
    zlib->avail_in = (uInt)input.size;
    do {
        size_t room = room_for(out, wanted);

        if (room == 0) {
            return out->error;
        }
        zlib->next_out = out->data + out->size;
        zlib->avail_out = (uInt)room;
        result = deflate(zlib, last ? Z_FINISH : Z_NO_FLUSH);
        out->size += room - zlib->avail_out;
        wanted = MORE_ROOM;
    } while (last ? result != Z_STREAM_END : zlib->avail_out == 0);
    return 0;
}

/* --- zstd --------------------------------------------------------------------------------------*/

static int begin_zstd(muv__compressor_t *compressor)
{
    size_t size = message_size(&compressor->message) - MUV__HEADER_SIZE;

    if (compressor->zstd == NULL) {
        compressor->zstd = ZSTD_createCCtx();
    }
    if (compressor->zstd == NULL) {
        return MUV_ENOMEM;
    }
    /* With the size known the library takes no more memory than the message needs, and writes it
     * into the frame. */
    (void)ZSTD_CCtx_reset(compressor->zstd, ZSTD_reset_session_only);
    (void)ZSTD_CCtx_setPledgedSrcSize(compressor->zstd, size);
    return 0;
}

static int zstd_piece(muv__compressor_t *compressor, muv__span_t input)
{
    muv__buf_t *out = compressor->out;
    ZSTD_inBuffer in = {input.data, input.size, 0};
    ZSTD_EndDirective end = at_end(compressor) ? ZSTD_e_end : ZSTD_e_continue;
    size_t wanted = ZSTD_compressBound(input.size);
    size_t result;

    do {
        size_t room = room_for(out, wanted);
        ZSTD_outBuffer output = {out->data + out->size, room, 0};

        if (room == 0) {
            return out->error;
        }
        result = ZSTD_compressStream2(compressor->zstd, &output, &in, end);
        if (ZSTD_isError(result)) {
            return MUV_ENOMEM;
        }
        out->size += output.pos;
        wanted = MORE_ROOM;
    } while (end == ZSTD_e_end ? result != 0 : in.pos < in.size);
    return 0;
}

/* --- all ---------------------------------------------------------------------------------------*/

static const struct {
    int (*begin)(muv__compressor_t *compressor);
    /* Compress all of `input`, and end the stream when it is the last. */
    int (*piece)(muv__compressor_t *compressor, muv__span_t input);
    size_t max_piece;
} codecs[] = {
    [MUV__COMPRESS_SNAPPY] = {begin_snappy, snappy_piece, SNAPPY_BLOCK},
    [MUV__COMPRESS_ZLIB] = {begin_zlib, zlib_piece, MUV__COMPRESS_STEP},
    [MUV__COMPRESS_ZSTD] = {begin_zstd, zstd_piece, MUV__COMPRESS_STEP},
};

int muv__compressor_step(muv__compressor_t *compressor)
{
    muv__buf_t *out = compressor->out;
    size_t max_piece = codecs[compressor->id].max_piece;
    size_t budget = MUV__COMPRESS_STEP;
    int status = out->error;

    if (status == 0 && !compressor->begun) {
        compressor->begun = 1;
        status = codecs[compressor->id].begin(compressor);
    }
    while (status == 0 && budget != 0 && !at_end(compressor)) {
        muv__span_t input = next_input(compressor, budget < max_piece ? budget : max_piece);

        status = codecs[compressor->id].piece(compressor, input);
        budget -= input.size;
    }
    if (status != 0 || !at_end(compressor)) {
        return status; /* 0 is MORE. */
    }
    muv__store_u32(out->data, (uint32_t)out->size);
    return MUV__COMPRESS_DONE;
}
