/* SPDX-License-Identifier: Apache-2.0 */
/* Good data of the compressors' own functions, and bad data of all kinds. Input lies in allocations
 * of its exact size, output between guards. */
#include "wire/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "unit/base/counting_alloc.h"
#include "unit/wire/packed.h"

#define MAX_SIZE 48000000u
#define OFFERED (1u << PACKED_SNAPPY | 1u << PACKED_ZLIB | 1u << PACKED_ZSTD)
#define GUARD 64
#define LARGE (3 * MUV__INFLATE_STEP + 12345)

static const uint8_t ids[] = {PACKED_NOOP, PACKED_SNAPPY, PACKED_ZLIB, PACKED_ZSTD};

/* --- Headers ---------------------------------------------------------------------------------- */

static muv__wire_error_t judge(int32_t opcode, int32_t size, uint8_t id, uint8_t offered,
                               uint32_t max_size)
{
    packed_t packed = packed_envelope(opcode, size, id, NULL, 0);
    muv__envelope_t envelope = {0};
    muv__wire_error_t error =
        muv__envelope_read(packed.bytes, (uint32_t)packed.size, offered, max_size, &envelope);

    assert_int_equal(envelope.size, error == MUV__WIRE_NONE ? size + 16 : 0);
    assert_int_equal(envelope.compressor, error == MUV__WIRE_NONE ? id : 0);
    free(packed.bytes);
    return error;
}

static void a_header_is_judged_before_anything_else(void **state)
{
    (void)state;
    assert_int_equal(judge(2013, 10, 1, OFFERED, MAX_SIZE), MUV__WIRE_NONE);
    assert_int_equal(judge(2013, 47999984, 3, OFFERED, MAX_SIZE), MUV__WIRE_NONE);
    assert_int_equal(judge(2013, 47999985, 3, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_LARGE);
    assert_int_equal(judge(2013, INT32_MAX, 3, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_LARGE);
    assert_int_equal(judge(2013, 10, 1, OFFERED, 15), MUV__WIRE_COMPRESSED_LARGE);
    assert_int_equal(judge(2013, 9, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_SMALL);
    assert_int_equal(judge(2013, -1, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_SMALL);
    assert_int_equal(judge(2013, INT32_MIN, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_SMALL);
    assert_int_equal(judge(2012, 10, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_TWICE);
    assert_int_equal(judge(2004, 10, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_OPCODE);
    assert_int_equal(judge(1, 10, 1, OFFERED, MAX_SIZE), MUV__WIRE_COMPRESSED_OPCODE);
}

static void a_compressor_must_have_been_offered(void **state)
{
    (void)state;
    for (unsigned id = 0; id < 256; id++) {
        assert_int_equal(judge(2013, 10, (uint8_t)id, OFFERED, MAX_SIZE),
                         id <= 3 ? MUV__WIRE_NONE : MUV__WIRE_COMPRESSOR);
        assert_int_equal(judge(2013, 10, (uint8_t)id, 1u << PACKED_ZLIB, MAX_SIZE),
                         id == PACKED_ZLIB || id == PACKED_NOOP ? MUV__WIRE_NONE
                                                                : MUV__WIRE_COMPRESSOR);
    }
}

static void a_header_that_is_cut_is_not_read(void **state)
{
    (void)state;
    for (size_t size = 16; size < 25; size++) {
        uint8_t *bytes = malloc(16);
        muv__envelope_t envelope;

        assert_non_null(bytes);
        assert_int_equal(muv__envelope_read(bytes, (uint32_t)size, OFFERED, MAX_SIZE, &envelope),
                         MUV__WIRE_COMPRESSED_CUT);
        free(bytes);
    }
}

/* --- Data ------------------------------------------------------------------------------------- */

typedef struct outcome {
    muv__wire_error_t error; /* MUV__WIRE_NONE: all of it was made. */
    size_t steps;
    uint8_t *out; /* [own] */
} outcome_t;

static outcome_t run(muv__inflater_t *inflater, uint8_t id, const uint8_t *data, size_t size,
                     uint32_t out_size)
{
    uint8_t *memory = malloc(out_size + 2 * GUARD);
    outcome_t outcome = {.out = malloc(out_size)};
    uint32_t before = 0;
    int status;

    assert_true(memory != NULL && outcome.out != NULL);
    memset(memory, 0xa5, out_size + 2 * GUARD);
    muv__inflater_begin(inflater, id, muv__span(data, size), memory + GUARD, out_size);
    do {
        status = muv__inflater_step(inflater);
        assert_true(muv__inflater_made(inflater) <= out_size);
        assert_true(id == PACKED_SNAPPY ||
                    muv__inflater_made(inflater) - before <= MUV__INFLATE_STEP);
        before = muv__inflater_made(inflater);
        outcome.steps++;
    } while (status == MUV__INFLATE_MORE);
    outcome.error = muv__inflater_error(inflater);
    assert_int_equal(status,
                     outcome.error == MUV__WIRE_NONE ? MUV__INFLATE_DONE : MUV__INFLATE_BAD);
    assert_int_equal(muv__inflater_step(inflater) == MUV__INFLATE_BAD || status > 0, 1);
    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(memory[i], 0xa5);
        assert_int_equal(memory[GUARD + out_size + i], 0xa5);
    }
    memcpy(outcome.out, memory + GUARD, out_size);
    free(memory);
    return outcome;
}

/* The same with libraries of its own. */
static outcome_t run_once(uint8_t id, const uint8_t *data, size_t size, uint32_t out_size)
{
    muv__inflater_t *kept = NULL;
    muv__inflater_t *inflater = muv__inflater_take(&kept);
    outcome_t outcome;

    assert_non_null(inflater);
    outcome = run(inflater, id, data, size, out_size);
    muv__inflater_free(inflater);
    return outcome;
}

static void check_bad(uint8_t id, const void *data, size_t size, uint32_t out_size,
                      muv__wire_error_t expected)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    outcome_t outcome;

    assert_non_null(exact);
    memcpy(exact, data, size);
    outcome = run_once(id, exact, size, out_size);
    if (outcome.error != expected) {
        fail_msg("compressor %u: %s; expected: %s", id, muv__wire_error_text(outcome.error),
                 muv__wire_error_text(expected));
    }
    free(outcome.out);
    free(exact);
}

/* {ok: 1.0} behind flags and kind byte, as the command line tools compress it. */
#define OK_BODY "\0\0\0\0\0\x11\0\0\0\1ok\0\0\0\0\0\0\0\xf0\x3f\0"
#define OK_BODY_SIZE 22
#define OK_SNAPPY "\x16\x54" OK_BODY
#define OK_ZLIB                                                                                    \
    "\x78\x9c\x63\x60\x00\x02\x41\x20\x66\xcc\xcf\x66\x80\x80\x0f\xf6\x0c\x00\x0e\x5f\x02\x1c"
#define OK_ZSTD "\x28\xb5\x2f\xfd\x20\x16\xb1\0\0" OK_BODY
#define OK_ZSTD_STREAM "\x28\xb5\x2f\xfd\x04\x58\xb1\0\0" OK_BODY "\x6f\xca\xe4\xaf"

static void data_of_other_programs_is_read(void **state)
{
    static const struct {
        uint8_t id;
        const char *data;
        size_t size;
    } rows[] = {
        {PACKED_NOOP, OK_BODY, OK_BODY_SIZE},
        {PACKED_SNAPPY, OK_SNAPPY, 2 + OK_BODY_SIZE},
        {PACKED_ZLIB, OK_ZLIB, 22},
        {PACKED_ZSTD, OK_ZSTD, 9 + OK_BODY_SIZE},
        {PACKED_ZSTD, OK_ZSTD_STREAM, 13 + OK_BODY_SIZE}, /* Without its size, with a checksum. */
    };

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(rows); i++) {
        uint8_t *exact = malloc(rows[i].size);
        outcome_t outcome;

        assert_non_null(exact);
        memcpy(exact, rows[i].data, rows[i].size);
        outcome = run_once(rows[i].id, exact, rows[i].size, OK_BODY_SIZE);
        assert_int_equal(outcome.error, MUV__WIRE_NONE);
        assert_int_equal(outcome.steps, 1);
        assert_memory_equal(outcome.out, OK_BODY, OK_BODY_SIZE);
        free(outcome.out);
        free(exact);
    }
}

static void each_size_comes_back_in_steps_of_bounded_work(void **state)
{
    static const uint32_t sizes[] = {10, 1000, MUV__INFLATE_STEP, MUV__INFLATE_STEP + 1, LARGE};
    muv__inflater_t *kept = NULL;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids) * MUV__COUNT_OF(sizes); i++) {
        uint32_t size = sizes[i / MUV__COUNT_OF(ids)];
        uint8_t id = ids[i % MUV__COUNT_OF(ids)];
        uint8_t *text = packed_text(size);
        packed_t packed = packed_data(id, text, size);
        muv__inflater_t *inflater = muv__inflater_take(&kept);
        outcome_t outcome = run(inflater, id, packed.bytes, packed.size, size);

        assert_int_equal(outcome.error, MUV__WIRE_NONE);
        assert_memory_equal(outcome.out, text, size);
        assert_true(outcome.steps == 1 || size > MUV__INFLATE_STEP);
        assert_true(outcome.steps > 2 || size < LARGE || id == PACKED_SNAPPY);
        muv__inflater_give(&kept, inflater);
        free(outcome.out);
        free(packed.bytes);
        free(text);
    }
    muv__inflater_free(kept);
}

static void more_or_less_than_announced_is_refused(void **state)
{
    static const uint32_t sizes[] = {1000, LARGE};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids) * MUV__COUNT_OF(sizes); i++) {
        uint32_t size = sizes[i / MUV__COUNT_OF(ids)];
        uint8_t id = ids[i % MUV__COUNT_OF(ids)];
        uint8_t *text = packed_text(size);
        packed_t packed = packed_data(id, text, size);

        check_bad(id, packed.bytes, packed.size, size + 1, MUV__WIRE_COMPRESSED_SHORT);
        check_bad(id, packed.bytes, packed.size, size * 2, MUV__WIRE_COMPRESSED_SHORT);
        check_bad(id, packed.bytes, packed.size, size - 1, MUV__WIRE_COMPRESSED_LONG);
        check_bad(id, packed.bytes, packed.size, size / 2, MUV__WIRE_COMPRESSED_LONG);
        check_bad(id, packed.bytes, packed.size, 10, MUV__WIRE_COMPRESSED_LONG);
        free(packed.bytes);
        free(text);
    }
}

static void a_bomb_makes_no_more_than_announced(void **state)
{
    uint8_t *zeros = calloc(1, MAX_SIZE);

    (void)state;
    assert_non_null(zeros);
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        packed_t packed = packed_data(ids[i], zeros, MAX_SIZE);

        check_bad(ids[i], packed.bytes, packed.size, 30, MUV__WIRE_COMPRESSED_LONG);
        check_bad(ids[i], packed.bytes, packed.size, LARGE, MUV__WIRE_COMPRESSED_LONG);
        free(packed.bytes);
    }
    free(zeros);
}

/* zstd without its size in the header: only decompressing it shows. */
static void a_frame_without_size_is_counted(void **state)
{
    (void)state;
    check_bad(PACKED_ZSTD, OK_ZSTD_STREAM, 13 + OK_BODY_SIZE, OK_BODY_SIZE + 1,
              MUV__WIRE_COMPRESSED_SHORT);
    check_bad(PACKED_ZSTD, OK_ZSTD_STREAM, 13 + OK_BODY_SIZE, OK_BODY_SIZE - 1,
              MUV__WIRE_COMPRESSED_LONG);
    check_bad(PACKED_ZSTD, OK_ZSTD_STREAM, 12 + OK_BODY_SIZE, OK_BODY_SIZE,
              MUV__WIRE_COMPRESSED_LONG);
}

static void bytes_behind_the_data_are_refused(void **state)
{
    (void)state;
    check_bad(PACKED_NOOP, OK_BODY "x", OK_BODY_SIZE + 1, OK_BODY_SIZE, MUV__WIRE_COMPRESSED_LONG);
    check_bad(PACKED_SNAPPY, OK_SNAPPY "\0x", OK_BODY_SIZE + 4, OK_BODY_SIZE,
              MUV__WIRE_COMPRESSED_DATA);
    check_bad(PACKED_ZLIB, OK_ZLIB "x", 23, OK_BODY_SIZE, MUV__WIRE_COMPRESSED_TRAILING);
    check_bad(PACKED_ZSTD, OK_ZSTD "x", 10 + OK_BODY_SIZE, OK_BODY_SIZE,
              MUV__WIRE_COMPRESSED_TRAILING);
    check_bad(PACKED_ZSTD, OK_ZSTD OK_ZSTD, 18 + 2 * OK_BODY_SIZE, OK_BODY_SIZE,
              MUV__WIRE_COMPRESSED_TRAILING);
}

static void data_cut_anywhere_is_refused(void **state)
{
    uint8_t *text = packed_text(700);

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        packed_t packed = packed_data(ids[i], text, 700);

        for (size_t size = 0; size < packed.size; size++) {
            uint8_t *exact = malloc(size == 0 ? 1 : size);
            outcome_t outcome;

            assert_non_null(exact);
            memcpy(exact, packed.bytes, size);
            outcome = run_once(ids[i], exact, size, 700);
            assert_int_not_equal(outcome.error, MUV__WIRE_NONE);
            free(outcome.out);
            free(exact);
        }
        free(packed.bytes);
    }
    free(text);
}

static void damaged_data_harms_nobody(void **state)
{
    uint8_t *text = packed_text(700);

    (void)state;
    for (size_t i = 1; i < MUV__COUNT_OF(ids); i++) {
        packed_t packed = packed_data(ids[i], text, 700);
        muv__inflater_t *kept = NULL;
        muv__inflater_t *inflater = muv__inflater_take(&kept);
        outcome_t outcome;

        for (size_t bit = 0; bit < packed.size * 8; bit++) {
            packed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            outcome = run(inflater, ids[i], packed.bytes, packed.size, 700);
            if (outcome.error == MUV__WIRE_NONE && ids[i] == PACKED_ZLIB) {
                assert_memory_equal(outcome.out, text, 700); /* It has a checksum. */
            }
            free(outcome.out);
            packed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        /* And what comes next is read as ever. */
        outcome = run(inflater, ids[i], packed.bytes, packed.size, 700);
        assert_int_equal(outcome.error, MUV__WIRE_NONE);
        assert_memory_equal(outcome.out, text, 700);
        free(outcome.out);
        muv__inflater_free(inflater);
        free(packed.bytes);
    }
    free(text);
}

/* --- What is special ---------------------------------------------------------------------------*/

/* A byte of output needs 1.5 MB of input: the work of a step is bounded by that, too. */
static void input_without_output_is_taken_in_steps(void **state)
{
    static const uint8_t empty_block[] = {0, 0, 0, 0xff, 0xff};
    static const uint8_t end[] = {1, 1, 0, 0xfe, 0xff, 'x', 0, 0x79, 0, 0x79};
    size_t count = 300000;
    size_t size = 2 + count * sizeof(empty_block) + sizeof(end);
    uint8_t *data = malloc(size);
    outcome_t outcome;

    (void)state;
    assert_non_null(data);
    memcpy(data, "\x78\x9c", 2);
    for (size_t i = 0; i < count; i++) {
        memcpy(data + 2 + i * sizeof(empty_block), empty_block, sizeof(empty_block));
    }
    memcpy(data + size - sizeof(end), end, sizeof(end));
    outcome = run_once(PACKED_ZLIB, data, size, 1);
    assert_int_equal(outcome.error, MUV__WIRE_NONE);
    assert_int_equal(outcome.steps, (size + MUV__INFLATE_STEP - 1) / MUV__INFLATE_STEP);
    assert_int_equal(outcome.out[0], 'x');
    free(outcome.out);
    free(data);
}

/* Magic number, a window of 2^n bytes and no size; one block of ten zeros. */
static void a_window_beyond_the_limit_is_refused(void **state)
{
    char frame[] = "\x28\xb5\x2f\xfd\0\0\x53\0\0\0";

    (void)state;
    frame[5] = (MUV__INFLATE_WINDOW_LOG + 1 - 10) << 3;
    check_bad(PACKED_ZSTD, frame, 10, 10, MUV__WIRE_COMPRESSED_WINDOW);
    frame[5] = (MUV__INFLATE_WINDOW_LOG - 10) << 3 | 1;
    check_bad(PACKED_ZSTD, frame, 10, 10, MUV__WIRE_COMPRESSED_WINDOW);
    frame[5] = (char)(31 << 3 | 7); /* More than there may be at all. */
    check_bad(PACKED_ZSTD, frame, 10, 10, MUV__WIRE_COMPRESSED_DATA);
    frame[5] = (MUV__INFLATE_WINDOW_LOG - 10) << 3;
    check_bad(PACKED_ZSTD, frame, 10, 10, MUV__WIRE_NONE);
}

static void frames_that_hold_nothing_are_refused(void **state)
{
    (void)state;
    check_bad(PACKED_ZSTD, "\x50\x2a\x4d\x18\x02\0\0\0xy", 10, 10, MUV__WIRE_COMPRESSED_SHORT);
    check_bad(PACKED_ZSTD, "\x28\xb5\x2f\xfd\0\x20\1\0\0", 9, 10, MUV__WIRE_COMPRESSED_SHORT);
    check_bad(PACKED_ZSTD, "", 0, 10, MUV__WIRE_COMPRESSED_DATA);
    check_bad(PACKED_ZLIB, "", 0, 10, MUV__WIRE_COMPRESSED_SHORT);
    check_bad(PACKED_SNAPPY, "", 0, 10, MUV__WIRE_COMPRESSED_DATA);
    check_bad(PACKED_NOOP, "", 0, 10, MUV__WIRE_COMPRESSED_SHORT);
}

static void a_wanted_dictionary_is_refused(void **state)
{
    (void)state;
    check_bad(PACKED_ZLIB, "\x78\xbb\1\2\3\4\3\0\0\0\0\1", 12, 10, MUV__WIRE_COMPRESSED_DATA);
    check_bad(PACKED_ZSTD, "\x28\xb5\x2f\xfd\1\x20\7\x53\0\0\0", 11, 10, MUV__WIRE_COMPRESSED_DATA);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static muv__wire_error_t try_without(size_t failing, const packed_t *packed)
{
    muv__inflater_t *kept = NULL;
    muv__wire_error_t error = MUV__WIRE_MEMORY;
    muv__inflater_t *inflater;

    assert_int_equal(counting_start(failing, 1), 0);
    inflater = muv__inflater_take(&kept);
    if (inflater != NULL) {
        outcome_t outcome = run(inflater, PACKED_ZLIB, packed->bytes, packed->size, LARGE);

        error = outcome.error;
        free(outcome.out);
        muv__inflater_give(&kept, inflater);
    }
    muv__inflater_free(kept);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    return error;
}

static void every_failing_allocation_is_told(void **state)
{
    uint8_t *text = packed_text(LARGE);
    packed_t packed = packed_data(PACKED_ZLIB, text, LARGE);
    size_t failing = 1;

    (void)state;
    while (try_without(failing, &packed) == MUV__WIRE_MEMORY) {
        failing++;
        assert_true(failing < 20);
    }
    assert_int_equal(failing, 4); /* The inflater, zlib's state, its window. */
    assert_int_equal(try_without(failing, &packed), MUV__WIRE_NONE);
    free(packed.bytes);
    free(text);
}

static void one_inflater_is_kept_and_used_without_allocation(void **state)
{
    muv__inflater_t *kept = NULL;
    muv__inflater_t *first = muv__inflater_take(&kept);
    muv__inflater_t *second = muv__inflater_take(&kept);
    size_t before = 0;

    (void)state;
    muv__inflater_give(&kept, first);
    muv__inflater_give(&kept, second);
    assert_int_equal(counting_start(0, 0), 0);
    for (int i = 0; i < 100; i++) {
        muv__inflater_t *inflater = muv__inflater_take(&kept);
        outcome_t outcome = run(inflater, PACKED_ZLIB, (const uint8_t *)OK_ZLIB, 22, 22);

        assert_ptr_equal(inflater, first);
        assert_int_equal(outcome.error, MUV__WIRE_NONE);
        muv__inflater_give(&kept, inflater);
        free(outcome.out);
        before = i == 0 ? counting.calls : before;
    }
    assert_int_equal(counting.calls, before);
    assert_int_equal(counting_stop(), 0);
    muv__inflater_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_judged_before_anything_else),
        cmocka_unit_test(a_compressor_must_have_been_offered),
        cmocka_unit_test(a_header_that_is_cut_is_not_read),
        cmocka_unit_test(data_of_other_programs_is_read),
        cmocka_unit_test(each_size_comes_back_in_steps_of_bounded_work),
        cmocka_unit_test(more_or_less_than_announced_is_refused),
        cmocka_unit_test(a_bomb_makes_no_more_than_announced),
        cmocka_unit_test(a_frame_without_size_is_counted),
        cmocka_unit_test(bytes_behind_the_data_are_refused),
        cmocka_unit_test(data_cut_anywhere_is_refused),
        cmocka_unit_test(damaged_data_harms_nobody),
        cmocka_unit_test(input_without_output_is_taken_in_steps),
        cmocka_unit_test(a_window_beyond_the_limit_is_refused),
        cmocka_unit_test(frames_that_hold_nothing_are_refused),
        cmocka_unit_test(a_wanted_dictionary_is_refused),
        cmocka_unit_test(every_failing_allocation_is_told),
        cmocka_unit_test(one_inflater_is_kept_and_used_without_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
