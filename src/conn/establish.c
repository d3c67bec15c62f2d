/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of the establishment machine, and the order and pace of its race. */
#include "conn/establish.h"

#include "base/assert.h"

void muv__establish_init(muv__establish_t *establish)
{
    *establish = (muv__establish_t){.state = MUV__ESTABLISH_START};
}

static unsigned fail(muv__establish_t *establish)
{
    establish->state = MUV__ESTABLISH_FAILED;
    return MUV__ESTABLISH_DO_REPORT_FAILED;
}

/* One more attempt, if there is an address left. The race is lost without any. */
static unsigned connect_next(muv__establish_t *establish)
{
    if (establish->next_addr == establish->addr_count) {
        return establish->running == 0 ? fail(establish) : (unsigned)MUV__ESTABLISH_DO_ARM;
    }
    establish->next_addr++;
    establish->running++;
    establish->state = MUV__ESTABLISH_CONNECTING;
    return MUV__ESTABLISH_DO_CONNECT | MUV__ESTABLISH_DO_ARM;
}

static unsigned attempt_failed(muv__establish_t *establish)
{
    MUV__ASSERT(establish->state == MUV__ESTABLISH_CONNECTING);
    MUV__ASSERT(establish->running > 0);
    establish->running--;
    return connect_next(establish);
}

/* The stream is the server's. */
static unsigned talk(muv__establish_t *establish)
{
    if (establish->secure) {
        establish->state = MUV__ESTABLISH_SECURING;
        return MUV__ESTABLISH_DO_SECURE;
    }
    establish->state = MUV__ESTABLISH_GREETING;
    return MUV__ESTABLISH_DO_GREET;
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
    case MUV__ESTABLISH_ON_DELAY:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_CONNECTING);
        return connect_next(establish);
    case MUV__ESTABLISH_ON_CONNECTED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_CONNECTING);
        establish->running = 0;
        if (establish->proxy) {
            establish->state = MUV__ESTABLISH_PROXYING;
            return MUV__ESTABLISH_DO_DROP_OTHERS | MUV__ESTABLISH_DO_PROXY;
        }
        return MUV__ESTABLISH_DO_DROP_OTHERS | talk(establish);
    case MUV__ESTABLISH_ON_CONNECT_FAILED: return attempt_failed(establish);
    case MUV__ESTABLISH_ON_PROXIED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_PROXYING);
        establish->proxied = 1;
        return talk(establish);
    case MUV__ESTABLISH_ON_SECURED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_SECURING);
        establish->state = MUV__ESTABLISH_GREETING;
        return MUV__ESTABLISH_DO_GREET;
    case MUV__ESTABLISH_ON_GREETED:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_GREETING);
        establish->greeted = 1;
        if (establish->log_in) {
            establish->state = MUV__ESTABLISH_LOGGING_IN;
            return MUV__ESTABLISH_DO_LOG_IN;
        }
        establish->state = MUV__ESTABLISH_READY;
        return MUV__ESTABLISH_DO_REPORT_READY;
    case MUV__ESTABLISH_ON_LOGGED_IN:
        MUV__ASSERT(establish->state == MUV__ESTABLISH_LOGGING_IN);
        establish->state = MUV__ESTABLISH_READY;
        return MUV__ESTABLISH_DO_REPORT_READY;
    case MUV__ESTABLISH_ON_DEADLINE:
    case MUV__ESTABLISH_ON_BROKEN:
    default: return fail(establish);
    }
}

/* The first index from `at` on whose family is (or is not) `family`. */
static size_t find_family(const muv__net_addr_t *addrs, size_t count, size_t at, uint8_t family,
                          int wanted)
{
    while (at < count && (addrs[at].family == family) != wanted) {
        at++;
    }
    return at;
}

void muv__establish_interleave(muv__net_addr_t *ret, const muv__net_addr_t *addrs, size_t count)
{
    size_t at[2] = {0, 0}; /* Of the other families, and of the first one. */
    int wanted = 1;

    for (size_t done = 0; done < count; done++) {
        at[wanted] = find_family(addrs, count, at[wanted], addrs[0].family, wanted);
        if (at[wanted] == count) {
            wanted = !wanted;
            at[wanted] = find_family(addrs, count, at[wanted], addrs[0].family, wanted);
        }
        MUV__ASSERT(at[wanted] < count);
        ret[done] = addrs[at[wanted]++];
        wanted = !wanted;
    }
}

int64_t muv__establish_delay_us(uint32_t addr_count, int64_t left_us)
{
    int64_t share_us = left_us / (int64_t)(addr_count == 0 ? 1 : addr_count);

    if (share_us >= MUV__ESTABLISH_DELAY_US) {
        return MUV__ESTABLISH_DELAY_US;
    }
    return share_us > MUV__ESTABLISH_DELAY_MIN_US ? share_us : MUV__ESTABLISH_DELAY_MIN_US;
}
