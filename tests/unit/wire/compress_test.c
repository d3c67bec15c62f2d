/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out is opened with the compressors' own functions. */
#include "wire/compress.h"

#include <stdlib.h>
#include <string.h>

#include "muv/error.h"

#include "support/check.h"
#include "unit/base/counting_alloc.h"
#include "unit/wire/packed.h"

#define MAX_SIZE 48000000
#define LARGE (3 * MUV__COMPRESS_STEP + 12345)

static const uint8_t ids[] = {PACKED_SNAPPY, PACKED_ZLIB, PACKED_ZSTD};

static muv__message_t message_of(const uint8_t *bytes, size_t size, size_t cut)
{
    muv__message_t message = {.parts = {{bytes, cut}, {bytes + cut, size - cut}},
                              .count = cut < size ? 2 : 1};

    return message;
}

/* Returns the last status; `*ret_steps` counts them all. */
static int run(muv__compressor_t *compressor, size_t *ret_steps)
{
    int status;

    *ret_steps = 0;
    do {
        status = muv__compressor_step(compressor);
        ++*ret_steps;
    } while (status == MUV__COMPRESS_MORE);
    return status;
}

/* `out` is an OP_COMPRESSED of exactly this message. */
static void check_holds(const muv__buf_t *out, uint8_t id, const uint8_t *bytes, size_t size)
{
    muv__header_t header = muv__header_read(out->data);
    packed_t open = packed_open(id, out->data + 25, out->size - 25, size - 16);

    assert_int_equal(header.length, out->size);
    assert_memory_equal(out->data + 4, bytes + 4, 8);
    assert_int_equal(header.opcode, 2012);
    assert_int_equal(muv__load_i32(out->data + 16), 2013);
    assert_int_equal(muv__load_i32(out->data + 20), size - 16);
    assert_int_equal(out->data[24], id);
    assert_memory_equal(open.bytes, bytes + 16, size - 16);
    free(open.bytes);
}

static void check_cut(muv__compressor_t *compressor, uint8_t id, const uint8_t *bytes, size_t size,
                      size_t cut)
{
    muv__message_t message = message_of(bytes, size, cut);
    muv__buf_t out;
    size_t steps;

    muv__buf_init(&out, MAX_SIZE);
    muv__compressor_begin(compressor, id, -1, &message, &out);
    assert_int_equal(run(compressor, &steps), MUV__COMPRESS_DONE);
    assert_int_equal(steps, (size - 16 + MUV__COMPRESS_STEP - 1) / MUV__COMPRESS_STEP);
    check_holds(&out, id, bytes, size);
    muv__buf_done(&out);
}

static void a_message_cut_in_parts_anywhere_is_one_stream(void **state)
{
    uint8_t *bytes = packed_plain_message(300);
    muv__compressor_t *kept = NULL;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        for (size_t cut = 17; cut <= 300; cut++) {
            muv__compressor_t *compressor = muv__compressor_take(&kept);

            assert_non_null(compressor);
            check_cut(compressor, ids[i], bytes, 300, cut);
            muv__compressor_give(&kept, compressor);
        }
    }
    muv__compressor_free(kept);
    free(bytes);
}

static void the_least_message_is_compressed(void **state)
{
    static const uint8_t bytes[] = {26, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xdd,
                                    7,  0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0};
    muv__compressor_t *kept = NULL;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        muv__compressor_t *compressor = muv__compressor_take(&kept);

        check_cut(compressor, ids[i], bytes, sizeof(bytes), sizeof(bytes));
        muv__compressor_give(&kept, compressor);
    }
    muv__compressor_free(kept);
}

static void a_large_message_takes_steps_of_bounded_work(void **state)
{
    static const size_t cuts[] = {100, MUV__COMPRESS_STEP, MUV__COMPRESS_STEP + 17, LARGE};
    uint8_t *bytes = packed_plain_message(LARGE);
    muv__compressor_t *kept = NULL;

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids) * MUV__COUNT_OF(cuts); i++) {
        muv__compressor_t *compressor = muv__compressor_take(&kept);

        check_cut(compressor, ids[i % 3], bytes, LARGE, cuts[i / 3]);
        muv__compressor_give(&kept, compressor);
    }
    muv__compressor_free(kept);
    free(bytes);
}

static void snappy_of_one_part_is_what_the_library_makes_of_the_whole(void **state)
{
    uint8_t *bytes = packed_plain_message(LARGE);
    packed_t expected = packed_message(PACKED_SNAPPY, bytes, LARGE);
    muv__message_t message = message_of(bytes, LARGE, LARGE);
    muv__compressor_t *kept = NULL;
    muv__compressor_t *compressor = muv__compressor_take(&kept);
    muv__buf_t out;
    size_t steps;

    (void)state;
    muv__buf_init(&out, MAX_SIZE);
    muv__compressor_begin(compressor, PACKED_SNAPPY, 0, &message, &out);
    assert_int_equal(run(compressor, &steps), MUV__COMPRESS_DONE);
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.bytes, expected.size);
    muv__buf_done(&out);
    muv__compressor_free(compressor);
    free(expected.bytes);
    free(bytes);
}

static void zlib_takes_every_level(void **state)
{
    uint8_t *bytes = packed_plain_message(20000);
    muv__message_t message = message_of(bytes, 20000, 20000);
    size_t sizes[11];
    muv__compressor_t *kept = NULL;
    muv__compressor_t *compressor = muv__compressor_take(&kept);
    muv__buf_t out;

    (void)state;
    muv__buf_init(&out, MAX_SIZE);
    for (int level = -1; level <= 9; level++) {
        size_t steps;

        muv__compressor_begin(compressor, PACKED_ZLIB, level, &message, &out);
        assert_int_equal(run(compressor, &steps), MUV__COMPRESS_DONE);
        check_holds(&out, PACKED_ZLIB, bytes, 20000);
        sizes[level + 1] = out.size;
    }
    assert_true(sizes[1] > 20000); /* Level 0 stores. */
    assert_true(sizes[10] < sizes[2]);
    assert_int_equal(sizes[0], sizes[7]); /* -1 is 6. */
    muv__buf_done(&out);
    muv__compressor_free(compressor);
    free(bytes);
}

static void what_cannot_be_compressed_grows_a_little(void **state)
{
    uint8_t *bytes = packed_plain_message(LARGE);
    uint32_t noise = 1;
    muv__compressor_t *kept = NULL;

    (void)state;
    for (size_t i = 33; i < LARGE - 1; i++) {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        bytes[i] = (uint8_t)noise;
    }
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        muv__compressor_t *compressor = muv__compressor_take(&kept);

        check_cut(compressor, ids[i], bytes, LARGE, 5000);
        muv__compressor_give(&kept, compressor);
    }
    muv__compressor_free(kept);
    free(bytes);
}

static void a_message_beyond_the_maximum_is_refused(void **state)
{
    uint8_t *bytes = packed_plain_message(5000);
    muv__message_t message = message_of(bytes, 5000, 5000);

    (void)state;
    for (size_t max_size = 1; max_size < 1000; max_size++) {
        muv__compressor_t *kept = NULL;
        muv__compressor_t *compressor = muv__compressor_take(&kept);
        muv__buf_t out;
        size_t steps;

        muv__buf_init(&out, max_size);
        muv__compressor_begin(compressor, ids[max_size % 3], 6, &message, &out);
        assert_int_equal(run(compressor, &steps), MUV_ETOOLARGE);
        assert_true(out.size <= max_size);
        muv__buf_done(&out);
        muv__compressor_free(compressor);
    }
    free(bytes);
}

static void commands_of_handshakes_and_users_may_not_be_compressed(void **state)
{
    static const char *const never[] = {
        "hello",        "isMaster",   "ismaster",   "saslStart",       "saslContinue",   "getnonce",
        "authenticate", "createUser", "updateUser", "copydbSaslStart", "copydbgetnonce", "copydb"};

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(never); i++) {
        assert_false(muv__compress_allowed(never[i]));
    }
    assert_true(muv__compress_allowed("find"));
    assert_true(muv__compress_allowed("hell"));
    assert_true(muv__compress_allowed("helloo"));
    assert_true(muv__compress_allowed("usersInfo"));
    assert_true(muv__compress_allowed(""));
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* zstd and snappy take their memory elsewhere. */
static void the_steady_state_allocates_nothing(void **state)
{
    uint8_t *bytes = packed_plain_message(5000);
    muv__message_t message = message_of(bytes, 5000, 1000);
    muv__compressor_t *kept = NULL;
    muv__buf_t out;
    size_t before = 0;

    (void)state;
    muv__buf_init(&out, MAX_SIZE);
    assert_int_equal(counting_start(0, 0), 0);
    for (size_t i = 0; i < 300; i++) {
        muv__compressor_t *compressor = muv__compressor_take(&kept);
        size_t steps;

        before = i == 3 ? counting.calls : before;
        muv__compressor_begin(compressor, ids[i % 3], 6, &message, &out);
        assert_int_equal(run(compressor, &steps), MUV__COMPRESS_DONE);
        muv__compressor_give(&kept, compressor);
    }
    assert_int_equal(counting.calls, before);
    muv__compressor_free(kept);
    muv__buf_done(&out);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    free(bytes);
}

static int try_without(size_t failing, const muv__message_t *message, uint8_t id)
{
    muv__compressor_t *kept = NULL;
    muv__compressor_t *compressor;
    muv__buf_t out;
    size_t steps;
    int status = MUV_ENOMEM;

    assert_int_equal(counting_start(failing, 1), 0);
    muv__buf_init(&out, MAX_SIZE);
    compressor = muv__compressor_take(&kept);
    if (compressor != NULL) {
        muv__compressor_begin(compressor, id, 6, message, &out);
        status = run(compressor, &steps);
        muv__compressor_give(&kept, compressor);
    }
    muv__compressor_free(kept);
    muv__buf_done(&out);
    assert_int_equal(counting.live, 0);
    assert_int_equal(counting_stop(), 0);
    return status;
}

static void every_failing_allocation_is_told(void **state)
{
    uint8_t *bytes = packed_plain_message(LARGE);
    muv__message_t message = message_of(bytes, LARGE, 1000);

    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(ids); i++) {
        size_t failing = 1;

        while (try_without(failing, &message, ids[i]) == MUV_ENOMEM) {
            failing++;
            assert_true(failing < 100);
        }
        assert_true(failing > 2);
    }
    free(bytes);
}

static void one_compressor_is_kept_and_a_second_one_freed(void **state)
{
    muv__compressor_t *kept = NULL;
    muv__compressor_t *first = muv__compressor_take(&kept);
    muv__compressor_t *second = muv__compressor_take(&kept);

    (void)state;
    assert_ptr_not_equal(first, second);
    muv__compressor_give(&kept, first);
    muv__compressor_give(&kept, second);
    assert_ptr_equal(muv__compressor_take(&kept), first);
    assert_null(kept);
    muv__compressor_free(first);
    muv__compressor_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_cut_in_parts_anywhere_is_one_stream),
        cmocka_unit_test(the_least_message_is_compressed),
        cmocka_unit_test(a_large_message_takes_steps_of_bounded_work),
        cmocka_unit_test(snappy_of_one_part_is_what_the_library_makes_of_the_whole),
        cmocka_unit_test(zlib_takes_every_level),
        cmocka_unit_test(what_cannot_be_compressed_grows_a_little),
        cmocka_unit_test(a_message_beyond_the_maximum_is_refused),
        cmocka_unit_test(commands_of_handshakes_and_users_may_not_be_compressed),
        cmocka_unit_test(the_steady_state_allocates_nothing),
        cmocka_unit_test(every_failing_allocation_is_told),
        cmocka_unit_test(one_compressor_is_kept_and_a_second_one_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
