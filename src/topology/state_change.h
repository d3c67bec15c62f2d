/* SPDX-License-Identifier: Apache-2.0 */
/* Does a command's reply say that its server is no longer what we took it for? (SDAM: "not writable
 * primary" and "node is recovering" errors.) */
#ifndef MUV__STATE_CHANGE_H
#define MUV__STATE_CHANGE_H

#include "topology/server_description.h"

typedef struct muv__state_change {
    uint8_t is_state_change; /* Not writable primary, or recovering. */
    uint8_t is_shutdown;     /* The server ends: its connections are of no use. */
    int32_t code;            /* The server's; 0: none. */
    muv__topology_version_t topology_version;
} muv__state_change_t;

/* Look at the top level and at writeConcernError, never at writeErrors. A reply without an error,
 * or a malformed one, is no state change. */
void muv__state_change_read(const uint8_t *reply, size_t size, muv__state_change_t *ret);

#endif
