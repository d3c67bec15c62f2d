/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch keeps alive. */
#include "support/alloc.h"
#include "support/check.h"

#include "odm/batch.h"

struct chunk {
    uint8_t bytes[64];
    unsigned retained;
    unsigned released;
    int answer;
};

static int retain_chunk(void *owner, void **ret_owned, const uint8_t **ret_data)
{
    struct chunk *chunk = owner;

    if (chunk->answer != 0) {
        return chunk->answer;
    }
    chunk->retained++;
    *ret_owned = chunk;
    *ret_data = chunk->bytes + 8;
    return 0;
}

static void release_chunk(void *owned)
{
    ((struct chunk *)owned)->released++;
}

static muv__source_t source_of(struct chunk *chunk, size_t size, size_t pinned_size)
{
    muv__source_t source = {.bytes = {chunk->bytes, size},
                            .pinned_size = pinned_size,
                            .retain = retain_chunk,
                            .release = release_chunk,
                            .owner = chunk};

    return source;
}

static void a_batch_of_a_quarter_of_its_chunk_shares_it(void **state)
{
    struct chunk chunk = {.retained = 0};
    muv__source_t source = source_of(&chunk, 16, 64);
    muv_batch_t *batch = NULL;

    (void)state;
    CHECK_CODE(muv__odm_batch_new(NULL, &source, 64, &batch), 0);
    assert_int_equal(chunk.retained, 1);
    assert_ptr_equal(batch->bytes.data, chunk.bytes + 8);
    assert_int_equal(batch->bytes.size, 16);
    muv__odm_batch_retain(batch);
    muv__odm_batch_release(batch);
    assert_int_equal(chunk.released, 0);
    muv__odm_batch_release(batch);
    assert_int_equal(chunk.released, 1);
}

static void a_smaller_batch_is_copied(void **state)
{
    struct chunk chunk = {.bytes = "0123456789abcde"};
    muv__source_t source = source_of(&chunk, 15, 64);
    muv_batch_t *batch = NULL;

    (void)state;
    CHECK_CODE(muv__odm_batch_new(NULL, &source, 64, &batch), 0);
    assert_int_equal(chunk.retained, 0);
    memset(chunk.bytes, 0, sizeof(chunk.bytes));
    assert_memory_equal(batch->bytes.data, "0123456789abcde", 15);
    muv__odm_batch_release(batch);
    assert_int_equal(chunk.released, 0);
}

static void a_source_that_cannot_be_retained_gives_its_error(void **state)
{
    struct chunk chunk = {.answer = MUV_ENOMEM};
    muv__source_t source = source_of(&chunk, 64, 64);
    muv_batch_t *batch = NULL;

    (void)state;
    CHECK_CODE(muv__odm_batch_new(NULL, &source, 64, &batch), MUV_ENOMEM);
    assert_null(batch);
    assert_int_equal(chunk.released, 0);
}

static void a_batch_keeps_others_until_it_ends(void **state)
{
    struct chunk chunk = {.answer = 0};
    muv__source_t source = source_of(&chunk, 64, 64);
    muv_batch_t *owner = NULL;
    muv_batch_t *target = NULL;

    (void)state;
    CHECK_CODE(muv__odm_batch_new(NULL, NULL, 64, &owner), 0);
    CHECK_CODE(muv__odm_batch_new(NULL, &source, 64, &target), 0);
    CHECK_CODE(muv__odm_batch_keep(owner, target), 0);
    muv__odm_batch_release(target);
    assert_int_equal(chunk.released, 0);
    muv__odm_batch_release(owner);
    assert_int_equal(chunk.released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_of_a_quarter_of_its_chunk_shares_it),
        cmocka_unit_test(a_smaller_batch_is_copied),
        cmocka_unit_test(a_source_that_cannot_be_retained_gives_its_error),
        cmocka_unit_test(a_batch_keeps_others_until_it_ends),
    };

    alloc_install();
    return cmocka_run_group_tests(tests, NULL, alloc_teardown);
}
