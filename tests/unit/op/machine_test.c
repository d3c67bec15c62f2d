/* SPDX-License-Identifier: Apache-2.0 */
/* Every way of an operation through its machine, and every moment at which it can be stopped. */
#include "op/machine.h"

#include "support/check.h"

#define STEP(machine, event, effects, next)                                                        \
    do {                                                                                           \
        assert_int_equal(muv__op_step(machine, event), (unsigned)(effects));                       \
        assert_int_equal((machine)->state, next);                                                  \
    } while (0)

static muv__op_machine_t new_machine(void)
{
    muv__op_machine_t machine;

    muv__op_machine_init(&machine);
    assert_int_equal(machine.state, MUV__OP_NEW);
    return machine;
}

/* A machine that waits for the reply of its first attempt. */
static muv__op_machine_t awaiting(void)
{
    muv__op_machine_t machine = new_machine();

    STEP(&machine, MUV__OP_ON_START, MUV__OP_DO_SELECT, MUV__OP_SELECTING);
    STEP(&machine, MUV__OP_ON_SELECTED, MUV__OP_DO_CHECK_OUT, MUV__OP_CHECKING_OUT);
    assert_int_equal(machine.sent, 0);
    STEP(&machine, MUV__OP_ON_CHECKED_OUT, MUV__OP_DO_SEND, MUV__OP_AWAITING);
    assert_int_equal(machine.sent, 1);
    assert_int_equal(machine.attempts, 1);
    return machine;
}

static void a_reply_checks_in_before_completing(void **state)
{
    muv__op_machine_t machine = awaiting();

    (void)state;
    assert_true((unsigned)MUV__OP_DO_CHECK_IN < (unsigned)MUV__OP_DO_COMPLETE);
    STEP(&machine, MUV__OP_ON_REPLY, MUV__OP_DO_CHECK_IN | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
}

static void a_request_without_reply_ends_when_it_is_sent(void **state)
{
    muv__op_machine_t machine = awaiting();

    (void)state;
    STEP(&machine, MUV__OP_ON_SENT, MUV__OP_DO_CHECK_IN | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
}

static void what_could_not_be_encoded_was_not_sent(void **state)
{
    muv__op_machine_t machine = awaiting();

    (void)state;
    STEP(&machine, MUV__OP_ON_UNSENT, MUV__OP_DO_CHECK_IN | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    assert_int_equal(machine.sent, 0);
}

static void a_broken_connection_is_not_checked_in(void **state)
{
    muv__op_machine_t machine = awaiting();

    (void)state;
    STEP(&machine, MUV__OP_ON_BROKEN, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    assert_int_equal(machine.sent, 1);
}

static void a_failed_wait_completes(void **state)
{
    muv__op_machine_t refused = new_machine();
    muv__op_machine_t selecting = new_machine();
    muv__op_machine_t queued = new_machine();

    (void)state;
    STEP(&refused, MUV__OP_ON_FAILED, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    (void)muv__op_step(&selecting, MUV__OP_ON_START);
    STEP(&selecting, MUV__OP_ON_FAILED, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    (void)muv__op_step(&queued, MUV__OP_ON_START);
    (void)muv__op_step(&queued, MUV__OP_ON_SELECTED);
    STEP(&queued, MUV__OP_ON_FAILED, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    assert_int_equal(queued.sent, 0);
}

static void stopping_leaves_what_it_waits_in(void **state)
{
    muv__op_machine_t fresh = new_machine();
    muv__op_machine_t selecting = new_machine();
    muv__op_machine_t queued = new_machine();
    muv__op_machine_t waiting = awaiting();

    (void)state;
    STEP(&fresh, MUV__OP_ON_STOP, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    (void)muv__op_step(&selecting, MUV__OP_ON_START);
    STEP(&selecting, MUV__OP_ON_STOP, MUV__OP_DO_LEAVE_SELECTION | MUV__OP_DO_COMPLETE,
         MUV__OP_ENDED);
    (void)muv__op_step(&queued, MUV__OP_ON_START);
    (void)muv__op_step(&queued, MUV__OP_ON_SELECTED);
    STEP(&queued, MUV__OP_ON_STOP, MUV__OP_DO_LEAVE_QUEUE | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    STEP(&waiting, MUV__OP_ON_STOP, MUV__OP_DO_ABANDON | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
}

static void a_retry_lets_go_of_the_attempt_and_selects_again(void **state)
{
    muv__op_machine_t replied = awaiting();
    muv__op_machine_t broken = awaiting();
    muv__op_machine_t queued = new_machine();

    (void)state;
    replied.again = MUV__AGAIN_NOW;
    STEP(&replied, MUV__OP_ON_REPLY, MUV__OP_DO_CHECK_IN | MUV__OP_DO_RETRY | MUV__OP_DO_SELECT,
         MUV__OP_SELECTING);
    assert_int_equal(replied.again, MUV__AGAIN_NO);
    broken.again = MUV__AGAIN_NOW;
    STEP(&broken, MUV__OP_ON_BROKEN, MUV__OP_DO_RETRY | MUV__OP_DO_SELECT, MUV__OP_SELECTING);
    STEP(&broken, MUV__OP_ON_SELECTED, MUV__OP_DO_CHECK_OUT, MUV__OP_CHECKING_OUT);
    STEP(&broken, MUV__OP_ON_CHECKED_OUT, MUV__OP_DO_SEND, MUV__OP_AWAITING);
    assert_int_equal(broken.attempts, 2);
    /* The verdict counts once. */
    STEP(&broken, MUV__OP_ON_BROKEN, MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    (void)muv__op_step(&queued, MUV__OP_ON_START);
    (void)muv__op_step(&queued, MUV__OP_ON_SELECTED);
    queued.again = MUV__AGAIN_NOW;
    STEP(&queued, MUV__OP_ON_FAILED, MUV__OP_DO_RETRY | MUV__OP_DO_SELECT, MUV__OP_SELECTING);
    assert_int_equal(queued.attempts, 0);
}

static void a_back_off_waits_between_two_attempts(void **state)
{
    muv__op_machine_t machine = awaiting();
    muv__op_machine_t stopped = awaiting();

    (void)state;
    machine.again = MUV__AGAIN_LATER;
    STEP(&machine, MUV__OP_ON_REPLY, MUV__OP_DO_CHECK_IN | MUV__OP_DO_RETRY | MUV__OP_DO_BACK_OFF,
         MUV__OP_BACKING_OFF);
    STEP(&machine, MUV__OP_ON_DUE, MUV__OP_DO_SELECT, MUV__OP_SELECTING);
    stopped.again = MUV__AGAIN_LATER;
    (void)muv__op_step(&stopped, MUV__OP_ON_BROKEN);
    STEP(&stopped, MUV__OP_ON_STOP, MUV__OP_DO_LEAVE_WAIT | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
}

/* (Authentication: re-authentication.) */
static void a_login_in_between_keeps_the_connection(void **state)
{
    muv__op_machine_t machine = awaiting();
    muv__op_machine_t stopped = awaiting();
    muv__op_machine_t broken = awaiting();

    (void)state;
    machine.again = MUV__AGAIN_HERE;
    STEP(&machine, MUV__OP_ON_REPLY, MUV__OP_DO_LOG_IN, MUV__OP_LOGGING_IN);
    STEP(&machine, MUV__OP_ON_LOGGED_IN, MUV__OP_DO_SEND, MUV__OP_AWAITING);
    assert_int_equal(machine.attempts, 2);
    STEP(&machine, MUV__OP_ON_REPLY, MUV__OP_DO_CHECK_IN | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    stopped.again = MUV__AGAIN_HERE;
    (void)muv__op_step(&stopped, MUV__OP_ON_REPLY);
    STEP(&stopped, MUV__OP_ON_STOP, MUV__OP_DO_ABANDON | MUV__OP_DO_COMPLETE, MUV__OP_ENDED);
    broken.again = MUV__AGAIN_HERE;
    (void)muv__op_step(&broken, MUV__OP_ON_REPLY);
    broken.again = MUV__AGAIN_NOW;
    STEP(&broken, MUV__OP_ON_BROKEN, MUV__OP_DO_RETRY | MUV__OP_DO_SELECT, MUV__OP_SELECTING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_checks_in_before_completing),
        cmocka_unit_test(a_request_without_reply_ends_when_it_is_sent),
        cmocka_unit_test(what_could_not_be_encoded_was_not_sent),
        cmocka_unit_test(a_broken_connection_is_not_checked_in),
        cmocka_unit_test(a_failed_wait_completes),
        cmocka_unit_test(stopping_leaves_what_it_waits_in),
        cmocka_unit_test(a_retry_lets_go_of_the_attempt_and_selects_again),
        cmocka_unit_test(a_back_off_waits_between_two_attempts),
        cmocka_unit_test(a_login_in_between_keeps_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
