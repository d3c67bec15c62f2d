/* SPDX-License-Identifier: Apache-2.0 */
/* One command's way from start to completion, as a pure machine. It knows no server, connection or
 * byte; it says what comes next, and the client carries it out (client/run.c).
 *
 *            selected             checked out            reply, error
 *   NEW --> SELECTING --> CHECKING_OUT ------> AWAITING ------------> ENDED
 *            ^  ^              |                  |                     ^
 *            |  |              +--- failed        |                     |
 *            |  |                      |          |                     |
 *            |  +------ again: now ----+--- judged by op/retry.h -- no --+
 *            |                         |
 *         due|                  again: later
 *            |                         |
 *            +------ BACKING_OFF <-----+
 *
 *   AWAITING --reply, again: here--> LOGGING_IN --logged in--> AWAITING
 *
 * Suspended in: SELECTING (until the topology changes), CHECKING_OUT (in the pool's queue),
 * AWAITING (for the reply), LOGGING_IN (for the connection's re-authentication), BACKING_OFF (until
 * a time). From each of them STOP (cancel, deadline, close) leads to ENDED. */
#ifndef MUV__OP_MACHINE_H
#define MUV__OP_MACHINE_H

#include <stdint.h>

typedef enum muv__op_state {
    MUV__OP_NEW,
    MUV__OP_SELECTING,
    MUV__OP_CHECKING_OUT,
    MUV__OP_AWAITING,
    MUV__OP_LOGGING_IN,
    MUV__OP_BACKING_OFF,
    MUV__OP_ENDED
} muv__op_state_t;

typedef enum muv__op_event {
    MUV__OP_ON_NOTHING, /* The operation is suspended; never given to the machine. */
    MUV__OP_ON_START,
    MUV__OP_ON_SELECTED,
    MUV__OP_ON_CHECKED_OUT,
    MUV__OP_ON_REPLY,     /* A reply came; the connection is healthy. */
    MUV__OP_ON_SENT,      /* A request without reply has left. */
    MUV__OP_ON_ENOUGH,    /* A selected server is all that was asked for. */
    MUV__OP_ON_UNSENT,    /* It could not be encoded for this connection; nothing was written. */
    MUV__OP_ON_FAILED,    /* Selection or check-out failed: there is no connection. */
    MUV__OP_ON_BROKEN,    /* The connection broke, and is gone. */
    MUV__OP_ON_LOGGED_IN, /* The connection has logged in again. */
    MUV__OP_ON_DUE,       /* The back-off is over. */
    MUV__OP_ON_STOP       /* Cancel, deadline, close of the client. */
} muv__op_event_t;

/* Effects, to be carried out in this order. */
enum {
    MUV__OP_DO_LEAVE_SELECTION = 1 << 0,
    MUV__OP_DO_LEAVE_QUEUE = 1 << 1,
    MUV__OP_DO_LEAVE_WAIT = 1 << 2, /* The back-off's deadline. */
    MUV__OP_DO_ABANDON = 1 << 3,    /* The reply is to be dropped when it comes. */
    MUV__OP_DO_CHECK_IN = 1 << 4,   /* Before user code runs. */
    MUV__OP_DO_RETRY = 1 << 5,      /* Let go of the attempt's server and reply, keep its error. */
    MUV__OP_DO_BACK_OFF = 1 << 6,
    MUV__OP_DO_SELECT = 1 << 7,
    MUV__OP_DO_CHECK_OUT = 1 << 8,
    MUV__OP_DO_SEND = 1 << 9,
    MUV__OP_DO_LOG_IN = 1 << 10, /* On the connection in use, forgetting the reply. */
    MUV__OP_DO_COMPLETE = 1 << 11
};

/* What is to follow the attempt that REPLY, FAILED, BROKEN or UNSENT ends. */
typedef enum muv__op_again {
    MUV__AGAIN_NO,
    MUV__AGAIN_NOW,
    MUV__AGAIN_LATER,
    MUV__AGAIN_HERE /* On the same connection, once it has logged in again. Of REPLY only. */
} muv__op_again_t;

typedef struct muv__op_machine {
    uint8_t state;     /* muv__op_state_t. */
    uint8_t again;     /* muv__op_again_t: set before such an event, taken by it. */
    uint8_t sent;      /* Bytes of an attempt may have reached a server. */
    uint32_t attempts; /* Sent so far, or about to be. */
} muv__op_machine_t;

static inline void muv__op_machine_init(muv__op_machine_t *machine)
{
    machine->state = MUV__OP_NEW;
    machine->again = MUV__AGAIN_NO;
    machine->sent = 0;
    machine->attempts = 0;
}

unsigned muv__op_step(muv__op_machine_t *machine, muv__op_event_t event);

#endif
