/* SPDX-License-Identifier: Apache-2.0 */
/* mongodb+srv://: the topology of such a client begins without seeds. Its first operation looks up
 * SRV and TXT records; what they say is added to the connection string, and then the topology
 * starts. Until then operations wait in server selection, each with its own deadlines.
 *
 * A client cannot be refused for what DNS says, as it is made without network. So an answer that is
 * final (no such name, a foreign host, a bad option) ends all operations that wait, and later ones
 * ask again, at most every 500 ms; after a failure that may pass (no answer, a server that fails)
 * they go on waiting while the look-up is repeated.
 *
 * Afterwards the SRV records are polled while the topology is Unknown or Sharded. */
#ifndef MUV__CLIENT_SRV_H
#define MUV__CLIENT_SRV_H

#include "muv/error.h"
#include "muv/types.h"

typedef struct muv__srv muv__srv_t;

/* Make client->srv for the one host of client->uri. Returns 0 or MUV_ENOMEM. */
int muv__srv_new(muv_client_t *client);

/* End look-ups and free it. NULL is allowed. */
void muv__srv_free(muv_client_t *client);

/* An operation needs the topology, which has not started: see to it that a look-up is in progress
 * or will be. Returns 0 or MUV_ENOMEM. */
int muv__srv_start(muv_client_t *client);

/* Fill an error for an operation that has waited for the look-up long enough. */
void muv__srv_explain(const muv_client_t *client, muv_error_t *ret);

#endif
