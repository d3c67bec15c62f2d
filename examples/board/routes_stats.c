/* SPDX-License-Identifier: Apache-2.0 */
/* GET /stats: what the worker that answers is doing. */
#include "router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Threads of this process, or -1 where /proc is not Linux's. It is memory of the kernel's: reading
 * it does not wait. */
static long count_threads(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    long count = -1;

    if (file == NULL) {
        return -1;
    }
    while (count < 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Threads:", 8) == 0) {
            count = strtol(line + 8, NULL, 10);
        }
    }
    (void)fclose(file);
    return count;
}

static void client_json(json_t *json, const muv_client_t *client)
{
    muv_client_stats_t stats;

    muv_client_get_stats(client, &stats);
    json_open(json, "client", '{');
    json_int(json, "operations_started", (int64_t)stats.operations_started);
    json_int(json, "operations_ended", (int64_t)stats.operations_ended);
    json_int(json, "operations_failed", (int64_t)stats.operations_failed);
    json_int(json, "operations_live", stats.operations_live);
    json_int(json, "waiting_for_server", stats.waiting_for_server);
    json_int(json, "waiting_for_connection", stats.waiting_for_connection);
    json_int(json, "connections", stats.connections);
    json_int(json, "connections_idle", stats.connections_idle);
    json_int(json, "connections_pending", stats.connections_pending);
    json_int(json, "connections_draining", stats.connections_draining);
    json_int(json, "connections_created", (int64_t)stats.connections_created);
    json_int(json, "connections_closed", (int64_t)stats.connections_closed);
    json_int(json, "pending_bytes", (int64_t)stats.pending_bytes);
    json_close(json, '}');
}

void route_stats(call_t *call)
{
    const board_t *board = call->board;
    json_t *out = &call->out;

    json_open(out, NULL, '{');
    json_int(out, "pid", getpid());
    json_int(out, "threads", count_threads());
    json_int(out, "uptime_ms", (int64_t)(uv_now(board->http.loop) - board->started_ms));
    json_int(out, "requests", (int64_t)board->requests);
    json_int(out, "cancelled", (int64_t)board->cancelled);
    json_int(out, "http_connections", board->http.connection_count);
    json_int(out, "commands", (int64_t)board->commands);
    client_json(out, board->client);
    json_close(out, '}');
    call_answer(call, 200, NULL);
}
