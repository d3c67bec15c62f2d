/* SPDX-License-Identifier: Apache-2.0 */
/* Memory is wiped before it is given back: the allocator looks. */
#include "auth/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "muv/allocator.h"
#include "support/check.h"

#define SECRET "p3ncil-s3cret"

static struct {
    size_t freed;
    size_t dirty; /* Blocks that still held the secret. */
} seen;

static void *watched_malloc(size_t size, void *data)
{
    uint8_t *block = calloc(1, size + sizeof(size_t));

    (void)data;
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof(size));
    return block + sizeof(size_t);
}

static void *watched_calloc(size_t count, size_t size, void *data)
{
    return watched_malloc(count * size, data);
}

static void watched_free(void *memory, void *data)
{
    uint8_t *block = (uint8_t *)memory - sizeof(size_t);
    size_t size;

    (void)data;
    if (memory == NULL) {
        return;
    }
    memcpy(&size, block, sizeof(size));
    seen.freed++;
    for (size_t i = 0; i + strlen(SECRET) <= size; i++) {
        seen.dirty += memcmp((uint8_t *)memory + i, SECRET, strlen(SECRET)) == 0;
    }
    free(block);
}

static void *watched_realloc(void *memory, size_t size, void *data)
{
    void *moved = watched_malloc(size, data);
    size_t old = 0;

    if (memory != NULL && moved != NULL) {
        memcpy(&old, (uint8_t *)memory - sizeof(size_t), sizeof(old));
        memcpy(moved, memory, old < size ? old : size);
        watched_free(memory, data);
    }
    return moved;
}

static int watch(void **state)
{
    static const muv_allocator_t allocator = {.malloc_fn = watched_malloc,
                                              .calloc_fn = watched_calloc,
                                              .realloc_fn = watched_realloc,
                                              .free_fn = watched_free};

    (void)state;
    memset(&seen, 0, sizeof(seen));
    return muv_set_allocator(&allocator);
}

static int unwatch(void **state)
{
    (void)state;
    return muv_set_allocator(NULL);
}

static void a_secret_is_wiped_when_it_ends(void **state)
{
    muv__secret_t secret;

    (void)state;
    CHECK_CODE(muv__secret_alloc(&secret, 100), 0);
    memcpy(secret.data + 50, SECRET, strlen(SECRET));
    muv__secret_done(&secret);
    assert_null(secret.data);
    assert_int_equal(seen.freed, 1);
    assert_int_equal(seen.dirty, 0);
    muv__secret_done(&secret);
    assert_int_equal(seen.freed, 1);
}

static void an_empty_secret_is_one(void **state)
{
    muv__secret_t secret;

    (void)state;
    CHECK_CODE(muv__secret_alloc(&secret, 0), 0);
    assert_non_null(secret.data);
    assert_int_equal(secret.size, 0);
    muv__secret_done(&secret);
}

static void a_buffer_is_wiped_behind_its_end_too(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    assert_int_equal(muv__buf_reserve(&buf, 500), 1);
    muv__buf_append(&buf, SECRET, strlen(SECRET));
    buf.size = 0;
    muv__secret_buf_done(&buf);
    assert_int_equal(seen.freed, 1);
    assert_int_equal(seen.dirty, 0);
    muv__secret_buf_done(&buf);
}

/* The test itself can fail. */
static void a_buffer_that_just_ends_is_caught(void **state)
{
    muv__buf_t buf;

    (void)state;
    muv__buf_init(&buf, 1000);
    muv__buf_append(&buf, SECRET, strlen(SECRET));
    muv__buf_done(&buf);
    assert_int_equal(seen.dirty, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_wiped_when_it_ends, watch, unwatch),
        cmocka_unit_test_setup_teardown(an_empty_secret_is_one, watch, unwatch),
        cmocka_unit_test_setup_teardown(a_buffer_is_wiped_behind_its_end_too, watch, unwatch),
        cmocka_unit_test_setup_teardown(a_buffer_that_just_ends_is_caught, watch, unwatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
