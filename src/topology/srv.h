/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of mongodb+srv:// that need no DNS (Initial DNS Seedlist Discovery; Polling SRV Records
 * for mongos Discovery): which name is asked for, which answers count, how many hosts are taken,
 * and when to ask again. Asking is the client's; TXT records are options (uri/uri.h). */
#ifndef MUV__SRV_RULES_H
#define MUV__SRV_RULES_H

#include <stdint.h>

#include "base/host.h"
#include "base/random.h"
#include "topology/snapshot.h"

/* "_" service "._tcp." host and a NUL; a service has at most 62 bytes. */
#define MUV__SRV_NAME_SIZE (1 + 62 + 6 + MUV__HOST_NAME_MAX + 1)

/* The name that has the SRV records of a host ("_mongodb._tcp.cluster.example.com"). */
void muv__srv_name(const char *service, const char *host, char text[MUV__SRV_NAME_SIZE]);

/* Make a host of one record that was found for the name `srv_host` of the connection string.
 *
 * target      [borrow] A dot at its end is dropped, upper case becomes lower.
 * ret_reason  [borrow] On failure a phrase in static memory.
 *
 * Returns 0, or MUV_EINVAL when the target is no host name or does not lie in the parent domain: it
 * must never be connected to. */
int muv__srv_host(const char *srv_host, const char *target, uint16_t port, muv__host_t *ret,
                  const char **ret_reason);

/* Drop hosts that occur twice. Returns how many are left. */
uint32_t muv__srv_unique(muv__host_t *hosts, uint32_t count);

/* How many of `count` hosts srvMaxHosts allows; when these are fewer, a random choice is moved to
 * the front (Fisher-Yates). `max_count` 0: no limit. */
uint32_t muv__srv_choose(muv__host_t *hosts, uint32_t count, uint32_t max_count,
                         muv__random_t *random);

/* From the end of one look-up to the next. `found` 0: it failed or brought no good host. */
int64_t muv__srv_interval_us(int found, uint32_t lowest_ttl_s, int64_t heartbeat_interval_us);

/* 1: a topology of this type goes on asking. */
int muv__srv_is_polled(muv__topology_type_t type);

#endif
