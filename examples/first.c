/* SPDX-License-Identifier: Apache-2.0 */
/* The first program of the README: one command, its reply kept in both ways. */
#include <muv.h>
#include <stdio.h>
#include <uv.h>

static muv_client_t *client;

static void on_pong(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    muv_reply_t *kept;
    bson_t *copy;
    char *text;

    (void)op, (void)data;
    if (error != NULL) {
        fprintf(stderr, "%s: %s\n", muv_error_name(error->code), error->message);
    } else if (muv_reply_retain(reply, &kept) == 0) { /* Shares the receive memory. */
        copy = muv_reply_copy(kept);                  /* A bson_t of your own. */
        muv_reply_release(kept);
        text = bson_as_relaxed_extended_json(copy, NULL);
        puts(text);
        bson_free(text);
        bson_destroy(copy);
    }
    muv_client_close(client, MUV_CLOSE_DRAIN, NULL, NULL);
}

int main(int argc, char **argv)
{
    const char *uri = argc > 1 ? argv[1] : "mongodb://127.0.0.1:27017";
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    muv_error_t error;
    int status;

    if (muv_client_new(uv_default_loop(), uri, NULL, &error, &client) != 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    status = muv_run_command(client, "admin", ping, NULL, on_pong, NULL, NULL);
    bson_destroy(ping);
    return status != 0 || uv_run(uv_default_loop(), UV_RUN_DEFAULT) != 0 ||
           uv_loop_close(uv_default_loop()) != 0;
}
