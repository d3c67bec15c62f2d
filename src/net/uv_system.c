/* SPDX-License-Identifier: Apache-2.0 */
/* What the handshake tells of this machine. Asked once for each client, when it is made. */
#include "net/net.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void copy_text(char to[MUV__NET_SYSTEM_TEXT_SIZE], const char *text)
{
    size_t length = strnlen(text, MUV__NET_SYSTEM_TEXT_SIZE - 1);

    memcpy(to, text, length);
    to[length] = '\0';
}

void muv__net_system(muv__net_system_t *ret)
{
    uv_utsname_t name;

    memset(ret, 0, sizeof(*ret));
    if (uv_os_uname(&name) == 0) {
        copy_text(ret->os_type, name.sysname);
        copy_text(ret->os_version, name.release);
        copy_text(ret->architecture, name.machine);
    }
    (void)snprintf(ret->loop_library, sizeof(ret->loop_library), "libuv %s", uv_version_string());
    ret->in_docker = access("/.dockerenv", F_OK) == 0;
}

const char *muv__net_environment(const char *name, void *data)
{
    (void)data;
    return getenv(name);
}
