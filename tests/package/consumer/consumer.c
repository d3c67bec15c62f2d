/* SPDX-License-Identifier: Apache-2.0 */
/* A program outside our tree, built against the installed package alone: a client is made and
 * closed on a loop of its own, which needs every part of the library and all it depends on. */
/* uv.h needs POSIX names, which plain C11 hides; our own headers do not. */
#define _POSIX_C_SOURCE 200809L

#include <muv.h>

#include <uv.h>

#include <stdio.h>

static void on_closed(void *data)
{
    *(int *)data = 1;
}

int main(void)
{
    uv_loop_t loop;
    muv_client_t *client = NULL;
    int closed = 0;

    if (uv_loop_init(&loop) != 0) {
        return 1;
    }
    if (muv_client_new(&loop, "mongodb://127.0.0.1:1/", NULL, NULL, &client) != 0 ||
        muv_client_close(client, MUV_CLOSE_DRAIN, on_closed, &closed) != 0) {
        return 2;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    if (!closed || uv_loop_close(&loop) != 0) {
        return 3;
    }
    printf("opened and closed a client, libuv %s\n", uv_version_string());
    return 0;
}
