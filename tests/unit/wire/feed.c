/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/wire/feed.h"

#include <string.h>

#include "support/check.h"
#include "unit/wire/messages.h"
#include "wire/crc32c.h"

void feed_init(feed_t *feed, muv__chunk_pool_t *pool, uint32_t max_message_size)
{
    memset(feed, 0, sizeof(*feed));
    feed->pool = pool;
    muv__reader_init(&feed->reader, pool, max_message_size);
}

void feed_done(feed_t *feed)
{
    muv__reader_done(&feed->reader);
}

static void digest_message(transcript_t *transcript, const muv__msg_t *msg)
{
    muv__msg_sequence_t sequence;
    size_t position = 0;
    uint32_t crc = transcript->digest;
    uint32_t numbers[] = {(uint32_t)msg->header.length, (uint32_t)msg->header.request_id,
                          (uint32_t)msg->header.response_to, (uint32_t)msg->header.opcode,
                          msg->flags};

    crc = muv__crc32c(crc, (const uint8_t *)numbers, sizeof(numbers));
    crc = muv__crc32c(crc, msg->body.data, msg->body.size);
    while (muv__msg_next_sequence(msg, &position, &sequence)) {
        crc = muv__crc32c(crc, (const uint8_t *)sequence.id, strlen(sequence.id) + 1);
        crc = muv__crc32c(crc, sequence.documents.data, sequence.documents.size);
        transcript->sequence_count++;
    }
    transcript->digest = crc;
    transcript->message_count++;
}

/* `landed`: where byte number `from` of the stream was written by the last read. */
static void take_messages(feed_t *feed, const uint8_t *landed, size_t from, const void *current)
{
    muv__msg_t msg;
    muv__chunk_t *chunk;
    int result = muv__reader_next(&feed->reader, &msg, &chunk);

    while (result == MUV__READER_MESSAGE) {
        const uint8_t *message = msg.sections.data - MUV__MSG_SECTIONS_AT;

        if (feed->consumed >= from) {
            assert_ptr_equal(message, landed + (feed->consumed - from));
            assert_true(current == NULL || chunk == current);
        }
        assert_true(message >= chunk->data);
        assert_true(message + msg.header.length <= chunk->data + chunk->size);
        assert_true(chunk->refs >= 1);
        feed->consumed += (size_t)msg.header.length;
        feed->last_chunk = chunk;
        feed->last = msg;
        digest_message(&feed->transcript, &msg);
        result = muv__reader_next(&feed->reader, &msg, &chunk);
    }
    feed->transcript.status = result;
    feed->transcript.error = feed->reader.error;
    if (result != MUV__READER_BAD) {
        assert_int_equal(muv__reader_partial_size(&feed->reader), feed->fed - feed->consumed);
    }
}

void feed_again(feed_t *feed)
{
    take_messages(feed, NULL, SIZE_MAX, NULL);
}

void feed_piece(feed_t *feed, const uint8_t *bytes, size_t size)
{
    while (size != 0 && feed->transcript.status == MUV__READER_MORE) {
        size_t room = 0;
        uint8_t *space = muv__reader_space(&feed->reader, &room);
        const void *current = NULL;
        size_t count = room < size ? room : size;

        if (space == NULL) {
            feed->transcript.status = MUV__READER_BAD;
            return;
        }
        assert_true(room > 0);
        memcpy(space, bytes, count);
        muv__reader_commit(&feed->reader, count);
        if (!feed->reader.own) {
            current = muv__chunk_current(feed->pool, 0);
            assert_ptr_equal(current, feed->reader.chunk);
        }
        feed->fed += count;
        take_messages(feed, space, feed->fed - count, current);
        bytes += count;
        size -= count;
    }
}

transcript_t feed_split(muv__chunk_pool_t *pool, const uint8_t *bytes, size_t size, size_t split)
{
    feed_t feed;

    feed_init(&feed, pool, MESSAGE_MAX_SIZE);
    feed_piece(&feed, bytes, split);
    feed_piece(&feed, bytes + split, size - split);
    feed_done(&feed);
    return feed.transcript;
}

transcript_t feed_steps(muv__chunk_pool_t *pool, const uint8_t *bytes, size_t size, size_t step)
{
    feed_t feed;

    feed_init(&feed, pool, MESSAGE_MAX_SIZE);
    for (size_t at = 0; at < size; at += step) {
        feed_piece(&feed, bytes + at, size - at < step ? size - at : step);
    }
    feed_done(&feed);
    return feed.transcript;
}

void check_same_transcript(const char *name, size_t split, const transcript_t *actual,
                           const transcript_t *expected)
{
    if (actual->message_count != expected->message_count ||
        actual->sequence_count != expected->sequence_count || actual->digest != expected->digest ||
        actual->status != expected->status || actual->error != expected->error) {
        fail_msg("%s, %zu: %u messages, status %d (%s); expected %u, status %d (%s)", name, split,
                 actual->message_count, actual->status, muv__wire_error_text(actual->error),
                 expected->message_count, expected->status, muv__wire_error_text(expected->error));
    }
}
