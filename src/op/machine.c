/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of the operation machine. */
#include "op/machine.h"

#include "base/assert.h"

/* An attempt has ended; op/retry.h has decided whether another one follows. */
static unsigned go_on(muv__op_machine_t *machine)
{
    muv__op_again_t again = (muv__op_again_t)machine->again;

    machine->again = MUV__AGAIN_NO;
    switch (again) {
    case MUV__AGAIN_NOW:
        machine->state = MUV__OP_SELECTING;
        return MUV__OP_DO_RETRY | MUV__OP_DO_SELECT;
    case MUV__AGAIN_LATER:
        machine->state = MUV__OP_BACKING_OFF;
        return MUV__OP_DO_RETRY | MUV__OP_DO_BACK_OFF;
    case MUV__AGAIN_HERE: /* on_reply() has taken it. */
    case MUV__AGAIN_NO:
    default: machine->state = MUV__OP_ENDED; return MUV__OP_DO_COMPLETE;
    }
}

static unsigned stop(muv__op_machine_t *machine)
{
    muv__op_state_t state = (muv__op_state_t)machine->state;

    machine->state = MUV__OP_ENDED;
    switch (state) {
    case MUV__OP_SELECTING: return MUV__OP_DO_LEAVE_SELECTION | MUV__OP_DO_COMPLETE;
    case MUV__OP_CHECKING_OUT: return MUV__OP_DO_LEAVE_QUEUE | MUV__OP_DO_COMPLETE;
    case MUV__OP_AWAITING:
    case MUV__OP_LOGGING_IN: return MUV__OP_DO_ABANDON | MUV__OP_DO_COMPLETE;
    case MUV__OP_BACKING_OFF: return MUV__OP_DO_LEAVE_WAIT | MUV__OP_DO_COMPLETE;
    case MUV__OP_NEW:
    case MUV__OP_ENDED:
    default: return MUV__OP_DO_COMPLETE;
    }
}

static unsigned on_reply(muv__op_machine_t *machine)
{
    MUV__ASSERT(machine->state == MUV__OP_AWAITING);
    if (machine->again == MUV__AGAIN_HERE) {
        machine->again = MUV__AGAIN_NO;
        machine->state = MUV__OP_LOGGING_IN;
        return MUV__OP_DO_LOG_IN;
    }
    return MUV__OP_DO_CHECK_IN | go_on(machine);
}

unsigned muv__op_step(muv__op_machine_t *machine, muv__op_event_t event)
{
    MUV__ASSERT(machine->state != MUV__OP_ENDED);

    switch (event) {
    case MUV__OP_ON_START:
        MUV__ASSERT(machine->state == MUV__OP_NEW);
        machine->state = MUV__OP_SELECTING;
        return MUV__OP_DO_SELECT;
    case MUV__OP_ON_DUE:
        MUV__ASSERT(machine->state == MUV__OP_BACKING_OFF);
        machine->state = MUV__OP_SELECTING;
        return MUV__OP_DO_SELECT;
    case MUV__OP_ON_SELECTED:
        MUV__ASSERT(machine->state == MUV__OP_SELECTING);
        machine->state = MUV__OP_CHECKING_OUT;
        return MUV__OP_DO_CHECK_OUT;
    case MUV__OP_ON_CHECKED_OUT:
        MUV__ASSERT(machine->state == MUV__OP_CHECKING_OUT);
        machine->state = MUV__OP_AWAITING;
        machine->attempts++;
        machine->sent = 1;
        return MUV__OP_DO_SEND;
    case MUV__OP_ON_SENT:
        MUV__ASSERT(machine->state == MUV__OP_AWAITING);
        machine->state = MUV__OP_ENDED;
        return MUV__OP_DO_CHECK_IN | MUV__OP_DO_COMPLETE;
    case MUV__OP_ON_ENOUGH:
        MUV__ASSERT(machine->state == MUV__OP_CHECKING_OUT);
        machine->state = MUV__OP_ENDED;
        return MUV__OP_DO_COMPLETE;
    case MUV__OP_ON_UNSENT:
        MUV__ASSERT(machine->state == MUV__OP_AWAITING);
        machine->sent = machine->attempts > 1;
        return MUV__OP_DO_CHECK_IN | go_on(machine);
    case MUV__OP_ON_REPLY: return on_reply(machine);
    case MUV__OP_ON_LOGGED_IN:
        MUV__ASSERT(machine->state == MUV__OP_LOGGING_IN);
        machine->state = MUV__OP_AWAITING;
        machine->attempts++;
        return MUV__OP_DO_SEND;
    case MUV__OP_ON_FAILED:
    case MUV__OP_ON_BROKEN: return go_on(machine);
    case MUV__OP_ON_STOP: return stop(machine);
    case MUV__OP_ON_NOTHING:
    default: MUV__ASSERT(event != MUV__OP_ON_NOTHING); return 0;
    }
}
