/* SPDX-License-Identifier: Apache-2.0 */
/* The deadline heap against a sorted array. */
#include "base/heap.h"

#include <stdlib.h>

#include "support/check.h"

static void an_empty_heap_has_no_first(void **state)
{
    muv__heap_t heap = {0};
    muv__heap_node_t node = {0};

    (void)state;
    assert_null(muv__heap_first(&heap));
    muv__heap_remove(&heap, &node);
    assert_null(muv__heap_first(&heap));
    assert_false(muv__heap_linked(&node));
}

static void the_earliest_is_first_whatever_the_order_of_insertion(void **state)
{
    static const int64_t dues[] = {30, -5, 40, 10, INT64_MAX, INT64_MIN, 0};
    static const int64_t sorted[] = {INT64_MIN, -5, 0, 10, 30, 40, INT64_MAX};
    muv__heap_node_t nodes[7] = {0};
    muv__heap_t heap = {0};

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        muv__heap_insert(&heap, &nodes[i], dues[i]);
        assert_true(muv__heap_linked(&nodes[i]));
    }
    for (size_t i = 0; i < 7; i++) {
        muv__heap_node_t *first = muv__heap_first(&heap);

        assert_int_equal(first->due_us, sorted[i]);
        muv__heap_remove(&heap, first);
        assert_false(muv__heap_linked(first));
    }
    assert_null(muv__heap_first(&heap));
}

static void a_removed_node_may_be_inserted_again(void **state)
{
    muv__heap_node_t nodes[3] = {0};
    muv__heap_t heap = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        muv__heap_insert(&heap, &nodes[i], (int64_t)i);
    }
    muv__heap_remove(&heap, &nodes[0]);
    muv__heap_remove(&heap, &nodes[0]);
    muv__heap_insert(&heap, &nodes[0], 5);
    assert_ptr_equal(muv__heap_first(&heap), &nodes[1]);
    muv__heap_remove(&heap, &nodes[1]);
    muv__heap_remove(&heap, &nodes[2]);
    assert_ptr_equal(muv__heap_first(&heap), &nodes[0]);
}

/* All nodes are children of one root: the merge must not go deep. */
static void a_very_wide_heap_comes_out_in_order(void **state)
{
    const size_t count = 300000;
    muv__heap_node_t *nodes = calloc(count, sizeof(*nodes));
    muv__heap_t heap = {0};

    (void)state;
    assert_non_null(nodes);
    for (size_t i = 0; i < count; i++) {
        muv__heap_insert(&heap, &nodes[i], (int64_t)i);
    }
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(muv__heap_first(&heap), &nodes[i]);
        muv__heap_remove(&heap, &nodes[i]);
    }
    free(nodes);
}

#define NODES 200

/* The model: which nodes are in, with which time. */
typedef struct model {
    muv__heap_t heap;
    muv__heap_node_t nodes[NODES];
    int64_t dues[NODES];
    int present[NODES];
    uint64_t random;
} model_t;

static uint32_t next_random(model_t *model)
{
    model->random = model->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(model->random >> 33);
}

static void compare_with_model(const model_t *model)
{
    const muv__heap_node_t *first = muv__heap_first(&model->heap);
    int64_t earliest = INT64_MAX;
    size_t count = 0;

    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(muv__heap_linked(&model->nodes[i]), model->present[i]);
        if (model->present[i]) {
            earliest = model->dues[i] < earliest ? model->dues[i] : earliest;
            count++;
        }
    }
    assert_int_equal(first != NULL, count != 0);
    assert_true(first == NULL || first->due_us == earliest);
}

static int compare_int64(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

/* Empty the heap: it must give the sorted array. */
static void drain_against_sorted_array(model_t *model)
{
    int64_t sorted[NODES];
    size_t count = 0;

    for (size_t i = 0; i < NODES; i++) {
        if (model->present[i]) {
            sorted[count++] = model->dues[i];
        }
    }
    qsort(sorted, count, sizeof(sorted[0]), compare_int64);
    for (size_t i = 0; i < count; i++) {
        muv__heap_node_t *first = muv__heap_first(&model->heap);

        assert_int_equal(first->due_us, sorted[i]);
        model->present[first - model->nodes] = 0;
        muv__heap_remove(&model->heap, first);
    }
    assert_null(muv__heap_first(&model->heap));
}

static void random_insertions_and_removals_agree_with_a_sorted_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        model_t *model = calloc(1, sizeof(*model));

        assert_non_null(model);
        model->random = seed;
        for (int step = 0; step < 2000; step++) {
            size_t i = next_random(model) % NODES;

            if (model->present[i]) {
                muv__heap_remove(&model->heap, &model->nodes[i]);
            } else {
                /* Few values, so that many are equal. */
                model->dues[i] = (int64_t)(next_random(model) % 64) - 32;
                muv__heap_insert(&model->heap, &model->nodes[i], model->dues[i]);
            }
            model->present[i] = !model->present[i];
            compare_with_model(model);
        }
        drain_against_sorted_array(model);
        free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_first),
        cmocka_unit_test(the_earliest_is_first_whatever_the_order_of_insertion),
        cmocka_unit_test(a_removed_node_may_be_inserted_again),
        cmocka_unit_test(a_very_wide_heap_comes_out_in_order),
        cmocka_unit_test(random_insertions_and_removals_agree_with_a_sorted_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
