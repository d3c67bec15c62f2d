/* SPDX-License-Identifier: Apache-2.0 */
/* The topology machine carried out: servers come and go, pools are cleared and become ready,
 * operations that wait for a server select again. */
#ifndef MUV__DEPLOYMENT_H
#define MUV__DEPLOYMENT_H

#include "muv/types.h"

#include "base/error.h"
#include "base/host.h"
#include "pool/pool.h"
#include "topology/server_description.h"

struct muv__server;

/* The seeds are known, or the name to look them up by; nothing is monitored yet. Returns 0,
 * MUV_EINVAL or MUV_ENOMEM. */
int muv__deployment_init(muv_client_t *client);

/* Begin monitoring, with mongodb+srv:// as soon as the seeds are found. To be called for every
 * operation until client->topology_started. Returns 0 or MUV_ENOMEM. */
int muv__deployment_start(muv_client_t *client);

/* 1, with the error of an operation that has waited long enough, while seeds are still to be found;
 * 0: there is a topology. */
int muv__deployment_unresolved(const muv_client_t *client, muv_error_t *ret);

/* The hosts that were found are in client->uri: begin monitoring. Returns 0 or MUV_ENOMEM. */
int muv__deployment_seed(muv_client_t *client);

/* Polling has found these hosts, at least one; their order changes. Returns 0 or MUV_ENOMEM. */
int muv__deployment_on_hosts(muv_client_t *client, muv__host_t *hosts, uint32_t count);

/* Stop monitoring and close all pools; servers are freed as their connections close. */
void muv__deployment_close(muv_client_t *client);

/* A check has ended. `rtt_us` -1: it is no sample. */
void muv__deployment_on_check(struct muv__server *server, muv__server_description_t *description,
                              int64_t rtt_us);

/* A connection of the pool failed with `error`, or a reply carries it. */
void muv__deployment_on_failure(struct muv__server *server, const muv__pool_conn_t *conn,
                                const muv_error_t *error, int handshaken);

/* Somebody found no server: check all soon. */
void muv__deployment_request_check(muv_client_t *client);

#endif
