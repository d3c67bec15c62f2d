/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of retrying as a table: which error of which command leads to another attempt, when,
 * and which error is told in the end. */
#include "op/retry.h"

#include "muv/command.h"

#include "support/check.h"

#include <string.h>

enum { OVERLOADED = MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE, DEFAULT_ADAPTIVE = 2 };

static const muv__retry_rules_t all = {
    .max_adaptive_retries = DEFAULT_ADAPTIVE, .retry_reads = 1, .retry_writes = 1};

static muv_error_t error_of(int code, int32_t server_code, uint32_t labels)
{
    muv_error_t error;

    memset(&error, 0, sizeof error);
    error.code = code;
    error.server_code = server_code;
    error.labels = labels;
    return error;
}

typedef struct row {
    uint8_t command, retry, stage;
    int code;
    int32_t server_code;
    uint32_t labels;
    muv__op_again_t expected;
} row_t;

static muv__op_again_t judge(const muv__retry_rules_t *rules, const row_t *row, int has_timeout,
                             muv__retry_count_t *count)
{
    muv_error_t error = error_of(row->code, row->server_code, row->labels);
    muv__attempt_t attempt = {.error = &error,
                              .command = row->command,
                              .retry = row->retry,
                              .stage = row->stage,
                              .has_timeout = (uint8_t)has_timeout};

    error.labels |= muv__retry_labels(rules, &attempt);
    return muv__retry_judge(rules, &attempt, count);
}

#define READ MUV_COMMAND_READ, MUV__RETRY_READ
#define WRITE MUV_COMMAND_WRITE, MUV__RETRY_WRITE
#define MULTI MUV_COMMAND_WRITE, MUV__RETRY_NONE
#define GIVEN MUV_COMMAND_OTHER, MUV__RETRY_NONE

static const row_t first_failures[] = {
    {READ, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_BROKEN, MUV_ENETTIMEOUT, 0, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_UNSENT, MUV_EPOOLCLEARED, 0, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_UNSENT, MUV_EDNS, 0, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_UNSENT, MUV_ESERVER, 91, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 11602, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 134, 0, MUV__AGAIN_NOW},
    {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 43, 0, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 2, MUV_LABEL_RETRYABLE_WRITE, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_BROKEN, MUV_EPROTOCOL, 0, 0, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_UNSENT, MUV_EPOOLCLOSED, 0, 0, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_UNSENT, MUV_EQUEUEFULL, 0, 0, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_SELECTING, MUV_ESELECTION, 0, 0, MUV__AGAIN_NO},
    {READ, MUV__ATTEMPT_SELECTING, MUV_EDNS, 0, 0, MUV__AGAIN_NO},
    {WRITE, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, MUV__AGAIN_NOW},
    {WRITE, MUV__ATTEMPT_UNSENT, MUV_EPOOLCLEARED, 0, 0, MUV__AGAIN_NOW},
    {WRITE, MUV__ATTEMPT_UNSENT, MUV_ESERVER, 91, 0, MUV__AGAIN_NOW},
    {WRITE, MUV__ATTEMPT_UNSENT, MUV_ESERVER, 134, 0, MUV__AGAIN_NO},
    {WRITE, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 91, 0, MUV__AGAIN_NO},
    {WRITE, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 91, MUV_LABEL_RETRYABLE_WRITE, MUV__AGAIN_NOW},
    {WRITE, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 2, MUV_LABEL_RETRYABLE_WRITE, MUV__AGAIN_NOW},
    {WRITE, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 11000, 0, MUV__AGAIN_NO},
    {MULTI, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, MUV__AGAIN_NO},
    {MULTI, MUV__ATTEMPT_UNSENT, MUV_EPOOLCLEARED, 0, 0, MUV__AGAIN_NO},
    {MULTI, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, OVERLOADED, MUV__AGAIN_LATER},
    {GIVEN, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, MUV__AGAIN_NO},
    {GIVEN, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, OVERLOADED, MUV__AGAIN_LATER},
    {GIVEN, MUV__ATTEMPT_UNSENT, MUV_ENETWORK, 0, OVERLOADED, MUV__AGAIN_LATER},
    {GIVEN, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, MUV_LABEL_SYSTEM_OVERLOADED, MUV__AGAIN_NO},
    {WRITE, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462,
     MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE_WRITE, MUV__AGAIN_NO},
};

static void the_first_failure_is_judged_by_kind_and_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof first_failures / sizeof first_failures[0]; i++) {
        muv__retry_count_t count = {0, 0};

        if (judge(&all, &first_failures[i], 0, &count) != first_failures[i].expected) {
            fail_msg("row %zu: not %d", i, (int)first_failures[i].expected);
        }
        assert_int_equal(count.retries, first_failures[i].expected != MUV__AGAIN_NO);
    }
}

static void one_retry_is_all_without_a_timeout(void **state)
{
    static const row_t broken = {READ, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, 0};
    muv__retry_count_t count = {0, 0};
    muv__retry_count_t endless = {0, 0};

    (void)state;
    assert_int_equal(judge(&all, &broken, 0, &count), MUV__AGAIN_NOW);
    assert_int_equal(judge(&all, &broken, 0, &count), MUV__AGAIN_NO);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(judge(&all, &broken, 1, &endless), MUV__AGAIN_NOW);
    }
}

static void one_overload_error_makes_its_limit_count_for_all(void **state)
{
    static const row_t overload = {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, OVERLOADED, 0};
    static const row_t broken = {READ, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, 0};
    muv__retry_count_t count = {0, 0};
    muv__retry_count_t mixed = {0, 0};

    (void)state;
    /* The limit binds under timeoutMS as well. */
    assert_int_equal(judge(&all, &overload, 1, &count), MUV__AGAIN_LATER);
    assert_int_equal(judge(&all, &overload, 1, &count), MUV__AGAIN_LATER);
    assert_int_equal(judge(&all, &overload, 1, &count), MUV__AGAIN_NO);
    /* Errors of another kind are repeated at once, but counted. */
    assert_int_equal(judge(&all, &overload, 0, &mixed), MUV__AGAIN_LATER);
    assert_int_equal(judge(&all, &broken, 0, &mixed), MUV__AGAIN_NOW);
    assert_int_equal(judge(&all, &broken, 0, &mixed), MUV__AGAIN_NO);
}

static void options_switch_retries_off(void **state)
{
    static const row_t read = {READ, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, 0};
    static const row_t write = {WRITE, MUV__ATTEMPT_BROKEN, MUV_ENETWORK, 0, 0, 0};
    static const row_t given = {GIVEN, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, OVERLOADED, 0};
    static const row_t overload = {READ, MUV__ATTEMPT_REPLIED, MUV_ESERVER, 462, OVERLOADED, 0};
    muv__retry_rules_t no_reads = all;
    muv__retry_rules_t no_writes = all;
    muv__retry_rules_t never = all;
    muv__retry_count_t count = {0, 0};

    (void)state;
    no_reads.retry_reads = 0;
    no_writes.retry_writes = 0;
    never.max_adaptive_retries = 0;
    assert_int_equal(judge(&no_reads, &read, 0, &count), MUV__AGAIN_NO);
    assert_int_equal(judge(&no_writes, &write, 0, &count), MUV__AGAIN_NO);
    assert_int_equal(judge(&no_reads, &given, 0, &count), MUV__AGAIN_NO);
    assert_int_equal(judge(&no_writes, &given, 0, &count), MUV__AGAIN_NO);
    assert_int_equal(judge(&never, &overload, 0, &count), MUV__AGAIN_NO);
    assert_int_equal(count.retries, 0);
}

static void back_off_doubles_up_to_ten_seconds(void **state)
{
    muv_error_t plain = error_of(MUV_ESERVER, 462, OVERLOADED);

    (void)state;
    assert_int_equal(muv__retry_backoff_us(1, &plain, 0), 0);
    assert_int_equal(muv__retry_backoff_us(1, &plain, UINT32_MAX), 199999);
    assert_int_equal(muv__retry_backoff_us(2, &plain, UINT32_MAX), 399999);
    assert_int_equal(muv__retry_backoff_us(2, &plain, UINT32_C(1) << 31), 200000);
    assert_int_equal(muv__retry_backoff_us(40, &plain, UINT32_MAX), 9999999);
}

static void the_reply_may_set_the_base_of_the_back_off(void **state)
{
    static const uint8_t fifty[] = {24,  0,   0,   0,   0x10, 'b', 'a', 's', 'e', 'B', 'a', 'c',
                                    'k', 'o', 'f', 'f', 'M',  'S', 0,   50,  0,   0,   0,   0};
    static const uint8_t negative[] = {24,  0,   0,   0,    0x10, 'b',  'a',  's',
                                       'e', 'B', 'a', 'c',  'k',  'o',  'f',  'f',
                                       'M', 'S', 0,   0xff, 0xff, 0xff, 0xff, 0};
    muv_error_t error = error_of(MUV_ESERVER, 462, OVERLOADED);

    (void)state;
    error.reply = fifty;
    error.reply_size = sizeof fifty;
    assert_int_equal(muv__retry_backoff_us(1, &error, UINT32_C(1) << 31), 50000);
    error.reply = negative;
    error.reply_size = sizeof negative;
    assert_int_equal(muv__retry_backoff_us(1, &error, UINT32_C(1) << 31), 100000);
}

static void only_what_was_sent_shows_an_attempt_to_write(void **state)
{
    muv_error_t plain = error_of(MUV_ESERVER, 91, 0);
    muv_error_t nothing = error_of(MUV_ESERVER, 91, MUV_LABEL_NO_WRITES_PERFORMED);
    muv__attempt_t attempt = {.error = &plain, .stage = MUV__ATTEMPT_REPLIED};

    (void)state;
    assert_true(muv__retry_shows_attempt(&attempt));
    attempt.stage = MUV__ATTEMPT_BROKEN;
    assert_true(muv__retry_shows_attempt(&attempt));
    attempt.stage = MUV__ATTEMPT_UNSENT;
    assert_false(muv__retry_shows_attempt(&attempt));
    attempt.stage = MUV__ATTEMPT_REPLIED;
    attempt.error = &nothing;
    assert_false(muv__retry_shows_attempt(&attempt));
}

static void interrupted_writes_are_in_doubt(void **state)
{
    muv_error_t interrupted = error_of(MUV_ESERVER, 11602, 0);
    muv_error_t labelled = error_of(MUV_ESERVER, 11602, MUV_LABEL_NO_WRITES_PERFORMED);
    muv_error_t refused = error_of(MUV_ESERVER, 462, OVERLOADED);
    muv_error_t no_primary = error_of(MUV_ESERVER, 10107, 0);
    muv_error_t duplicate = error_of(MUV_ESERVER, 11000, 0);

    (void)state;
    assert_true(muv__reply_leaves_doubt(&interrupted, 0));
    assert_false(muv__reply_leaves_doubt(&labelled, 1));
    assert_false(muv__reply_leaves_doubt(&refused, 1));
    assert_false(muv__reply_leaves_doubt(&no_primary, 0));
    assert_true(muv__reply_leaves_doubt(&no_primary, 1));
    assert_false(muv__reply_leaves_doubt(&duplicate, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_is_judged_by_kind_and_error),
        cmocka_unit_test(one_retry_is_all_without_a_timeout),
        cmocka_unit_test(one_overload_error_makes_its_limit_count_for_all),
        cmocka_unit_test(options_switch_retries_off),
        cmocka_unit_test(back_off_doubles_up_to_ten_seconds),
        cmocka_unit_test(the_reply_may_set_the_base_of_the_back_off),
        cmocka_unit_test(only_what_was_sent_shows_an_attempt_to_write),
        cmocka_unit_test(interrupted_writes_are_in_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
