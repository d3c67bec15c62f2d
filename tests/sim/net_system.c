/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of the simulated world: the same everywhere, with an empty environment, so that every
 * handshake has the same bytes. */
#include "net/net.h"

void muv__net_system(muv__net_system_t *ret)
{
    static const muv__net_system_t sim = {
        .os_type = "Sim", .os_version = "1", .architecture = "none", .loop_library = "sim"};

    *ret = sim;
}

const char *muv__net_environment(const char *name, void *data)
{
    (void)name;
    (void)data;
    return NULL;
}
