/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed messages through the reader: the same messages come out as from plain ones, at every
 * split; steps; where memory comes from, and when. */
#include "wire/reader.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"
#include "unit/wire/messages.h"
#include "unit/wire/packed.h"

#define BUDGET ((size_t)1 << 20)
#define MANY_MIB (48u * 1000 * 1000)
#define OFFERED (1u << PACKED_SNAPPY | 1u << PACKED_ZLIB | 1u << PACKED_ZSTD)
#define LARGE (5 * MUV__INFLATE_STEP)

static const uint8_t ids[] = {PACKED_NOOP, PACKED_SNAPPY, PACKED_ZLIB, PACKED_ZSTD};

typedef struct feed {
    muv__reader_t reader;
    muv__inflater_t *kept;
    int status;
    size_t again_count;
    size_t message_count;
    packed_t last; /* Body of the last message, copied. */
    int32_t last_id;
    muv__chunk_t *last_chunk;
} feed_t;

static void feed_init(feed_t *feed, muv__chunk_pool_t *pool)
{
    memset(feed, 0, sizeof(*feed));
    muv__reader_init(&feed->reader, pool, MANY_MIB);
    muv__reader_take_compressed(&feed->reader, OFFERED, &feed->kept);
}

static void feed_done(feed_t *feed)
{
    muv__reader_done(&feed->reader);
    muv__inflater_free(feed->kept);
    free(feed->last.bytes);
}

/* What the messages hold; until the reader wants bytes, or is blocked, or has failed. */
static void take(feed_t *feed)
{
    muv__msg_t msg;

    for (;;) {
        feed->status = muv__reader_next(&feed->reader, &msg, &feed->last_chunk);
        if (feed->status == MUV__READER_AGAIN) {
            assert_int_not_equal(muv__reader_partial_size(&feed->reader), 0);
            feed->again_count++;
        } else if (feed->status == MUV__READER_MESSAGE) {
            assert_int_equal(msg.header.opcode, 2013);
            assert_true(msg.body.data > feed->last_chunk->data);
            assert_true(msg.body.data + msg.body.size <=
                        feed->last_chunk->data + feed->last_chunk->size);
            free(feed->last.bytes);
            feed->last = (packed_t){malloc(msg.body.size), msg.body.size};
            memcpy(feed->last.bytes, msg.body.data, msg.body.size);
            feed->last_id = msg.header.response_to;
            feed->message_count++;
        } else {
            return;
        }
    }
}

static void piece(feed_t *feed, const uint8_t *bytes, size_t size)
{
    while (size != 0 && feed->status == MUV__READER_MORE) {
        size_t room = 0;
        uint8_t *space = muv__reader_space(&feed->reader, &room);
        size_t count = room < size ? room : size;

        if (space == NULL) {
            feed->status = MUV__READER_BAD;
            return;
        }
        memcpy(space, bytes, count);
        muv__reader_commit(&feed->reader, count);
        take(feed);
        bytes += count;
        size -= count;
    }
}

static void check_last(const feed_t *feed, const uint8_t *plain, size_t size)
{
    assert_int_equal(feed->last.size, size - 21);
    assert_memory_equal(feed->last.bytes, plain + 21, size - 21);
}

static int open_pool(void **state)
{
    *state = muv__chunk_pool_new(BUDGET);
    return *state == NULL;
}

static int close_pool(void **state)
{
    assert_int_equal(muv__chunk_pool_budget(*state)->used_bytes, 0);
    muv__chunk_pool_close(*state);
    return 0;
}

/* --- Small messages --------------------------------------------------------------------------- */

static void a_message_comes_out_at_every_split(void **state)
{
    uint8_t *plain = packed_plain_message(200);

    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        packed_t packed = packed_message(ids[i], plain, 200);

        for (size_t split = 0; split <= packed.size; split++) {
            feed_t feed;

            feed_init(&feed, *state);
            piece(&feed, packed.bytes, split);
            piece(&feed, packed.bytes + split, packed.size - split);
            assert_int_equal(feed.status, MUV__READER_MORE);
            assert_int_equal(feed.message_count, 1);
            assert_int_equal(feed.again_count, 0);
            assert_int_equal(feed.last_id, 8);
            assert_null(feed.reader.chunk);
            assert_null(feed.reader.made);
            check_last(&feed, plain, 200);
            feed_done(&feed);
        }
        free(packed.bytes);
    }
    free(plain);
}

/* Five messages of all kinds, plain ones between them. Returns their count. */
static size_t make_stream(packed_t *stream, const uint8_t *plain, size_t size)
{
    stream->bytes = malloc(12 * size + 1000);
    stream->size = 0;
    assert_non_null(stream->bytes);
    for (size_t i = 0; i < 5; i++) {
        packed_t packed = packed_message(ids[i % 4], plain, size);

        memcpy(stream->bytes + stream->size, packed.bytes, packed.size);
        stream->size += packed.size;
        memcpy(stream->bytes + stream->size, plain, size);
        stream->size += size;
        free(packed.bytes);
    }
    return 10;
}

static void plain_and_compressed_ones_follow_each_other_at_every_step(void **state)
{
    uint8_t *plain = packed_plain_message(100);
    packed_t stream;
    size_t count = make_stream(&stream, plain, 100);

    for (size_t step = 1; step <= stream.size; step++) {
        feed_t feed;

        feed_init(&feed, *state);
        for (size_t at = 0; at < stream.size; at += step) {
            piece(&feed, stream.bytes + at, stream.size - at < step ? stream.size - at : step);
        }
        assert_int_equal(feed.status, MUV__READER_MORE);
        assert_int_equal(feed.message_count, count);
        check_last(&feed, plain, 100);
        feed_done(&feed);
    }
    free(stream.bytes);
    free(plain);
}

static void readers_share_a_chunk_in_turn(void **state)
{
    uint8_t *plain = packed_plain_message(3000);
    packed_t stream;
    size_t count = make_stream(&stream, plain, 3000);
    feed_t feeds[5];

    for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
        feed_init(&feeds[i], *state);
    }
    for (size_t at = 0; at < stream.size; at += 77) {
        for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
            piece(&feeds[i], stream.bytes + at, stream.size - at < 77 ? stream.size - at : 77);
        }
    }
    for (size_t i = 0; i < MUV__COUNT_OF(feeds); i++) {
        assert_int_equal(feeds[i].message_count, count);
        check_last(&feeds[i], plain, 3000);
        feed_done(&feeds[i]);
    }
    free(stream.bytes);
    free(plain);
}

static void a_retained_chunk_keeps_its_bytes(void **state)
{
    muv__chunk_t *kept[2000];
    const uint8_t *views[2000];
    uint8_t *plain = packed_plain_message(700);
    packed_t packed = packed_message(PACKED_SNAPPY, plain, 700);
    muv__msg_t msg;
    feed_t feed;
    size_t room;

    feed_init(&feed, *state);
    for (size_t i = 0; i < MUV__COUNT_OF(kept); i++) {
        memcpy(muv__reader_space(&feed.reader, &room), packed.bytes, packed.size);
        muv__reader_commit(&feed.reader, packed.size);
        assert_int_equal(muv__reader_next(&feed.reader, &msg, &kept[i]), MUV__READER_MESSAGE);
        (void)muv__chunk_retain(kept[i]);
        views[i] = msg.body.data;
        take(&feed);
    }
    feed_done(&feed);
    for (size_t i = 0; i < MUV__COUNT_OF(kept); i++) {
        assert_memory_equal(views[i], plain + 21, 700 - 21);
        muv__chunk_release(kept[i]);
    }
    free(packed.bytes);
    free(plain);
}

/* --- Large messages --------------------------------------------------------------------------- */

static void a_large_message_takes_steps_and_others_go_on_between(void **state)
{
    uint8_t *plain = packed_plain_message(LARGE);

    for (size_t i = 0; i < MUV__COUNT_OF(ids) * 3; i++) {
        static const size_t splits[] = {1000, 20, MUV__CHUNK_STANDARD_SIZE};
        packed_t packed = packed_message(ids[i % 4], plain, LARGE);
        size_t split = splits[i / 4];
        feed_t feed;

        feed_init(&feed, *state);
        piece(&feed, packed.bytes, split);
        piece(&feed, packed.bytes + split, packed.size - split);
        assert_int_equal(feed.message_count, 1);
        assert_in_range(feed.again_count, 4, 12);
        check_last(&feed, plain, LARGE);
        feed_done(&feed);
        free(packed.bytes);
    }
    free(plain);
}

static void both_halves_are_admitted_together(void **state)
{
    uint8_t *plain = packed_plain_message(LARGE); /* More than the budget, even alone. */
    packed_t packed = packed_message(PACKED_ZLIB, plain, LARGE);
    feed_t first;
    feed_t second;

    feed_init(&first, *state);
    feed_init(&second, *state);
    piece(&first, packed.bytes, 30);
    assert_int_equal(first.status, MUV__READER_MORE);
    piece(&second, packed.bytes, 30);
    assert_int_equal(second.status, MUV__READER_BLOCKED);
    piece(&first, packed.bytes + 30, packed.size - 30);
    assert_int_equal(first.message_count, 1);
    take(&second);
    assert_int_equal(second.status, MUV__READER_MORE);
    piece(&second, packed.bytes + 30, packed.size - 30);
    assert_int_equal(second.message_count, 1);
    check_last(&second, plain, LARGE);
    feed_done(&first);
    feed_done(&second);
    free(packed.bytes);
    free(plain);
}

static void the_end_may_come_in_the_middle(void **state)
{
    uint8_t *plain = packed_plain_message(LARGE);
    packed_t packed = packed_message(PACKED_ZSTD, plain, LARGE);
    muv__chunk_t *chunk;
    muv__msg_t msg;
    feed_t feed;
    size_t room;

    feed_init(&feed, *state);
    piece(&feed, packed.bytes, packed.size - 1);
    memcpy(muv__reader_space(&feed.reader, &room), packed.bytes + packed.size - 1, 1);
    muv__reader_commit(&feed.reader, 1);
    assert_int_equal(muv__reader_next(&feed.reader, &msg, &chunk), MUV__READER_AGAIN);
    assert_null(feed.kept);
    feed_done(&feed); /* close_pool() looks at the budget. */
    assert_non_null(feed.kept);
    free(packed.bytes);
    free(plain);
}

/* --- Bad ones --------------------------------------------------------------------------------- */

static void check_bad(muv__chunk_pool_t *pool, const packed_t *packed, muv__wire_error_t expected)
{
    for (size_t split = 0; split <= packed->size; split++) {
        feed_t feed;

        feed_init(&feed, pool);
        piece(&feed, packed->bytes, split);
        piece(&feed, packed->bytes + split, packed->size - split);
        assert_int_equal(feed.status, MUV__READER_BAD);
        assert_int_equal(feed.message_count, 0);
        assert_string_equal(muv__wire_error_text(feed.reader.error),
                            muv__wire_error_text(expected));
        take(&feed);
        assert_int_equal(feed.status, MUV__READER_BAD);
        feed_done(&feed);
    }
}

static void a_bad_envelope_is_refused_at_every_split(void **state)
{
    static const struct {
        int32_t opcode;
        int32_t size;
        uint8_t id;
        const char *data;
        muv__wire_error_t error;
    } rows[] = {
        {2012, 22, 2, "xxxx", MUV__WIRE_COMPRESSED_TWICE},
        {2004, 22, 2, "xxxx", MUV__WIRE_COMPRESSED_OPCODE},
        {2013, 9, 2, "xxxx", MUV__WIRE_COMPRESSED_SMALL},
        {2013, -22, 2, "xxxx", MUV__WIRE_COMPRESSED_SMALL},
        {2013, MANY_MIB, 2, "xxxx", MUV__WIRE_COMPRESSED_LARGE},
        {2013, 22, 4, "xxxx", MUV__WIRE_COMPRESSOR},
        {2013, 22, 2, "xxxx", MUV__WIRE_COMPRESSED_DATA},
        {2013, 22, 0, "xxxx", MUV__WIRE_COMPRESSED_SHORT},
        {2013, 22, 0, "xxxxxxxxxxxxxxxxxxxxxxx", MUV__WIRE_COMPRESSED_LONG},
        {2013, 22, 3, "", MUV__WIRE_COMPRESSED_DATA},
    };

    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        packed_t packed = packed_envelope(rows[i].opcode, rows[i].size, rows[i].id,
                                          (const uint8_t *)rows[i].data, strlen(rows[i].data));

        check_bad(*state, &packed, rows[i].error);
        free(packed.bytes);
    }
}

/* A good message, and there is more behind it in the data than was announced. */
static void a_message_that_goes_on_is_refused(void **state)
{
    static const size_t sizes[] = {200, LARGE};

    for (size_t i = 0; i < MUV__COUNT_OF(ids) * MUV__COUNT_OF(sizes); i++) {
        size_t size = sizes[i / MUV__COUNT_OF(ids)];
        uint8_t *plain = packed_plain_message(size);
        uint8_t *longer = calloc(1, size + 1000);
        packed_t data;
        packed_t packed;
        feed_t feed;

        assert_non_null(longer);
        memcpy(longer, plain, size);
        data = packed_data(ids[i % 4], longer + 16, size + 1000 - 16);
        packed = packed_envelope(2013, (int32_t)size - 16, ids[i % 4], data.bytes, data.size);
        feed_init(&feed, *state);
        piece(&feed, packed.bytes, packed.size);
        assert_int_equal(feed.message_count, 0);
        assert_int_equal(feed.reader.error, MUV__WIRE_COMPRESSED_LONG);
        feed_done(&feed);
        free(packed.bytes);
        free(data.bytes);
        free(longer);
        free(plain);
    }
}

static void an_envelope_that_is_cut_is_refused(void **state)
{
    for (uint32_t length = 16; length < 25; length++) {
        packed_t packed = packed_envelope(2013, 22, 2, NULL, 0);

        muv__store_u32(packed.bytes, length);
        packed.size = length;
        check_bad(*state, &packed, MUV__WIRE_COMPRESSED_CUT);
        free(packed.bytes);
    }
}

/* What is wrong with plain messages is wrong with compressed ones, too. */
static void a_bad_message_inside_gives_its_error(void **state)
{
    for (size_t i = 0; i < message_bad_count; i++) {
        message_t message = message_of(&message_bad_rows[i]);
        muv__wire_error_t error = message_bad_rows[i].error;

        /* The header around it is made anew, and so is the sum over it. */
        if (message.size >= 26 && error != MUV__WIRE_OPCODE && error != MUV__WIRE_CHECKSUM &&
            message_bad_rows[i].length == 0) {
            packed_t packed = packed_message(PACKED_ZLIB, message.bytes, message.size);

            check_bad(*state, &packed, error);
            free(packed.bytes);
        }
        free(message.bytes);
    }
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void nothing_is_allocated_before_the_envelope_was_judged(void **state)
{
    packed_t packed = packed_envelope(2013, MANY_MIB, 2, NULL, 0);
    muv__chunk_pool_t *pool;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    pool = muv__chunk_pool_new(BUDGET);
    assert_non_null(muv__chunk_current(pool, 1));
    muv__store_u32(packed.bytes, 1000000);
    for (size_t split = 0; split <= packed.size; split++) {
        size_t before = counting.calls;
        feed_t feed;

        feed_init(&feed, pool);
        piece(&feed, packed.bytes, split);
        piece(&feed, packed.bytes + split, packed.size - split);
        assert_int_equal(feed.status, MUV__READER_BAD);
        assert_int_equal(counting.calls, before);
        feed_done(&feed);
    }
    muv__chunk_pool_close(pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(packed.bytes);
}

static void the_steady_state_allocates_nothing(void **state)
{
    uint8_t *plain = packed_plain_message(2000);
    feed_t feed;
    size_t before = 0;

    (void)state;
    assert_int_equal(counting_start(0, 0), 0);
    feed_init(&feed, muv__chunk_pool_new(BUDGET));
    for (size_t i = 0; i < 4000; i++) {
        packed_t packed = packed_message(ids[i % 4], plain, 2000);

        before = i == 4 ? counting.calls : before;
        piece(&feed, packed.bytes, packed.size);
        free(packed.bytes);
    }
    assert_int_equal(feed.message_count, 4000);
    assert_int_equal(counting.calls, before);
    feed_done(&feed);
    muv__chunk_pool_close(feed.reader.pool);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(plain);
}

/* Returns whether the message came out. */
static int try_without(size_t failing, const packed_t *packed)
{
    muv__chunk_pool_t *pool = muv__chunk_pool_new(BUDGET);
    feed_t feed;
    int came;

    assert_int_equal(counting_start(failing, 1), 0);
    feed_init(&feed, pool);
    piece(&feed, packed->bytes, 3000);
    piece(&feed, packed->bytes + 3000, packed->size - 3000);
    came = feed.message_count == 1;
    assert_int_equal(feed.status, came ? MUV__READER_MORE : MUV__READER_BAD);
    assert_true(came || feed.reader.error == MUV__WIRE_MEMORY ||
                feed.reader.error == MUV__WIRE_NONE);
    feed_done(&feed);
    muv__chunk_pool_close(pool);
    /* Made before the counting began, freed in it. */
    assert_int_equal(counting.live, (size_t)-1);
    assert_int_equal(counting_stop(), 0);
    return came;
}

static void every_failing_allocation_is_told(void **state)
{
    static const size_t sizes[] = {20000, LARGE};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(sizes); i++) {
        uint8_t *plain = packed_plain_message(sizes[i]);
        packed_t packed = packed_message(PACKED_ZLIB, plain, sizes[i]);
        size_t failing = 1;

        while (!try_without(failing, &packed)) {
            failing++;
            assert_true(failing < 20);
        }
        assert_true(failing > 4);
        free(packed.bytes);
        free(plain);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_pool, close_pool)
    const struct CMUnitTest tests[] = {
        CASE(a_message_comes_out_at_every_split),
        CASE(plain_and_compressed_ones_follow_each_other_at_every_step),
        CASE(readers_share_a_chunk_in_turn),
        CASE(a_retained_chunk_keeps_its_bytes),
        CASE(a_large_message_takes_steps_and_others_go_on_between),
        CASE(both_halves_are_admitted_together),
        CASE(the_end_may_come_in_the_middle),
        CASE(a_bad_envelope_is_refused_at_every_split),
        CASE(a_message_that_goes_on_is_refused),
        CASE(an_envelope_that_is_cut_is_refused),
        CASE(a_bad_message_inside_gives_its_error),
        cmocka_unit_test(nothing_is_allocated_before_the_envelope_was_judged),
        cmocka_unit_test(the_steady_state_allocates_nothing),
        cmocka_unit_test(every_failing_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
