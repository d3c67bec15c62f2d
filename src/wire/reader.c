/* SPDX-License-Identifier: Apache-2.0 */
/* The incremental reader: where bytes land and when they move. */
#include "wire/reader.h"

#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"

/* How many bytes behind the last one read are hidden from the parser in sanitizer builds. */
#define RED_ZONE 64

void muv__reader_init(muv__reader_t *reader, muv__chunk_pool_t *pool, uint32_t max_message_size)
{
    reader->pool = pool;
    reader->chunk = NULL;
    reader->start = 0;
    reader->end = 0;
    reader->max_message_size = max_message_size;
    reader->error = MUV__WIRE_NONE;
    reader->own = 0;
    reader->begun = 0;
    reader->held = 0;
    reader->offered = 0;
    reader->given = 0;
    reader->inflating = 0;
    reader->made = NULL;
    reader->inflater = NULL;
}

void muv__reader_take_compressed(muv__reader_t *reader, uint8_t offered, muv__inflater_t **kept)
{
    MUV__ASSERT(offered != 0);
    reader->offered = offered;
    reader->kept = kept;
}

static void drop_chunk(muv__reader_t *reader)
{
    if (reader->chunk != NULL) {
        muv__chunk_release(reader->chunk);
        reader->chunk = NULL;
    }
    reader->start = 0;
    reader->end = 0;
    reader->own = 0;
}

static void drop_inflater(muv__reader_t *reader)
{
    if (reader->inflater != NULL) {
        muv__inflater_give(reader->kept, reader->inflater);
        reader->inflater = NULL;
    }
}

static void drop_made(muv__reader_t *reader)
{
    if (reader->made != NULL) {
        muv__chunk_release(reader->made);
        reader->made = NULL;
    }
    reader->given = 0;
}

void muv__reader_done(muv__reader_t *reader)
{
    drop_inflater(reader);
    drop_made(reader);
    drop_chunk(reader);
    reader->held = 0;
}

uint8_t *muv__reader_space(muv__reader_t *reader, size_t *ret_size)
{
    muv__chunk_t *chunk;
    uint8_t *at;

    if (reader->own) {
        *ret_size = reader->chunk->size - reader->end;
        MUV__UNPOISON(reader->chunk->data + reader->end,
                      *ret_size < RED_ZONE ? *ret_size : RED_ZONE);
        return reader->chunk->data + reader->end;
    }
    MUV__ASSERT(reader->chunk == NULL);
    chunk = muv__chunk_current(reader->pool, MUV__READER_MIN_SPACE);
    if (chunk == NULL) {
        return NULL;
    }
    /* Remembered: when the last view into the chunk is released before the commit, the pool begins
     * the chunk anew, but the bytes lie here all the same. */
    reader->start = reader->end = (uint32_t)chunk->used;
    at = chunk->data + chunk->used;
    MUV__UNPOISON(at, chunk->size - chunk->used);
    if (reader->held != 0) {
        memcpy(at, reader->head, reader->held);
    }
    *ret_size = chunk->size - chunk->used - reader->held;
    return at + reader->held;
}

/* Bytes behind the last one read are out of bounds for a sanitizer until the next read. */
static void hide_unread(const muv__reader_t *reader)
{
    size_t rest = reader->chunk->size - reader->end;

    MUV__POISON(reader->chunk->data + reader->end, rest < RED_ZONE ? rest : RED_ZONE);
}

void muv__reader_commit(muv__reader_t *reader, size_t size)
{
    muv__chunk_t *chunk;

    if (size == 0) {
        return;
    }
    if (reader->own) {
        MUV__ASSERT(size <= reader->chunk->size - reader->end);
        reader->end += (uint32_t)size;
        hide_unread(reader);
        return;
    }
    chunk = muv__chunk_current(reader->pool, 0);
    MUV__ASSERT(chunk != NULL && reader->held + size <= chunk->size - reader->start);
    reader->chunk = muv__chunk_retain(chunk);
    reader->end = (uint32_t)(reader->start + reader->held + size);
    chunk->used = reader->end;
    reader->held = 0;
    hide_unread(reader);
}

static int fail(muv__reader_t *reader, muv__wire_error_t error)
{
    reader->error = error;
    return MUV__READER_BAD;
}

/* Too little to be judged is left: keep it here and let go of the chunk. */
static int hold_head(muv__reader_t *reader, const uint8_t *bytes, uint32_t avail)
{
    memcpy(reader->head, bytes, avail);
    drop_chunk(reader);
    reader->held = (uint8_t)avail;
    return MUV__READER_MORE;
}

/* The message at `start` is not whole, and there is memory for it: give it a place where the rest
 * can follow. */
static int take_own_chunk(muv__reader_t *reader, uint32_t length)
{
    uint32_t avail = reader->end - reader->start;
    muv__chunk_t *chunk = muv__chunk_take(reader->pool, (size_t)length + MUV__READER_SLACK);

    if (chunk == NULL) {
        return fail(reader, MUV__WIRE_MEMORY);
    }
    memcpy(chunk->data, reader->chunk->data + reader->start, avail);
    drop_chunk(reader);
    reader->chunk = chunk;
    reader->own = 1;
    reader->end = avail;
    return MUV__READER_MORE;
}

static int is_in_own_chunk(const muv__reader_t *reader, uint32_t length)
{
    return reader->own && reader->start == 0 && reader->chunk->size >= length;
}

static int move_to_own_chunk(muv__reader_t *reader, uint32_t length)
{
    if (is_in_own_chunk(reader, length)) {
        return MUV__READER_MORE;
    }
    if (!muv__chunk_fits(reader->pool, (size_t)length + MUV__READER_SLACK)) {
        return MUV__READER_BLOCKED;
    }
    return take_own_chunk(reader, length);
}

static int check_length(muv__reader_t *reader, int32_t length)
{
    if (length < 0) {
        return fail(reader, MUV__WIRE_LENGTH_NEGATIVE);
    }
    if (length < MUV__HEADER_SIZE) {
        return fail(reader, MUV__WIRE_LENGTH_SMALL);
    }
    if ((uint32_t)length > reader->max_message_size) {
        return fail(reader, MUV__WIRE_LENGTH_LARGE);
    }
    return MUV__READER_MESSAGE;
}

/* Start the check of the message at `start`, whose header is present. */
static int begin_message(muv__reader_t *reader, const uint8_t *bytes)
{
    int result;

    if (reader->begun) {
        return MUV__READER_MESSAGE;
    }
    result = check_length(reader, muv__load_i32(bytes));
    if (result == MUV__READER_MESSAGE) {
        muv__msg_check_init(&reader->check);
        reader->begun = 1;
    }
    return result;
}

/* --- compressed messages -----------------------------------------------------------------------*/

/* Memory for `size` bytes of content. Returns MESSAGE when there is some. */
static int take_made(muv__reader_t *reader, uint32_t size)
{
    muv__chunk_t *chunk;
    size_t rest;

    if (size > MUV__CHUNK_STANDARD_SIZE) {
        chunk = muv__chunk_take(reader->pool, size);
    } else {
        chunk = muv__chunk_current(reader->pool, size);
        chunk = chunk != NULL ? muv__chunk_retain(chunk) : NULL;
    }
    if (chunk == NULL) {
        return fail(reader, MUV__WIRE_MEMORY);
    }
    reader->made = chunk;
    reader->made_start = (uint32_t)chunk->used;
    reader->made_size = size;
    MUV__UNPOISON(chunk->data + chunk->used, size);
    chunk->used += size;
    rest = chunk->size - chunk->used;
    MUV__POISON(chunk->data + chunk->used, rest < RED_ZONE ? rest : RED_ZONE);
    return MUV__READER_MESSAGE;
}

/* The first bytes of a compressed message are there, and judged: see to its memory. Returns MESSAGE
 * when all bytes are there, too. */
static int collect_compressed(muv__reader_t *reader, uint32_t length, uint32_t size)
{
    int whole = reader->end - reader->start >= length;
    int large = size > MUV__CHUNK_STANDARD_SIZE;

    if (large && reader->made == NULL) {
        size_t both = (size_t)size + (whole ? 0 : length + MUV__READER_SLACK);

        if (!muv__chunk_fits(reader->pool, both)) {
            return MUV__READER_BLOCKED;
        }
        if (take_made(reader, size) != MUV__READER_MESSAGE) {
            return MUV__READER_BAD;
        }
    }
    if (!whole && large && !is_in_own_chunk(reader, length)) {
        return take_own_chunk(reader, length);
    }
    if (!whole) {
        return move_to_own_chunk(reader, length);
    }
    return large ? MUV__READER_MESSAGE : take_made(reader, size);
}

/* The content gets the header of the message around it. */
static int begin_inflating(muv__reader_t *reader, const uint8_t *bytes, uint32_t length,
                           uint8_t compressor)
{
    uint8_t *content = reader->made->data + reader->made_start;
    muv__header_t header = muv__header_read(bytes);

    header.length = (int32_t)reader->made_size;
    header.opcode = MUV__OP_MSG;
    muv__header_write(content, &header);
    reader->inflater = muv__inflater_take(reader->kept);
    if (reader->inflater == NULL) {
        return fail(reader, MUV__WIRE_MEMORY);
    }
    muv__inflater_begin(
        reader->inflater, compressor,
        muv__span(bytes + MUV__COMPRESSED_HEADER_SIZE, length - MUV__COMPRESSED_HEADER_SIZE),
        content + MUV__HEADER_SIZE, reader->made_size - MUV__HEADER_SIZE);
    reader->inflating = 1;
    reader->made_checked = MUV__HEADER_SIZE;
    muv__msg_check_init(&reader->check);
    return MUV__READER_MESSAGE;
}

static int begin_compressed(muv__reader_t *reader, const uint8_t *bytes, uint32_t avail)
{
    int result = check_length(reader, muv__load_i32(bytes));
    uint32_t length = muv__load_u32(bytes);
    muv__envelope_t envelope;
    muv__wire_error_t error;

    if (result != MUV__READER_MESSAGE) {
        return result;
    }
    if (avail < MUV__COMPRESSED_HEADER_SIZE && length >= MUV__COMPRESSED_HEADER_SIZE) {
        return hold_head(reader, bytes, avail);
    }
    error = muv__envelope_read(bytes, length, reader->offered, reader->max_message_size, &envelope);
    if (error != MUV__WIRE_NONE) {
        return fail(reader, error);
    }
    result = collect_compressed(reader, length, envelope.size);
    if (result != MUV__READER_MESSAGE) {
        return result;
    }
    return begin_inflating(reader, bytes, length, envelope.compressor);
}

/* Decompress and check one step further. */
static int inflate_step(muv__reader_t *reader)
{
    uint32_t made = reader->made_size;
    uint32_t next = reader->made_checked + MUV__INFLATE_STEP;
    int result;

    MUV__ASSERT(reader->made != NULL);
    if (reader->inflater != NULL) {
        result = muv__inflater_step(reader->inflater);
        made = MUV__HEADER_SIZE + muv__inflater_made(reader->inflater);
        if (result == MUV__INFLATE_BAD) {
            return fail(reader, muv__inflater_error(reader->inflater));
        }
        if (result == MUV__INFLATE_DONE) {
            drop_inflater(reader);
        }
    }
    reader->made_checked = next < made ? next : made;
    result = muv__msg_check_step(&reader->check, reader->made->data + reader->made_start,
                                 reader->made_size, reader->made_checked);
    if (result == MUV__MSG_CHECK_BAD) {
        return fail(reader, reader->check.error);
    }
    /* All that was announced may be there, and good, while the data goes on. */
    return result == MUV__MSG_CHECK_DONE && reader->inflater == NULL ? MUV__READER_MESSAGE
                                                                     : MUV__READER_AGAIN;
}

static int next_compressed(muv__reader_t *reader, const uint8_t *bytes, uint32_t avail,
                           muv__msg_t *msg, muv__chunk_t **ret_chunk)
{
    int result = MUV__READER_MESSAGE;

    if (!reader->inflating) {
        result = begin_compressed(reader, bytes, avail);
    }
    if (result == MUV__READER_MESSAGE) {
        result = inflate_step(reader);
    }
    if (result != MUV__READER_MESSAGE) {
        return result;
    }
    *msg =
        muv__msg_view(&reader->check, reader->made->data + reader->made_start, reader->made_size);
    *ret_chunk = reader->made;
    reader->start += muv__load_u32(bytes);
    reader->inflating = 0;
    reader->given = 1;
    return MUV__READER_MESSAGE;
}

/* --- all ---------------------------------------------------------------------------------------*/

int muv__reader_next(muv__reader_t *reader, muv__msg_t *msg, muv__chunk_t **ret_chunk)
{
    uint32_t avail = reader->end - reader->start;
    const uint8_t *bytes;
    uint32_t length;
    int result;

    if (reader->error != MUV__WIRE_NONE) {
        return MUV__READER_BAD;
    }
    if (MUV__UNLIKELY(reader->given)) {
        drop_made(reader);
    }
    if (avail == 0) {
        drop_chunk(reader);
        return MUV__READER_MORE;
    }
    bytes = reader->chunk->data + reader->start;
    if (avail < MUV__HEADER_SIZE) {
        return hold_head(reader, bytes, avail);
    }
    if (MUV__UNLIKELY(reader->offered != 0) && muv__load_i32(bytes + 12) == MUV__OP_COMPRESSED) {
        return next_compressed(reader, bytes, avail, msg, ret_chunk);
    }
    result = begin_message(reader, bytes);
    if (result != MUV__READER_MESSAGE) {
        return result;
    }
    length = muv__load_u32(bytes);
    result = muv__msg_check_step(&reader->check, bytes, length, avail < length ? avail : length);
    if (result == MUV__MSG_CHECK_BAD) {
        return fail(reader, reader->check.error);
    }
    if (result == MUV__MSG_CHECK_MORE && avail < MUV__MSG_SECTIONS_AT) {
        return hold_head(reader, bytes, avail);
    }
    if (result == MUV__MSG_CHECK_MORE) {
        return move_to_own_chunk(reader, length);
    }
    *msg = muv__msg_view(&reader->check, bytes, length);
    *ret_chunk = reader->chunk;
    reader->start += length;
    reader->begun = 0;
    return MUV__READER_MESSAGE;
}

size_t muv__reader_partial_size(const muv__reader_t *reader)
{
    return reader->held + (size_t)(reader->end - reader->start);
}
