/* SPDX-License-Identifier: Apache-2.0 */
/* Every message of the tables at every split, where memory comes from, and when. */
#include "wire/reader.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"
#include "unit/wire/feed.h"
#include "unit/wire/messages.h"

#define BUDGET ((size_t)1 << 20)
#define MANY_MIB (48u * 1000 * 1000)

static int open_pool(void **state)
{
    *state = muv__chunk_pool_new(BUDGET);
    return *state == NULL;
}

static int close_pool(void **state)
{
    muv__chunk_pool_close(*state);
    return 0;
}

static void check_at_every_split(muv__chunk_pool_t *pool, const char *name,
                                 const message_t *message, const transcript_t *expected)
{
    for (size_t split = 0; split <= message->size; split++) {
        transcript_t actual = feed_split(pool, message->bytes, message->size, split);

        check_same_transcript(name, split, &actual, expected);
    }
    for (size_t step = 1; step <= 8; step++) {
        transcript_t actual = feed_steps(pool, message->bytes, message->size, step);

        check_same_transcript(name, step, &actual, expected);
    }
}

static void a_good_message_comes_out_whole_at_every_split(void **state)
{
    for (size_t i = 0; i < message_good_count; i++) {
        const message_row_t *row = &message_good_rows[i];
        message_t message = message_of(row);
        transcript_t whole = feed_split(*state, message.bytes, message.size, message.size);

        assert_int_equal(whole.message_count, 1);
        assert_int_equal(whole.status, MUV__READER_MORE);
        assert_int_equal(whole.sequence_count, row->sequence_count);
        check_at_every_split(*state, row->name, &message, &whole);
        free(message.bytes);
    }
}

static void several_messages_come_out_of_one_read_and_at_every_split(void **state)
{
    size_t ends[64];
    message_t stream = message_stream(ends);
    transcript_t whole = feed_split(*state, stream.bytes, stream.size, stream.size);

    assert_int_equal(whole.message_count, message_good_count);
    assert_int_equal(whole.status, MUV__READER_MORE);
    check_at_every_split(*state, "all good messages", &stream, &whole);
    free(stream.bytes);
}

static void a_stream_cut_in_three_gives_the_same_at_every_pair_of_cuts(void **state)
{
    message_t one = message_of(&message_good_rows[message_good_count - 1]);
    message_t two = {malloc(one.size * 2), one.size * 2};
    transcript_t whole;

    assert_non_null(two.bytes);
    memcpy(two.bytes, one.bytes, one.size);
    memcpy(two.bytes + one.size, one.bytes, one.size);
    whole = feed_split(*state, two.bytes, two.size, two.size);
    assert_int_equal(whole.message_count, 2);
    for (size_t first = 0; first <= two.size; first++) {
        for (size_t second = first; second <= two.size; second++) {
            feed_t feed;

            feed_init(&feed, *state, MESSAGE_MAX_SIZE);
            feed_piece(&feed, two.bytes, first);
            feed_piece(&feed, two.bytes + first, second - first);
            feed_piece(&feed, two.bytes + second, two.size - second);
            check_same_transcript("three pieces", first, &feed.transcript, &whole);
            feed_done(&feed);
        }
    }
    free(one.bytes);
    free(two.bytes);
}

static void a_bad_message_gives_its_error_at_every_split(void **state)
{
    for (size_t i = 0; i < message_bad_count; i++) {
        const message_row_t *row = &message_bad_rows[i];
        message_t message = message_of(row);
        transcript_t expected = {.status = MUV__READER_BAD, .error = row->error};

        check_at_every_split(*state, row->name, &message, &expected);
        free(message.bytes);
    }
}

static void messages_in_front_of_a_bad_one_come_out(void **state)
{
    message_t good = message_of(&message_good_rows[0]);

    for (size_t i = 0; i < message_bad_count; i++) {
        message_t bad = message_of(&message_bad_rows[i]);
        message_t both = {malloc(good.size + bad.size), good.size + bad.size};
        transcript_t expected = feed_split(*state, good.bytes, good.size, 0);

        assert_non_null(both.bytes);
        memcpy(both.bytes, good.bytes, good.size);
        memcpy(both.bytes + good.size, bad.bytes, bad.size);
        expected.status = MUV__READER_BAD;
        expected.error = message_bad_rows[i].error;
        check_at_every_split(*state, message_bad_rows[i].name, &both, &expected);
        free(bad.bytes);
        free(both.bytes);
    }
    free(good.bytes);
}

static void an_error_stays(void **state)
{
    message_t bad = message_of(&message_bad_rows[0]);
    feed_t feed;

    feed_init(&feed, *state, MESSAGE_MAX_SIZE);
    feed_piece(&feed, bad.bytes, bad.size);
    feed_again(&feed);
    assert_int_equal(feed.transcript.status, MUV__READER_BAD);
    assert_int_equal(feed.transcript.error, MUV__WIRE_LENGTH_NEGATIVE);
    feed_done(&feed);
    free(bad.bytes);
}

static void every_protocol_error_of_a_message_is_in_the_table(void **state)
{
    (void)state;
    for (int error = MUV__WIRE_NONE + 1; error <= MUV__WIRE_CHECKSUM; error++) {
        size_t found = 0;

        for (size_t i = 0; i < message_bad_count; i++) {
            found += (int)message_bad_rows[i].error == error;
        }
        /* Depth has a test of its own. */
        if (found == 0 && error != MUV__WIRE_BSON_DEPTH) {
            fail_msg("no message for: %s", muv__wire_error_text((muv__wire_error_t)error));
        }
    }
}

static void nesting_is_accepted_up_to_its_limit(void **state)
{
    message_t good = message_nested(MUV__BSON_MAX_DEPTH);
    transcript_t whole = feed_split(*state, good.bytes, good.size, good.size);

    assert_int_equal(whole.message_count, 1);
    check_at_every_split(*state, "deepest", &good, &whole);
    free(good.bytes);
}

static void nesting_beyond_the_limit_is_an_error_at_every_split(void **state)
{
    message_t bad = message_nested(MUV__BSON_MAX_DEPTH + 1);
    message_t deepest = message_nested(12000);
    transcript_t expected = {.status = MUV__READER_BAD, .error = MUV__WIRE_BSON_DEPTH};
    transcript_t actual = feed_split(*state, deepest.bytes, deepest.size, deepest.size);

    check_at_every_split(*state, "too deep", &bad, &expected);
    check_same_transcript("far too deep", 0, &actual, &expected);
    free(bad.bytes);
    free(deepest.bytes);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static int is_error_of_the_head(muv__wire_error_t error)
{
    return error == MUV__WIRE_LENGTH_NEGATIVE || error == MUV__WIRE_LENGTH_SMALL ||
           error == MUV__WIRE_LENGTH_LARGE || error == MUV__WIRE_OPCODE || error == MUV__WIRE_FLAGS;
}

static void nothing_is_allocated_before_length_opcode_and_flags_were_checked(void **state)
{
    muv__chunk_pool_t *pool;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    pool = muv__chunk_pool_new(BUDGET);
    assert_non_null(muv__chunk_current(pool, 1));
    for (size_t i = 0; i < message_bad_count; i++) {
        message_t message = message_of(&message_bad_rows[i]);
        size_t before = counting.calls;

        for (size_t split = 0;
             split <= message.size && is_error_of_the_head(message_bad_rows[i].error); split++) {
            (void)feed_split(pool, message.bytes, message.size, split);
            (void)feed_steps(pool, message.bytes, message.size, split + 1);
            assert_int_equal(counting.calls, before);
        }
        free(message.bytes);
    }
    muv__chunk_pool_close(pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
}

static void no_request_is_larger_than_a_checked_length(void **state)
{
    muv__chunk_pool_t *pool;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    pool = muv__chunk_pool_new(BUDGET);
    for (size_t i = 0; i < message_bad_count; i++) {
        message_t message = message_of(&message_bad_rows[i]);

        for (size_t split = 0; split <= message.size; split++) {
            (void)feed_split(pool, message.bytes, message.size, split);
        }
        free(message.bytes);
    }
    /* The standard chunk; every message here claims less, or is refused. */
    assert_true(counting.largest <= MUV__CHUNK_STANDARD_SIZE + 128);
    muv__chunk_pool_close(pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
}

static void an_unfinished_head_and_an_idle_reader_hold_no_chunk(void **state)
{
    message_t message = message_of(&message_good_rows[0]);
    feed_t feed;

    feed_init(&feed, *state, MESSAGE_MAX_SIZE);
    for (size_t at = 0; at < MUV__MSG_SECTIONS_AT - 1; at++) {
        feed_piece(&feed, message.bytes + at, 1);
        assert_null(feed.reader.chunk);
        assert_int_equal(muv__reader_partial_size(&feed.reader), at + 1);
    }
    feed_piece(&feed, message.bytes + MUV__MSG_SECTIONS_AT - 1, 1);
    assert_non_null(feed.reader.chunk);
    feed_piece(&feed, message.bytes + MUV__MSG_SECTIONS_AT, message.size - MUV__MSG_SECTIONS_AT);
    assert_int_equal(feed.transcript.message_count, 1);
    assert_null(feed.reader.chunk);
    feed_done(&feed);
    free(message.bytes);
}

static void whole_messages_use_one_chunk_again_and_again_without_allocation(void **state)
{
    message_t message = message_of(&message_good_rows[3]);
    feed_t feed;
    size_t before;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    feed_init(&feed, muv__chunk_pool_new(BUDGET), MESSAGE_MAX_SIZE);
    feed_piece(&feed, message.bytes, message.size);
    before = counting.calls;
    for (int i = 0; i < 10000; i++) {
        feed_piece(&feed, message.bytes, message.size);
    }
    assert_int_equal(feed.transcript.message_count, 10001);
    assert_int_equal(counting.calls, before);
    feed_done(&feed);
    muv__chunk_pool_close(feed.pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(message.bytes);
}

static void a_retained_view_keeps_its_bytes_while_reading_goes_on(void **state)
{
    message_t message = message_of(&message_good_rows[2]);
    muv__chunk_t *kept[3000];
    const uint8_t *views[3000];
    feed_t feed;

    feed_init(&feed, *state, MESSAGE_MAX_SIZE);
    for (uint32_t i = 0; i < MUV__COUNT_OF(kept); i++) {
        size_t cut = i % message.size;
        size_t room;
        uint8_t *space;

        muv__store_u32(message.bytes + 4, i); /* All differ. */
        feed_piece(&feed, message.bytes, cut);
        space = muv__reader_space(&feed.reader, &room);
        assert_non_null(space);
        memcpy(space, message.bytes + cut, message.size - cut);
        muv__reader_commit(&feed.reader, message.size - cut);
        assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &kept[i]), MUV__READER_MESSAGE);
        (void)muv__chunk_retain(kept[i]);
        views[i] = feed.last.sections.data - MUV__MSG_SECTIONS_AT;
        feed.fed = feed.consumed = 0;
        feed_again(&feed);
    }
    feed_done(&feed);
    for (uint32_t i = 0; i < MUV__COUNT_OF(kept); i++) {
        muv__store_u32(message.bytes + 4, i);
        assert_memory_equal(views[i], message.bytes, message.size);
        muv__chunk_release(kept[i]);
    }
    free(message.bytes);
}

static void a_view_released_between_space_and_commit_moves_nothing(void **state)
{
    message_t message = message_of(&message_good_rows[0]);
    muv__chunk_t *kept;
    feed_t feed;
    uint8_t *space;
    size_t room;

    feed_init(&feed, *state, MESSAGE_MAX_SIZE);
    feed_piece(&feed, message.bytes, message.size);
    kept = muv__chunk_retain(feed.last_chunk);
    space = muv__reader_space(&feed.reader, &room);
    memcpy(space, message.bytes, message.size);
    muv__chunk_release(kept);
    muv__reader_commit(&feed.reader, message.size);
    assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &kept), MUV__READER_MESSAGE);
    assert_ptr_equal(feed.last.body.data, space + MUV__MSG_SECTIONS_AT + 1);
    assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &kept), MUV__READER_MORE);
    feed_done(&feed);
    free(message.bytes);
}

static void a_read_of_nothing_changes_nothing(void **state)
{
    message_t message = message_of(&message_good_rows[0]);
    feed_t feed;
    size_t room;

    feed_init(&feed, *state, MESSAGE_MAX_SIZE);
    for (size_t at = 0; at < message.size; at++) {
        assert_non_null(muv__reader_space(&feed.reader, &room));
        muv__reader_commit(&feed.reader, 0);
        feed_again(&feed);
        assert_int_equal(feed.transcript.status, MUV__READER_MORE);
        feed_piece(&feed, message.bytes + at, 1);
    }
    assert_int_equal(feed.transcript.message_count, 1);
    feed_done(&feed);
    free(message.bytes);
}

static void readers_share_a_chunk_in_turn(void **state)
{
    size_t ends[64];
    message_t stream = message_stream(ends);
    transcript_t whole = feed_split(*state, stream.bytes, stream.size, stream.size);
    feed_t feeds[7];
    size_t at[7] = {0};
    size_t done = 0;

    for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
        feed_init(&feeds[i], *state, MESSAGE_MAX_SIZE);
    }
    while (done < MUV__COUNT_OF(feeds)) {
        for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
            size_t rest = stream.size - at[i];
            size_t step = i * 31 + 1 < rest ? i * 31 + 1 : rest;

            feed_piece(&feeds[i], stream.bytes + at[i], step);
            at[i] += step;
            done += step != 0 && at[i] == stream.size;
        }
    }
    for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
        check_same_transcript("shared", i, &feeds[i].transcript, &whole);
        feed_done(&feeds[i]);
    }
    free(stream.bytes);
}

/* --- Large messages --------------------------------------------------------------------------- */

static transcript_t feed_large(muv__chunk_pool_t *pool, const message_t *message, size_t split,
                               size_t step)
{
    feed_t feed;

    feed_init(&feed, pool, MANY_MIB);
    feed_piece(&feed, message->bytes, split);
    for (size_t at = split; at < message->size; at += step) {
        feed_piece(&feed, message->bytes + at,
                   message->size - at < step ? message->size - at : step);
    }
    feed_done(&feed);
    return feed.transcript;
}

/* A message larger than any standard chunk: all splits near its ends and around the chunk's size,
 * and some hundred between. */
static void a_message_larger_than_a_chunk_comes_out_at_each_split(void **state)
{
    message_t large = message_binary(300 * 1000);
    transcript_t whole = feed_large(*state, &large, large.size, 1);
    const size_t chunk = MUV__CHUNK_STANDARD_SIZE;

    assert_int_equal(whole.message_count, 1);
    for (size_t split = 0; split <= large.size; split++) {
        if (split < 64 || large.size - split < 64 || (split > chunk - 64 && split < chunk + 64) ||
            split % 997 == 0) {
            transcript_t actual = feed_large(*state, &large, split, large.size);

            check_same_transcript("large", split, &actual, &whole);
        }
    }
    free(large.bytes);
}

static void a_large_message_comes_out_byte_by_byte(void **state)
{
    message_t large = message_binary(300 * 1000);
    transcript_t whole = feed_large(*state, &large, large.size, 1);
    transcript_t bytewise = feed_large(*state, &large, 0, 1);
    transcript_t by_64k = feed_large(*state, &large, 0, 65536);

    check_same_transcript("byte by byte", 1, &bytewise, &whole);
    check_same_transcript("64 KiB", 65536, &by_64k, &whole);
    free(large.bytes);
}

static void the_last_read_of_a_large_message_has_room_behind_it(void **state)
{
    message_t large = message_binary(300 * 1000);
    feed_t feed;
    size_t room;

    feed_init(&feed, *state, MANY_MIB);
    feed_piece(&feed, large.bytes, 1000);
    assert_non_null(muv__reader_space(&feed.reader, &room));
    assert_int_equal(room, large.size - 1000 + MUV__READER_SLACK);
    feed_done(&feed);
    free(large.bytes);
}

static void a_large_message_and_the_ones_behind_it_move_once(void **state)
{
    message_t large = message_binary(300 * 1000);
    message_t small = message_of(&message_good_rows[0]);
    feed_t feed;
    uint8_t *space;
    size_t room;

    feed_init(&feed, *state, MANY_MIB);
    feed_piece(&feed, large.bytes, large.size - 1);
    space = muv__reader_space(&feed.reader, &room);
    memcpy(space, large.bytes + large.size - 1, 1);
    memcpy(space + 1, small.bytes, small.size);
    memcpy(space + 1 + small.size, small.bytes, small.size - 1);
    muv__reader_commit(&feed.reader, small.size * 2);
    assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &feed.last_chunk),
                     MUV__READER_MESSAGE);
    assert_ptr_equal(feed.last.sections.data + feed.last.sections.size, space + 1);
    assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &feed.last_chunk),
                     MUV__READER_MESSAGE);
    assert_ptr_equal(feed.last.sections.data, space + 1 + MUV__MSG_SECTIONS_AT);
    assert_int_equal(muv__reader_next(&feed.reader, &feed.last, &feed.last_chunk),
                     MUV__READER_MORE);
    feed.fed = small.size - 1;
    feed.consumed = 0;
    feed_piece(&feed, small.bytes + small.size - 1, 1);
    assert_int_equal(feed.transcript.message_count, 1);
    feed_done(&feed);
    free(large.bytes);
    free(small.bytes);
}

/* The own chunk of a short message has no room for the long one that begins behind it. */
static void a_long_message_behind_a_cut_short_one_gets_its_own_room(void **state)
{
    message_t small = message_of(&message_good_rows[0]);
    message_t large = message_binary(MUV__CHUNK_STANDARD_SIZE - 34);
    uint8_t *both = malloc(small.size + large.size);
    feed_t feed;

    assert_non_null(both);
    memcpy(both, small.bytes, small.size);
    memcpy(both + small.size, large.bytes, large.size);
    feed_init(&feed, *state, MANY_MIB);
    feed_piece(&feed, both, small.size - 5);
    assert_true(feed.reader.own);
    for (size_t at = small.size - 5; at < small.size + large.size; at += 50000) {
        size_t rest = small.size + large.size - at;

        feed_piece(&feed, both + at, rest < 50000 ? rest : 50000);
    }
    assert_int_equal(feed.transcript.message_count, 2);
    assert_memory_equal(feed.last.body.data, large.bytes + 21, feed.last.body.size);
    feed_done(&feed);
    free(small.bytes);
    free(large.bytes);
    free(both);
}

static void a_second_large_message_waits_for_the_budget(void **state)
{
    message_t large = message_binary(300 * 1000);
    muv__chunk_pool_t *pool = muv__chunk_pool_new(400 * 1000);
    feed_t first;
    feed_t second;

    (void)state;
    feed_init(&first, pool, MANY_MIB);
    feed_init(&second, pool, MANY_MIB);
    feed_piece(&first, large.bytes, 1000);
    feed_piece(&second, large.bytes, 1000);
    assert_int_equal(second.transcript.status, MUV__READER_BLOCKED);
    feed_again(&second);
    assert_int_equal(second.transcript.status, MUV__READER_BLOCKED);
    assert_int_equal(muv__reader_partial_size(&second.reader), 1000);
    feed_piece(&first, large.bytes + 1000, large.size - 1000);
    assert_int_equal(first.transcript.message_count, 1);
    feed_again(&second);
    assert_int_equal(second.transcript.status, MUV__READER_MORE);
    feed_piece(&second, large.bytes + 1000, large.size - 1000);
    assert_int_equal(second.transcript.message_count, 1);
    assert_int_equal(first.transcript.digest, second.transcript.digest);
    feed_done(&first);
    feed_done(&second);
    assert_int_equal(muv__chunk_pool_budget(pool)->used_bytes, 0);
    muv__chunk_pool_close(pool);
    free(large.bytes);
}

static void a_blocked_reader_may_be_ended(void **state)
{
    message_t large = message_binary(300 * 1000);
    muv__chunk_pool_t *pool = muv__chunk_pool_new(1);
    feed_t first;
    feed_t second;

    (void)state;
    feed_init(&first, pool, MANY_MIB);
    feed_init(&second, pool, MANY_MIB);
    /* One is admitted whatever the budget says, or it could never be received. */
    feed_piece(&first, large.bytes, 1000);
    assert_int_equal(first.transcript.status, MUV__READER_MORE);
    feed_piece(&second, large.bytes, 1000);
    assert_int_equal(second.transcript.status, MUV__READER_BLOCKED);
    feed_done(&second);
    feed_done(&first);
    muv__chunk_pool_close(pool);
    free(large.bytes);
}

static void a_message_outlives_its_reader_and_pool(void **state)
{
    message_t large = message_binary(300 * 1000);
    feed_t feed;
    muv__span_t body;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    feed_init(&feed, muv__chunk_pool_new(BUDGET), MANY_MIB);
    for (size_t at = 0; at < large.size; at += 65536) {
        feed_t *one = &feed;
        size_t room;
        size_t size = large.size - at < 65536 ? large.size - at : 65536;
        uint8_t *space = muv__reader_space(&one->reader, &room);

        memcpy(space, large.bytes + at, size);
        muv__reader_commit(&one->reader, size);
        (void)muv__reader_next(&one->reader, &one->last, &one->last_chunk);
    }
    body = feed.last.body;
    (void)muv__chunk_retain(feed.last_chunk);
    feed_done(&feed);
    muv__chunk_pool_close(feed.pool);
    assert_memory_equal(body.data, large.bytes + 21, body.size);
    muv__chunk_release(feed.last_chunk);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(large.bytes);
}

/* --- Allocation failures ---------------------------------------------------------------------- */

static transcript_t run_with_failures(const message_t *small, const message_t *large)
{
    transcript_t transcript = {.status = MUV__READER_BAD};
    muv__chunk_pool_t *pool = muv__chunk_pool_new(BUDGET);
    feed_t feed;

    if (pool == NULL) {
        return transcript;
    }
    feed_init(&feed, pool, MANY_MIB);
    feed_piece(&feed, small->bytes, small->size);
    feed_piece(&feed, small->bytes, small->size - 3);
    feed_piece(&feed, small->bytes + small->size - 3, 3);
    feed_piece(&feed, large->bytes, large->size);
    feed_piece(&feed, small->bytes, small->size);
    feed_done(&feed);
    muv__chunk_pool_close(pool);
    return feed.transcript;
}

static void each_failing_allocation_is_an_error_without_a_leak(void **state)
{
    message_t large = message_binary(300 * 1000);
    message_t small = message_of(&message_good_rows[4]);
    transcript_t transcript;
    size_t failed = 0;

    (void)state;
    for (size_t count = 1; count <= SIZE_MAX / 2; count += SIZE_MAX / 2 - 1) {
        size_t fail_from = 1;

        do {
            assert_int_equal(counting_start(fail_from++, count), 0);
            transcript = run_with_failures(&small, &large);
            assert_int_equal(counting.live, 0);
            assert_true(transcript.status == MUV__READER_MORE ||
                        transcript.error == MUV__WIRE_NONE || transcript.error == MUV__WIRE_MEMORY);
            failed += transcript.status == MUV__READER_BAD;
        } while (counting.calls >= counting.fail_from);
        assert_int_equal(transcript.message_count, 4);
    }
    assert_true(failed >= 4);
    assert_int_equal(counting_stop(), 0);
    free(large.bytes);
    free(small.bytes);
}

static void a_reader_without_room_reads_on_when_there_is_memory(void **state)
{
    message_t small = message_of(&message_good_rows[0]);
    feed_t feed;
    size_t room;

    (void)state;
    assert_int_equal(counting_start(2, 1), 0);
    feed_init(&feed, muv__chunk_pool_new(BUDGET), MANY_MIB);
    assert_null(muv__reader_space(&feed.reader, &room));
    feed_piece(&feed, small.bytes, small.size);
    assert_int_equal(feed.transcript.message_count, 1);
    feed_done(&feed);
    muv__chunk_pool_close(feed.pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(small.bytes);
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(a_good_message_comes_out_whole_at_every_split),
        WITH_POOL(several_messages_come_out_of_one_read_and_at_every_split),
        WITH_POOL(a_stream_cut_in_three_gives_the_same_at_every_pair_of_cuts),
        WITH_POOL(a_bad_message_gives_its_error_at_every_split),
        WITH_POOL(messages_in_front_of_a_bad_one_come_out),
        WITH_POOL(an_error_stays),
        cmocka_unit_test(every_protocol_error_of_a_message_is_in_the_table),
        WITH_POOL(nesting_is_accepted_up_to_its_limit),
        WITH_POOL(nesting_beyond_the_limit_is_an_error_at_every_split),
        cmocka_unit_test(nothing_is_allocated_before_length_opcode_and_flags_were_checked),
        cmocka_unit_test(no_request_is_larger_than_a_checked_length),
        WITH_POOL(an_unfinished_head_and_an_idle_reader_hold_no_chunk),
        cmocka_unit_test(whole_messages_use_one_chunk_again_and_again_without_allocation),
        WITH_POOL(a_retained_view_keeps_its_bytes_while_reading_goes_on),
        WITH_POOL(a_view_released_between_space_and_commit_moves_nothing),
        WITH_POOL(a_read_of_nothing_changes_nothing),
        WITH_POOL(readers_share_a_chunk_in_turn),
        WITH_POOL(a_message_larger_than_a_chunk_comes_out_at_each_split),
        WITH_POOL(a_large_message_comes_out_byte_by_byte),
        WITH_POOL(the_last_read_of_a_large_message_has_room_behind_it),
        WITH_POOL(a_large_message_and_the_ones_behind_it_move_once),
        WITH_POOL(a_long_message_behind_a_cut_short_one_gets_its_own_room),
        cmocka_unit_test(a_second_large_message_waits_for_the_budget),
        cmocka_unit_test(a_blocked_reader_may_be_ended),
        cmocka_unit_test(a_message_outlives_its_reader_and_pool),
        cmocka_unit_test(each_failing_allocation_is_an_error_without_a_leak),
        cmocka_unit_test(a_reader_without_room_reads_on_when_there_is_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
