/* SPDX-License-Identifier: Apache-2.0 */
/* The checkers of the simulator on handmade ledgers and histories: each rule is broken once, and
 * held where it could be mistaken for broken. */
#include "rs/check.h"

#include "support/check.h"

#include <string.h>

enum { MAX_ENTRIES = 16 };

static check_ledger_t ledger;
static check_entry_t entries[MAX_ENTRIES];
static size_t entry_count;
static check_report_t report;
static bool snapshots; /* The sessions of saw() are of this kind. */

static int begin(void **state)
{
    (void)state;
    memset(&report, 0, sizeof report);
    entry_count = 0;
    snapshots = false;
    return 0;
}

static int end(void **state)
{
    (void)state;
    check_ledger_done(&ledger);
    return 0;
}

/* An acknowledged majority write of one document from `from_us` to `to_us`. */
static check_op_t *write_op(check_kind_t kind, int64_t key, int64_t from_us, int64_t to_us)
{
    check_op_t *op = check_ledger_add(&ledger);

    op->kind = (uint8_t)kind;
    op->concern = CHECK_MAJORITY;
    op->first_key = key;
    op->callbacks = 1;
    op->claimed = 1;
    op->started_us = from_us;
    op->ended_us = to_us;
    return op;
}

/* The same, failed. */
static check_op_t *failed_op(check_kind_t kind, int64_t key, bool in_doubt)
{
    check_op_t *op = write_op(kind, key, 0, 10);

    op->code = -30;
    op->claimed = -1;
    op->in_doubt = in_doubt;
    return op;
}

static void applied(int64_t tag, int64_t key)
{
    entries[entry_count++] = (check_entry_t){.tag = tag, .key = key};
}

static void swapped(int64_t tag, int64_t key, int64_t before)
{
    entries[entry_count++] = (check_entry_t){.tag = tag, .key = key, .before = before};
}

static void rolled_back(int64_t tag, int64_t key)
{
    entries[entry_count++] = (check_entry_t){.tag = tag, .key = key, .rolled_back = true};
}

static void saw(int32_t session, int64_t key, const int64_t *tags, uint32_t count)
{
    check_op_t *op = write_op(CHECK_LOOK, key, 100, 110);
    check_seen_t seen = {.tag = op->tag,
                         .key = key,
                         .is_list = true,
                         .majority = true,
                         .snapshot = snapshots,
                         .session = session,
                         .count = count,
                         .started_us = op->started_us,
                         .ended_us = op->ended_us};

    check_ledger_saw(&ledger, &seen, tags);
}

/* Exactly this rule is broken, so often. */
static void expect(check_rule_t rule, unsigned times)
{
    check_history_t history = {.entries = entries, .count = entry_count};

    check_all(&ledger, &history, &report);
    if (report.broken[rule] != times || report.total != times) {
        fail_msg("not %u times %s:\n%s", times, check_rule_name(rule), report.text);
    }
}

static void expect_fine(void)
{
    expect(CHECK_LOST, 0);
}

static void what_was_acknowledged_and_is_there_is_fine(void **state)
{
    (void)state;
    (void)write_op(CHECK_INSERT, 7, 0, 10);
    applied(1, 7);
    expect_fine();
}

static void an_operation_without_callback_is_found(void **state)
{
    (void)state;
    write_op(CHECK_OTHER, 0, 0, 0)->callbacks = 0;
    expect(CHECK_CALLBACK, 1);
}

static void a_second_callback_is_found(void **state)
{
    (void)state;
    write_op(CHECK_OTHER, 0, 0, 0)->callbacks = 2;
    expect(CHECK_CALLBACK, 1);
}

static void a_majority_write_that_was_rolled_back_is_lost(void **state)
{
    (void)state;
    (void)write_op(CHECK_INSERT, 7, 0, 10);
    rolled_back(1, 7);
    expect(CHECK_LOST, 1);
}

static void a_write_of_one_member_may_be_rolled_back(void **state)
{
    (void)state;
    write_op(CHECK_INSERT, 7, 0, 10)->concern = CHECK_W1;
    rolled_back(1, 7);
    expect_fine();
}

static void an_acknowledged_write_that_never_was_is_found(void **state)
{
    (void)state;
    write_op(CHECK_INSERT, 7, 0, 10)->concern = CHECK_W1;
    expect(CHECK_CLAIM, 1);
}

static void an_increment_applied_twice_is_found(void **state)
{
    (void)state;
    (void)write_op(CHECK_INCREMENT, 7, 0, 10);
    applied(1, 7);
    applied(1, 7);
    expect(CHECK_TWICE, 1);
}

static void a_retry_after_a_rollback_is_applied_once(void **state)
{
    (void)state;
    (void)write_op(CHECK_INCREMENT, 7, 0, 10);
    rolled_back(1, 7);
    applied(1, 7);
    expect_fine();
}

static void what_must_not_be_repeated_is_sent_once(void **state)
{
    (void)state;
    write_op(CHECK_PUSH, 7, 0, 10)->not_repeated = true;
    rolled_back(1, 7);
    applied(1, 7);
    expect(CHECK_TWICE, 1);
}

static void a_failed_write_without_doubt_must_not_be_there(void **state)
{
    (void)state;
    (void)failed_op(CHECK_INSERT, 7, false);
    applied(1, 7);
    expect(CHECK_DOUBT, 1);
}

static void not_even_rolled_back(void **state)
{
    (void)state;
    (void)failed_op(CHECK_INSERT, 7, false);
    rolled_back(1, 7);
    expect(CHECK_DOUBT, 1);
}

static void a_doubtful_write_may_be_there_or_not(void **state)
{
    (void)state;
    (void)failed_op(CHECK_INSERT, 7, true);
    (void)failed_op(CHECK_INSERT, 8, true);
    applied(1, 7);
    expect_fine();
}

static void a_doubtful_write_is_not_there_twice(void **state)
{
    (void)state;
    (void)failed_op(CHECK_INCREMENT, 7, true);
    applied(1, 7);
    applied(1, 7);
    expect(CHECK_TWICE, 1);
}

static void of_many_documents_the_claimed_ones_are_there(void **state)
{
    check_op_t *op = failed_op(CHECK_INSERT, 7, true);

    (void)state;
    op->key_count = 3;
    op->claimed = 2;
    applied(1, 7);
    expect(CHECK_CLAIM, 1);
}

static void a_swap_that_matched_nothing_was_not_applied(void **state)
{
    check_op_t *op = write_op(CHECK_SWAP, 7, 0, 10);

    (void)state;
    op->conditional = true;
    op->claimed = 0;
    applied(1, 7);
    expect(CHECK_CLAIM, 1);
}

static void a_tag_that_nobody_has_is_found(void **state)
{
    (void)state;
    applied(1, 7);
    expect(CHECK_UNKNOWN, 1);
}

static void a_write_to_the_wrong_document_is_found(void **state)
{
    check_op_t *op = failed_op(CHECK_INCREMENT, 7, true);

    (void)state;
    applied(op->tag, 8);
    expect(CHECK_UNKNOWN, 1);
}

static void a_list_follows_the_acknowledgements(void **state)
{
    (void)state;
    (void)write_op(CHECK_PUSH, 7, 0, 10);
    (void)write_op(CHECK_PUSH, 7, 20, 30);
    applied(2, 7);
    applied(1, 7);
    expect(CHECK_ORDER, 1);
}

static void pushes_at_the_same_time_have_no_order(void **state)
{
    (void)state;
    (void)write_op(CHECK_PUSH, 7, 0, 25);
    (void)write_op(CHECK_PUSH, 7, 20, 30);
    applied(2, 7);
    applied(1, 7);
    expect_fine();
}

static void a_doubtful_push_may_come_late(void **state)
{
    (void)state;
    (void)failed_op(CHECK_PUSH, 7, true);
    (void)write_op(CHECK_PUSH, 7, 20, 30);
    applied(2, 7);
    applied(1, 7);
    expect_fine();
}

static void swaps_follow_the_value_they_saw(void **state)
{
    (void)state;
    write_op(CHECK_SWAP, 7, 0, 10)->expected = 0;
    write_op(CHECK_SWAP, 7, 20, 30)->expected = 1;
    swapped(1, 7, 0);
    swapped(2, 7, 1);
    expect_fine();
}

static void a_swap_over_another_value_is_found(void **state)
{
    (void)state;
    write_op(CHECK_SWAP, 7, 0, 10)->expected = 0;
    write_op(CHECK_SWAP, 7, 0, 30)->expected = 0;
    swapped(1, 7, 0);
    swapped(2, 7, 1);
    expect(CHECK_SAW, 1);
}

static void a_majority_read_sees_the_beginning_of_the_list(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    (void)write_op(CHECK_PUSH, 7, 0, 10);
    (void)write_op(CHECK_PUSH, 7, 20, 30);
    applied(1, 7);
    applied(2, 7);
    saw(0, 7, tags, 1);
    saw(0, 7, NULL, 0);
    expect_fine();
}

static void a_majority_read_of_what_was_rolled_back_is_found(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    (void)failed_op(CHECK_PUSH, 7, true);
    rolled_back(1, 7);
    saw(0, 7, tags, 1);
    expect(CHECK_READ, 1);
}

static void a_read_of_another_list_is_found(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    (void)write_op(CHECK_PUSH, 8, 0, 10);
    applied(1, 8);
    saw(0, 7, tags, 1);
    expect(CHECK_READ, 2); /* Nobody wrote it there, and the line is another one. */
}

static void a_session_reads_what_it_wrote(void **state)
{
    (void)state;
    write_op(CHECK_PUSH, 7, 0, 10)->session = 1;
    applied(1, 7);
    saw(1, 7, NULL, 0);
    expect(CHECK_BACKWARDS, 1);
}

static void a_session_reads_what_it_read(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    (void)write_op(CHECK_PUSH, 7, 0, 10);
    applied(1, 7);
    saw(3, 7, tags, 1);
    saw(3, 7, NULL, 0);
    expect(CHECK_BACKWARDS, 1);
}

static void a_snapshot_session_sees_one_moment(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    (void)write_op(CHECK_PUSH, 7, 0, 10);
    applied(1, 7);
    snapshots = true;
    saw(3, 7, NULL, 0);
    saw(3, 7, tags, 1);
    expect(CHECK_BACKWARDS, 1);
}

static void sessions_do_not_know_of_each_other(void **state)
{
    const int64_t tags[] = {1};

    (void)state;
    write_op(CHECK_PUSH, 7, 0, 10)->session = 1;
    applied(1, 7);
    saw(2, 7, tags, 1);
    saw(3, 7, NULL, 0);
    expect_fine();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_acknowledged_and_is_there_is_fine),
        CASE(an_operation_without_callback_is_found),
        CASE(a_second_callback_is_found),
        CASE(a_majority_write_that_was_rolled_back_is_lost),
        CASE(a_write_of_one_member_may_be_rolled_back),
        CASE(an_acknowledged_write_that_never_was_is_found),
        CASE(an_increment_applied_twice_is_found),
        CASE(a_retry_after_a_rollback_is_applied_once),
        CASE(what_must_not_be_repeated_is_sent_once),
        CASE(a_failed_write_without_doubt_must_not_be_there),
        CASE(not_even_rolled_back),
        CASE(a_doubtful_write_may_be_there_or_not),
        CASE(a_doubtful_write_is_not_there_twice),
        CASE(of_many_documents_the_claimed_ones_are_there),
        CASE(a_swap_that_matched_nothing_was_not_applied),
        CASE(a_tag_that_nobody_has_is_found),
        CASE(a_write_to_the_wrong_document_is_found),
        CASE(a_list_follows_the_acknowledgements),
        CASE(pushes_at_the_same_time_have_no_order),
        CASE(a_doubtful_push_may_come_late),
        CASE(swaps_follow_the_value_they_saw),
        CASE(a_swap_over_another_value_is_found),
        CASE(a_majority_read_sees_the_beginning_of_the_list),
        CASE(a_majority_read_of_what_was_rolled_back_is_found),
        CASE(a_read_of_another_list_is_found),
        CASE(a_session_reads_what_it_wrote),
        CASE(a_session_reads_what_it_read),
        CASE(a_snapshot_session_sees_one_moment),
        CASE(sessions_do_not_know_of_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
