/* SPDX-License-Identifier: Apache-2.0 */
/* The incremental reader on a stream of messages. Input: a byte of options, a byte that seeds the
 * splits, the stream.
 *
 * Options: 1 the first message takes the whole stream as its length, 2 one more reader of the same
 * pool gets the stream in turn, 4 views are retained until the end, 8 compressed messages are
 * taken. One read and many small ones give the same messages and find the same fault. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/crc32c.h"
#include "wire/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())
#define MAX_MESSAGE_SIZE 600000
#define MAX_KEPT 64

typedef struct run {
    muv__reader_t reader;
    uint32_t messages;
    uint32_t digest;
    size_t consumed;
    size_t fed;
    int status;
    int keep;
    int compressed;
    uint32_t kept_count;
    muv__chunk_t *kept[MAX_KEPT];
    muv__span_t kept_body[MAX_KEPT];
    uint32_t kept_crc[MAX_KEPT];
} run_t;

static void keep_view(run_t *run, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    if (run->keep && run->kept_count < MAX_KEPT) {
        run->kept[run->kept_count] = muv__chunk_retain(chunk);
        run->kept_body[run->kept_count] = msg->body;
        run->kept_crc[run->kept_count++] = muv__crc32c(0, msg->body.data, msg->body.size);
    }
}

static muv__inflater_t *kept_inflater;

static void require_unfinished(const muv__reader_t *reader)
{
    size_t size = muv__reader_partial_size(reader);

    REQUIRE(reader->chunk == NULL ? size < MUV__COMPRESSED_HEADER_SIZE
                                  : muv__load_u32(reader->chunk->data + reader->start) > size);
    REQUIRE(reader->inflater == NULL);
}

/* After a step of a compressed message the reader is simply asked again. */
static int next(run_t *run, muv__msg_t *msg, muv__chunk_t **ret_chunk)
{
    int status;

    do {
        status = muv__reader_next(&run->reader, msg, ret_chunk);
    } while (status == MUV__READER_AGAIN);
    return status;
}

static void take_messages(run_t *run)
{
    muv__msg_t msg;
    muv__chunk_t *chunk;

    while ((run->status = next(run, &msg, &chunk)) == MUV__READER_MESSAGE) {
        REQUIRE(msg.sections.data >= chunk->data);
        REQUIRE(msg.sections.data + msg.sections.size <= chunk->data + chunk->size);
        run->digest = muv__crc32c(run->digest, msg.body.data, msg.body.size);
        run->digest = muv__crc32c(run->digest, msg.sections.data, msg.sections.size);
        run->digest += msg.flags + (uint32_t)msg.header.response_to;
        run->consumed += (size_t)msg.header.length;
        run->messages++;
        keep_view(run, &msg, chunk);
    }
    REQUIRE(run->status != MUV__READER_BLOCKED); /* One large message at a time: always admitted. */
    if (run->status == MUV__READER_MORE) {
        require_unfinished(&run->reader);
    }
    REQUIRE((run->status == MUV__READER_BAD) == (run->reader.error != MUV__WIRE_NONE));
    REQUIRE(run->status == MUV__READER_BAD || run->compressed ||
            muv__reader_partial_size(&run->reader) == run->fed - run->consumed);
}

static void feed(run_t *run, const uint8_t *bytes, size_t size)
{
    while (size != 0 && run->status == MUV__READER_MORE) {
        size_t room;
        uint8_t *space = muv__reader_space(&run->reader, &room);
        size_t count;

        REQUIRE(space != NULL && room > 0);
        count = room < size ? room : size;
        memcpy(space, bytes, count);
        muv__reader_commit(&run->reader, count);
        run->fed += count;
        take_messages(run);
        bytes += count;
        size -= count;
    }
}

static void end(run_t *run)
{
    muv__reader_done(&run->reader);
    for (uint32_t i = 0; i < run->kept_count; i++) {
        REQUIRE(muv__crc32c(0, run->kept_body[i].data, run->kept_body[i].size) == run->kept_crc[i]);
        muv__chunk_release(run->kept[i]);
    }
}

/* An unfinished message may be found bad sooner or later: a cut element is judged again only when
 * twice as much of it has come. A finished one is judged, see require_unfinished(). */
static void require_same(const run_t *a, const run_t *b)
{
    REQUIRE(a->messages == b->messages);
    REQUIRE(a->digest == b->digest);
    REQUIRE(a->consumed == b->consumed);
    REQUIRE(a->status != b->status || a->reader.error == b->reader.error);
}

static void feed_in_pieces(run_t *run, run_t *other, const uint8_t *bytes, size_t size,
                           uint32_t seed)
{
    size_t at = 0;

    while (at < size) {
        size_t step = (seed >> 16) % 5 == 0 ? 1 + (seed >> 20) % 400 : 1 + (seed >> 20) % 24;

        seed = seed * 1103515245 + 12345;
        step = size - at < step ? size - at : step;
        feed(run, bytes + at, step);
        if (other != NULL) {
            feed(other, bytes + at, step);
        }
        at += step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run_t runs[3];
    muv__chunk_pool_t *pool;
    uint8_t *stream;
    size_t length = size - 2;

    if (size < 3 || size > 400000) {
        return -1;
    }
    pool = muv__chunk_pool_new((size_t)1 << 30);
    stream = malloc(length);
    REQUIRE(pool != NULL && stream != NULL);
    memcpy(stream, data + 2, length);
    if ((data[0] & 1) != 0 && length >= MUV__HEADER_SIZE) {
        muv__store_u32(stream, (uint32_t)length);
        muv__store_u32(stream + 12, MUV__OP_MSG);
    }
    memset(runs, 0, sizeof(runs));
    for (int i = 0; i < 3; i++) {
        muv__reader_init(&runs[i].reader, pool, MAX_MESSAGE_SIZE);
        runs[i].keep = (data[0] & 4) != 0;
        runs[i].compressed = (data[0] & 8) != 0;
        if (runs[i].compressed) {
            muv__reader_take_compressed(&runs[i].reader, 2 | 4 | 8, &kept_inflater);
        }
    }
    feed(&runs[0], stream, length);
    feed_in_pieces(&runs[1], (data[0] & 2) != 0 ? &runs[2] : NULL, stream, length, data[1]);
    require_same(&runs[0], &runs[1]);
    if ((data[0] & 2) != 0) {
        require_same(&runs[0], &runs[2]);
    }
    free(stream);
    muv__chunk_pool_close(pool);
    for (int i = 0; i < 3; i++) {
        end(&runs[i]);
    }
    return 0;
}
