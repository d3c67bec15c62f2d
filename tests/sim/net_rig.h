/* SPDX-License-Identifier: Apache-2.0 */
/* A world with nothing but a net in it, and a log of what it says: for tests of the simulated net's
 * own promises. */
#ifndef MUV_TESTS_SIM_NET_RIG_H
#define MUV_TESTS_SIM_NET_RIG_H

#include "net_sim.h"

#include "base/compiler.h"
#include "net/net.h"

typedef struct net_rig {
    sim_world_t *world;
    muv__net_t *net;
    unsigned depth; /* 1 inside a net event. */
    bool closed;
    int64_t since_us;
    char log[1024];
} net_rig_t;

void net_rig_open(net_rig_t *rig);

/* Close the net and check that nothing is left. */
void net_rig_end(net_rig_t *rig);

/* For muv__net_close(): sets `closed`. */
void net_rig_on_closed(void *data);

/* The time since the rig was opened. */
int net_rig_now_us(const net_rig_t *rig);

/* Append to the log. */
void net_rig_put(net_rig_t *rig, const char *format, ...) MUV__PRINTF(2, 3);

#endif
