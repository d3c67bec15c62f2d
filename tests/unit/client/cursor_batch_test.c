/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what they hold, and what they give back when they stay for a while. */
#include "client/cursor.h"

#include <string.h>

#include "support/alloc.h"
#include "support/check.h"

/* {"b": [{"_id": 1}, {"_id": 2}, ...]} at the start of a chunk, and a batch over it. */
typedef struct setting {
    muv__chunk_pool_t *pool;
    muv__chunk_t *chunk;
    muv__batch_t batch;
} setting_t;

static void open_setting(setting_t *s, int count)
{
    bson_t document = BSON_INITIALIZER;
    bson_t array;
    muv__bson_iter_t iter;

    memset(s, 0, sizeof *s);
    bson_append_array_begin(&document, "b", 1, &array);
    for (int i = 0; i < count; i++) {
        bson_t *item = BCON_NEW("_id", BCON_INT32(i + 1));
        char key[16];
        const char *text;

        (void)bson_uint32_to_string((uint32_t)i, &text, key, sizeof key);
        (void)bson_append_document(&array, text, -1, item);
        bson_destroy(item);
    }
    bson_append_array_end(&document, &array);
    s->pool = muv__chunk_pool_new(1 << 20);
    s->chunk = muv__chunk_take(s->pool, MUV__CHUNK_STANDARD_SIZE);
    assert_true(document.len <= s->chunk->size);
    memcpy(s->chunk->data, bson_get_data(&document), document.len);
    assert_true(muv__bson_find(s->chunk->data, document.len, "b", &iter));
    assert_true(muv__batch_init(&s->batch, &iter, s->chunk));
    muv__chunk_release(s->chunk);
    bson_destroy(&document);
}

static void close_setting(setting_t *s)
{
    muv__batch_done(&s->batch);
    muv__chunk_pool_close(s->pool);
}

static void expect_next(setting_t *s, const char *json)
{
    assert_true(muv__bson_iter_next(&s->batch.iter));
    CHECK_BYTES_BSON_EQUAL(s->batch.iter.value, s->batch.iter.value_size, json);
}

static void a_small_rest_is_copied_out_of_its_chunk(void **state)
{
    setting_t s;

    (void)state;
    open_setting(&s, 3);
    expect_next(&s, "{\"_id\": 1}");
    muv__batch_trim(&s.batch);
    assert_null(s.batch.chunk);
    expect_next(&s, "{\"_id\": 2}");
    muv__batch_trim(&s.batch);
    expect_next(&s, "{\"_id\": 3}");
    assert_false(muv__bson_iter_next(&s.batch.iter));
    assert_int_equal(muv__batch_left(&s.batch), 0);
    close_setting(&s);
}

static void a_large_rest_stays_where_it_is(void **state)
{
    setting_t s;

    (void)state;
    open_setting(&s, 5000);
    muv__batch_trim(&s.batch);
    assert_ptr_equal(s.batch.chunk, s.chunk);
    close_setting(&s);
}

static void an_empty_rest_gives_its_memory_back(void **state)
{
    setting_t s;

    (void)state;
    open_setting(&s, 1);
    expect_next(&s, "{\"_id\": 1}");
    muv__batch_trim(&s.batch);
    assert_null(s.batch.chunk);
    assert_null(s.batch.copy);
    close_setting(&s);
}

static void a_holder_keeps_the_memory_of_either_kind(void **state)
{
    muv__batch_t of_chunk;
    muv__batch_t of_copy;
    const uint8_t *value;
    setting_t s;

    (void)state;
    open_setting(&s, 2);
    of_chunk = muv__batch_retain(&s.batch);
    muv__batch_trim(&s.batch);
    of_copy = muv__batch_retain(&s.batch);
    expect_next(&s, "{\"_id\": 1}");
    value = s.batch.iter.value;
    muv__batch_done(&s.batch);
    CHECK_BYTES_BSON_EQUAL(value, 14, "{\"_id\": 1}");
    assert_int_equal(muv__batch_left(&of_copy), 0);
    muv__batch_done(&of_copy);
    muv__batch_done(&of_chunk);
    close_setting(&s);
}

static void without_memory_the_rest_stays_pinned(void **state)
{
    setting_t s;

    (void)state;
    open_setting(&s, 2);
    alloc_fail_at(1, false);
    muv__batch_trim(&s.batch);
    alloc_fail_at(0, false);
    assert_ptr_equal(s.batch.chunk, s.chunk);
    expect_next(&s, "{\"_id\": 1}");
    close_setting(&s);
}

static void something_else_than_an_array_is_no_batch(void **state)
{
    bson_t *document = bson_from("{\"b\": {\"0\": {}}}");
    muv__batch_t batch = {.chunk = NULL};
    muv__bson_iter_t iter;

    (void)state;
    assert_true(muv__bson_find(bson_get_data(document), document->len, "b", &iter));
    assert_false(muv__batch_init(&batch, &iter, NULL));
    muv__batch_done(&batch);
    bson_destroy(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_rest_is_copied_out_of_its_chunk),
        cmocka_unit_test(a_large_rest_stays_where_it_is),
        cmocka_unit_test(an_empty_rest_gives_its_memory_back),
        cmocka_unit_test(a_holder_keeps_the_memory_of_either_kind),
        cmocka_unit_test(without_memory_the_rest_stays_pinned),
        cmocka_unit_test(something_else_than_an_array_is_no_batch),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
