/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include "support/check.h"

typedef struct item {
    int number;
    muv__list_t link;
} item_t;

/* The numbers of a list from front to back, and back again, as digits. */
static unsigned digits_of(muv__list_t *head)
{
    unsigned forward = 0;
    unsigned backward = 0;
    unsigned place = 1;

    for (muv__list_t *node = head->next; node != head; node = node->next) {
        forward = forward * 10 + (unsigned)MUV__CONTAINER_OF(node, item_t, link)->number;
    }
    for (muv__list_t *node = head->prev; node != head; node = node->prev) {
        backward += place * (unsigned)MUV__CONTAINER_OF(node, item_t, link)->number;
        place *= 10;
    }
    assert_int_equal(forward, backward);
    return forward;
}

static void init(muv__list_t *head, item_t *items)
{
    muv__list_init(head);
    for (int i = 0; i < 4; i++) {
        items[i].number = i + 1;
        muv__list_init(&items[i].link);
    }
}

static void an_empty_list_has_no_first_and_no_last(void **state)
{
    muv__list_t head;

    (void)state;
    muv__list_init(&head);
    assert_true(muv__list_empty(&head));
    assert_null(muv__list_first(&head));
    assert_null(muv__list_last(&head));
    assert_null(muv__list_pop_front(&head));
}

static void nodes_are_pushed_at_both_ends_and_between(void **state)
{
    muv__list_t head;
    item_t items[4];

    (void)state;
    init(&head, items);
    muv__list_push_back(&head, &items[1].link);
    muv__list_push_back(&head, &items[3].link);
    muv__list_push_front(&head, &items[0].link);
    muv__list_insert_before(&items[3].link, &items[2].link);
    assert_int_equal(digits_of(&head), 1234);
    assert_ptr_equal(muv__list_first(&head), &items[0].link);
    assert_ptr_equal(muv__list_last(&head), &items[3].link);
}

static void a_node_is_removed_from_anywhere_and_twice(void **state)
{
    muv__list_t head;
    item_t items[4];

    (void)state;
    init(&head, items);
    for (int i = 0; i < 4; i++) {
        muv__list_push_back(&head, &items[i].link);
    }
    muv__list_remove(&items[1].link);
    assert_false(muv__list_linked(&items[1].link));
    muv__list_remove(&items[1].link);
    assert_int_equal(digits_of(&head), 134);
    muv__list_remove(&items[0].link);
    muv__list_remove(&items[3].link);
    assert_int_equal(digits_of(&head), 3);
    assert_true(muv__list_linked(&items[2].link));
    muv__list_remove(&items[2].link);
    assert_true(muv__list_empty(&head));
}

static void pop_takes_the_first(void **state)
{
    muv__list_t head;
    item_t items[4];

    (void)state;
    init(&head, items);
    muv__list_push_back(&head, &items[2].link);
    muv__list_push_back(&head, &items[0].link);
    assert_ptr_equal(muv__list_pop_front(&head), &items[2].link);
    assert_false(muv__list_linked(&items[2].link));
    assert_ptr_equal(muv__list_pop_front(&head), &items[0].link);
    assert_null(muv__list_pop_front(&head));
}

static void splice_moves_all_nodes_behind_the_others(void **state)
{
    muv__list_t head;
    muv__list_t other;
    item_t items[4];

    (void)state;
    init(&head, items);
    muv__list_init(&other);
    muv__list_splice_back(&head, &other);
    assert_true(muv__list_empty(&head));
    muv__list_push_back(&other, &items[2].link);
    muv__list_push_back(&other, &items[3].link);
    muv__list_splice_back(&head, &other);
    assert_int_equal(digits_of(&head), 34);
    assert_true(muv__list_empty(&other));
    muv__list_push_back(&other, &items[0].link);
    muv__list_push_back(&other, &items[1].link);
    muv__list_splice_back(&head, &other);
    assert_int_equal(digits_of(&head), 3412);
    muv__list_splice_back(&head, &other);
    assert_int_equal(digits_of(&head), 3412);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_no_first_and_no_last),
        cmocka_unit_test(nodes_are_pushed_at_both_ends_and_between),
        cmocka_unit_test(a_node_is_removed_from_anywhere_and_twice),
        cmocka_unit_test(pop_takes_the_first),
        cmocka_unit_test(splice_moves_all_nodes_behind_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
