/* SPDX-License-Identifier: Apache-2.0 */
/* The resumable structural check: every split, every cut, single changed bytes against libbson, and
 * the amount of work. */
#include "base/bson_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/bson_view.h"
#include "base/endian.h"
#include "support/check.h"
#include "unit/base/strict_walk.h"

#define ALL_TYPES                                                                                  \
    "{\"d\": 1.5, \"s\": \"text\", \"o\": {\"a\": {}}, \"l\": [1, [2]],"                           \
    " \"b\": {\"$binary\": {\"base64\": \"AAEC\", \"subType\": \"80\"}},"                          \
    " \"u\": {\"$undefined\": true}, \"_id\": {\"$oid\": \"0102030405060708090a0b0c\"},"           \
    " \"t\": true, \"dt\": {\"$date\": {\"$numberLong\": \"1\"}}, \"n\": null,"                    \
    " \"r\": {\"$regularExpression\": {\"pattern\": \"^a\", \"options\": \"i\"}},"                 \
    " \"c\": {\"$code\": \"f()\"}, \"y\": {\"$symbol\": \"sym\"},"                                 \
    " \"w\": {\"$code\": \"f()\", \"$scope\": {\"x\": {\"y\": 1}}},"                               \
    " \"ts\": {\"$timestamp\": {\"t\": 1, \"i\": 2}}, \"L\": {\"$numberLong\": \"5\"},"            \
    " \"D\": {\"$numberDecimal\": \"1.5\"}, \"k\": {\"$minKey\": 1}, \"K\": {\"$maxKey\": 1}}"

/* One step with the first `avail` bytes in memory of exactly that size. */
static int step_on_copy(muv__bson_check_t *check, const uint8_t *document, size_t avail)
{
    uint8_t *copy = malloc(avail == 0 ? 1 : avail);
    int result;

    assert_non_null(copy);
    memcpy(copy, document, avail);
    result = muv__bson_check_step(check, copy, avail);
    free(copy);
    return result;
}

static int check_whole(const uint8_t *document, size_t size)
{
    muv__bson_check_t check;

    muv__bson_check_init(&check, (uint32_t)size);
    return step_on_copy(&check, document, size);
}

/* Documents of one kind of element each, and all together. */
static const char *const documents[] = {
    "{}",
    ALL_TYPES,
    "{\"a\": {\"b\": {\"c\": [[], [[]], {}]}}}",
    "{\"\": \"\", \"a very long key that takes more bytes than its value\": null}",
    "{\"w\": {\"$code\": \"\", \"$scope\": {\"w\": {\"$code\": \"x\", \"$scope\": {}}}}}",
};

static void a_document_is_done_with_its_last_byte_and_not_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(documents); i++) {
        bson_t *document = bson_from(documents[i]);
        const uint8_t *data = bson_get_data(document);
        muv__bson_check_t check;

        muv__bson_check_init(&check, document->len);
        for (size_t avail = 0; avail < document->len; avail++) {
            assert_int_equal(step_on_copy(&check, data, avail), MUV__BSON_CHECK_MORE);
        }
        assert_int_equal(step_on_copy(&check, data, document->len), MUV__BSON_CHECK_DONE);
        assert_int_equal(step_on_copy(&check, data, document->len), MUV__BSON_CHECK_DONE);
        bson_destroy(document);
    }
}

static void a_document_is_done_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < MUV__COUNT_OF(documents); i++) {
        bson_t *document = bson_from(documents[i]);
        const uint8_t *data = bson_get_data(document);

        for (size_t split = 0; split <= document->len; split++) {
            muv__bson_check_t check;

            muv__bson_check_init(&check, document->len);
            (void)step_on_copy(&check, data, split);
            assert_int_equal(step_on_copy(&check, data, document->len), MUV__BSON_CHECK_DONE);
        }
        bson_destroy(document);
    }
}

/* Bytes behind the document (the next one) are not looked at. */
static void bytes_behind_the_document_do_not_matter(void **state)
{
    static const uint8_t bytes[] = {5, 0, 0, 0, 0, 0xff, 0xff};
    muv__bson_check_t check;

    (void)state;
    muv__bson_check_init(&check, 5);
    assert_int_equal(muv__bson_check_step(&check, bytes, sizeof(bytes)), MUV__BSON_CHECK_DONE);
}

/* Whole and byte by byte; a difference is the test's failure. */
static int check_both_ways(const uint8_t *bytes, size_t size)
{
    int whole = check_whole(bytes, size);
    int result = MUV__BSON_CHECK_MORE;
    muv__bson_check_t check;

    muv__bson_check_init(&check, (uint32_t)size);
    for (size_t avail = 0; avail <= size && result == MUV__BSON_CHECK_MORE; avail++) {
        result = step_on_copy(&check, bytes, avail);
    }
    assert_int_equal(result, whole);
    return whole;
}

static void every_single_changed_byte_is_judged_like_libbson_does(void **state)
{
    bson_t *document = bson_from(ALL_TYPES);
    size_t size = document->len;
    uint8_t *bytes = malloc(size);
    size_t bad = 0;

    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, bson_get_data(document), size);
    for (size_t at = 4; at < size; at++) {
        uint8_t kept = bytes[at];

        for (int value = 0; value < 256; value++) {
            bson_t view;
            int result;

            bytes[at] = (uint8_t)value;
            result = check_both_ways(bytes, size);
            bad += result != MUV__BSON_CHECK_DONE;
            assert_int_equal(result == MUV__BSON_CHECK_DONE,
                             strict_walk(bytes, size, 1, MUV__BSON_MAX_DEPTH) == STRICT_GOOD);
            /* Beyond ASCII it may be no UTF-8, which libbson refuses in keys. */
            if (result == MUV__BSON_CHECK_DONE && value < 0x80) {
                assert_true(bson_init_static(&view, bytes, size));
                assert_true(bson_validate(&view, BSON_VALIDATE_NONE, NULL));
            }
        }
        bytes[at] = kept;
    }
    assert_true(bad > 1000);
    free(bytes);
    bson_destroy(document);
}

/* Every shorter length in front of the same bytes. */
static void every_cut_document_is_bad(void **state)
{
    bson_t *document = bson_from(ALL_TYPES);
    uint8_t *bytes = malloc(document->len);
    size_t accepted = 0;

    (void)state;
    assert_non_null(bytes);
    for (size_t size = MUV__BSON_EMPTY_SIZE; size < document->len; size++) {
        int result;

        memcpy(bytes, bson_get_data(document), size);
        muv__store_u32(bytes, (uint32_t)size);
        bytes[size - 1] = 0;
        result = check_both_ways(bytes, size);
        accepted += result == MUV__BSON_CHECK_DONE;
        assert_int_equal(result == MUV__BSON_CHECK_DONE,
                         strict_walk(bytes, size, 1, MUV__BSON_MAX_DEPTH) == STRICT_GOOD);
    }
    assert_int_equal(accepted, 19); /* Cut exactly behind an element, or before the first. */
    free(bytes);
    bson_destroy(document);
}

/* `depth` documents in each other. */
static uint8_t *nested(uint32_t depth, uint32_t *ret_size)
{
    uint32_t size = 5 + (depth - 1) * 8;
    uint8_t *bytes = calloc(1, size);

    assert_non_null(bytes);
    for (uint32_t i = 0; i < depth; i++) {
        uint8_t *at = bytes + (size_t)i * 7;

        muv__store_u32(at, size - i * 8);
        if (i + 1 < depth) {
            at[4] = i % 2 == 0 ? MUV__BSON_DOCUMENT : MUV__BSON_ARRAY;
            at[5] = '0';
        }
    }
    *ret_size = size;
    return bytes;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (uint32_t depth = MUV__BSON_MAX_DEPTH - 2; depth < MUV__BSON_MAX_DEPTH + 3; depth++) {
        uint32_t size;
        uint8_t *bytes = nested(depth, &size);

        assert_int_equal(check_both_ways(bytes, size), depth <= MUV__BSON_MAX_DEPTH
                                                           ? MUV__BSON_CHECK_DONE
                                                           : MUV__BSON_CHECK_DEEP);
        free(bytes);
    }
}

static void a_scope_is_a_level_of_nesting(void **state)
{
    uint32_t size;
    uint8_t *bytes = nested(MUV__BSON_MAX_DEPTH, &size);
    /* {w: code "" with the deepest document as scope} */
    uint32_t outer = size + 4 + 3 + 9 + 1;
    uint8_t *whole = calloc(1, outer);

    (void)state;
    assert_non_null(whole);
    muv__store_u32(whole, outer);
    whole[4] = MUV__BSON_CODEWSCOPE;
    whole[5] = 'w';
    muv__store_u32(whole + 7, size + 9);
    muv__store_u32(whole + 11, 1);
    memcpy(whole + 16, bytes, size);
    assert_int_equal(check_both_ways(whole, outer), MUV__BSON_CHECK_DEEP);
    free(whole);
    free(bytes);
}

/* How often the check looked at an element, over a document that comes byte by byte: each look
 * leaves another `at`, `need` or depth. */
static size_t count_looks(const uint8_t *bytes, uint32_t size)
{
    muv__bson_check_t check;
    uint64_t looked = 0;
    size_t looks = 0;

    muv__bson_check_init(&check, size);
    for (size_t avail = 0; avail <= size; avail++) {
        int result = muv__bson_check_step(&check, bytes, avail);
        uint64_t now = (uint64_t)check.at << 32 | check.need;

        looks += now != looked;
        looked = now;
        assert_int_equal(result, avail == size ? MUV__BSON_CHECK_DONE : MUV__BSON_CHECK_MORE);
    }
    return looks;
}

/* Twice as many bytes before each new look: 2 to the 20th of them are about 20 looks, and the bytes
 * searched through sum up to less than twice the document. */
static void a_long_value_is_looked_at_a_logarithmic_number_of_times(void **state)
{
    static const uint8_t types[] = {MUV__BSON_UTF8, MUV__BSON_REGEX};
    const uint32_t size = 1u << 20;
    uint8_t *bytes = malloc(size);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < MUV__COUNT_OF(types); i++) {
        memset(bytes, 'x', size);
        muv__store_u32(bytes, size);
        bytes[4] = types[i];
        bytes[6] = 0;
        if (types[i] == MUV__BSON_UTF8) {
            muv__store_u32(bytes + 7, size - 12);
        } else {
            bytes[size - 3] = 0;
        }
        bytes[size - 2] = 0;
        bytes[size - 1] = 0;
        assert_true(count_looks(bytes, size) <= 24);
    }
    free(bytes);
}

static void a_long_key_is_looked_at_a_logarithmic_number_of_times(void **state)
{
    const uint32_t size = 1u << 20;
    uint8_t *bytes = malloc(size);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'k', size);
    muv__store_u32(bytes, size);
    bytes[4] = MUV__BSON_NULL;
    bytes[size - 2] = 0;
    bytes[size - 1] = 0;
    assert_true(count_looks(bytes, size) <= 24);
    free(bytes);
}

static void many_small_elements_are_looked_at_few_times_each(void **state)
{
    bson_t *document = bson_new();
    char key[16];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof(key), "%d", i);
        BSON_APPEND_INT64(document, key, i);
    }
    assert_true(count_looks(bson_get_data(document), document->len) <= 5 * 20000);
    bson_destroy(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_done_with_its_last_byte_and_not_before),
        cmocka_unit_test(a_document_is_done_at_every_split),
        cmocka_unit_test(bytes_behind_the_document_do_not_matter),
        cmocka_unit_test(every_single_changed_byte_is_judged_like_libbson_does),
        cmocka_unit_test(every_cut_document_is_bad),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_scope_is_a_level_of_nesting),
        cmocka_unit_test(a_long_value_is_looked_at_a_logarithmic_number_of_times),
        cmocka_unit_test(a_long_key_is_looked_at_a_logarithmic_number_of_times),
        cmocka_unit_test(many_small_elements_are_looked_at_few_times_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
