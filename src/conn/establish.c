/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of the establishment machine. */
#include "conn/establish.h"

#include "base/assert.h"

void muv__establish_init(muv__establish_t *establish)
{
    establish->state = MUV__ESTABLISH_START;
    establish->addr_count = 0;
    establish->next_addr = 0;
}

static unsigned fail(muv__establish_t *establish)
{
    establish->state = MUV__ESTABLISH_FAILED;
    return MUV__ESTABLISH_DO_REPORT_FAILED;
}

static unsigned connect_next(muv__establish_t *establish)
{
    if (establish->next_addr == establish->addr_count) {
        return fail(establish);
    }
    establish->next_addr++;
    establish->state = MUV__ESTABLISH_CONNECTING;
    return MUV__ESTABLISH_DO_CONNECT;
}

unsigned muv__establish_step(muv__establish_t *establish, muv__establish_event_t event)
{
    MUV__ASSERT(!muv__establish_ended(establish));

    switch (event) {
    case MUV__ESTABLISH_ON_START_NAME:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_START);
        establish->state = MUV__ESTABLISH_RESOLVING;
        return MUV__ESTABLISH_DO_RESOLVE;
    case MUV__ESTABLISH_ON_START_PATH:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_START);
        establish->addr_count = 1;
        return connect_next(establish);
    case MUV__ESTABLISH_ON_RESOLVED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_RESOLVING);
        return connect_next(establish);
    case MUV__ESTABLISH_ON_CONNECTED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_CONNECTING);
        establish->state = MUV__ESTABLISH_GREETING;
        return MUV__ESTABLISH_DO_GREET;
    case MUV__ESTABLISH_ON_CONNECT_FAILED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_CONNECTING);
        return MUV__ESTABLISH_DO_DISCONNECT | connect_next(establish);
    case MUV__ESTABLISH_ON_GREETED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_GREETING);
        establish->state = MUV__ESTABLISH_READY;
        return MUV__ESTABLISH_DO_REPORT_READY;
    case MUV__ESTABLISH_ON_DEADLINE:
        if (establish->state == MUV__ESTABLISH_CONNECTING) {
            return MUV__ESTABLISH_DO_DISCONNECT | connect_next(establish);
        }
        return fail(establish);
    case MUV__ESTABLISH_ON_BROKEN:
    default: return fail(establish);
    }
}
