/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of the simulated world: the same everywhere, with an environment that is empty unless
 * a test says otherwise, so that every handshake has the same bytes. */
#include "net_sim.h"

#include "net/net.h"

#include <errno.h>
#include <string.h>

static const char *variable;
static const char *variable_value;

void sim_environment(const char *name, const char *value)
{
    variable = name;
    variable_value = value;
}

void muv__net_system(muv__net_system_t *ret)
{
    static const muv__net_system_t sim = {
        .os_type = "Sim", .os_version = "1", .architecture = "none", .loop_library = "sim"};

    *ret = sim;
}

/* The simulated world has no files. */
int muv__net_read_file(const char *path, size_t max_size, uint8_t **ret_bytes, size_t *ret_size)
{
    (void)path;
    (void)max_size;
    (void)ret_bytes;
    (void)ret_size;
    return -ENOENT;
}

const char *muv__net_environment(const char *name, void *data)
{
    (void)data;
    return variable != NULL && strcmp(name, variable) == 0 ? variable_value : NULL;
}
