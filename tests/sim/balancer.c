/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the load balancer's tests, and its cursors. */
#include "balancer.h"

#include "client/client_inner.h"

#include <stdio.h>
#include <string.h>

#define URI "mongodb://10.0.0.1:27017/?loadBalanced=true"

static void on_pool(const muv_pool_event_t *event, void *data)
{
    balancer_t *b = data;
    size_t length = strlen(b->text);
    const char *name = event->head.name + strlen("Connection");

    if (event->head.type == MUV_EVENT_POOL_CREATED || event->head.type == MUV_EVENT_POOL_READY ||
        event->head.type == MUV_EVENT_CHECK_OUT_STARTED || length > sizeof b->text - 100) {
        return;
    }
    length += (size_t)snprintf(b->text + length, sizeof b->text - length, "%s", name);
    if (event->connection_id != 0) {
        length += (size_t)snprintf(b->text + length, sizeof b->text - length, " %u",
                                   (unsigned)event->connection_id);
    }
    if (event->service_id != NULL) {
        length += (size_t)snprintf(b->text + length, sizeof b->text - length, " %x",
                                   event->service_id[11]);
    }
    (void)snprintf(b->text + length, sizeof b->text - length, "%s%s\n",
                   event->reason[0] != '\0' ? " " : "", event->reason);
}

static void on_command(const muv_command_event_t *event, void *data)
{
    balancer_t *b = data;
    size_t length = strlen(b->commands);

    if (b->commands_wanted) {
        (void)snprintf(b->commands + length, sizeof b->commands - length, "%s %s %x\n",
                       event->head.name, event->command_name,
                       event->service_id == NULL ? 0u : event->service_id[11]);
    }
    if (event->head.type == MUV_EVENT_COMMAND_STARTED && event->document != NULL) {
        bson_iter_t iter;
        bson_t view;

        assert_true(bson_init_static(&view, event->document, event->document_size));
        b->read_preference = bson_iter_init(&iter, &view) &&
                             bson_iter_find_descendant(&iter, "$readPreference.mode", &iter) &&
                             strcmp(bson_iter_utf8(&iter, NULL), "secondaryPreferred") == 0;
    }
}

void balancer_open(balancer_t *b, const muv_client_opts_t *opts, const char *services)
{
    muv_client_opts_t own = opts != NULL ? *opts : (muv_client_opts_t){0};
    muv_listener_t listener = {.on_pool = on_pool, .on_command = on_command, .data = b};
    muv_error_t error;
    int status;

    alloc_install();
    memset(b, 0, sizeof *b);
    b->scene.mark = alloc_mark();
    b->scene.world = sim_new(1);
    b->scene.server = sim_server(b->scene.world, "10.0.0.1", 27017);
    for (; *services != '\0'; services++) {
        sim_on(b->scene.server, "hello",
               &(sim_step_t){.json = *services == 'A' ? HELLO(SERVICE_A) : HELLO(SERVICE_B),
                             .times = services[1] != '\0'});
    }
    own.listener = &listener;
    status = muv_client_new(sim_loop(b->scene.world), URI, &own, &error, &b->scene.client);
    if (status == 0) {
        status = muv_collection_new(b->scene.client, "sim", "docs", NULL, &b->docs);
    }
    if (!alloc_has_failed()) {
        CHECK_CODE(status, 0);
    }
}

void balancer_run(balancer_t *b, int64_t duration_us)
{
    sim_run_for(b->scene.world, duration_us);
}

void balancer_end(balancer_t *b)
{
    muv_collection_free(b->docs);
    scene_end(&b->scene);
}

void balancer_script_step(balancer_t *b, const char *name, sim_step_t step)
{
    sim_forget(b->scene.server, name);
    sim_on(b->scene.server, name, &step);
}

void balancer_script(balancer_t *b, const char *name, const char *json)
{
    balancer_script_step(b, name, (sim_step_t){.json = json});
}

void balancer_script_cursor(balancer_t *b)
{
    balancer_script(b, "find", BATCH("7", "firstBatch"));
    balancer_script(b, "getMore", BATCH("0", "nextBatch"));
    balancer_script(b, "killCursors", "{'ok': 1, 'cursorsKilled': [7]}");
}

void balancer_check_pool(balancer_t *b, const char *expected, const char *file, int line)
{
    if (strcmp(b->text, expected) != 0) {
        print_error("the pool says\n%sinstead of\n%s", b->text, expected);
        check_fail_at(file, line);
    }
    b->text[0] = '\0';
}

unsigned balancer_checked_out(const balancer_t *b)
{
    muv__list_t *first = b->scene.client->servers.next;
    const muv__pool_t *pool = &MUV__CONTAINER_OF(first, muv__server_t, link)->pool;

    return pool->total - pool->pending - pool->idle - pool->draining;
}

/* --- cursors -----------------------------------------------------------------------------------*/

void finding_on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data)
{
    finding_t *f = data;

    (void)op;
    CHECK_NO_ERROR(error);
    f->cursor = cursor;
}

void finding_open(balancer_t *b, finding_t *f)
{
    memset(f, 0, sizeof *f);
    f->b = b;
    CHECK_CODE(muv_collection_find(b->docs, NULL, &(muv_find_opts_t){.batch_size = 2},
                                   finding_on_cursor, f, NULL),
               0);
    balancer_run(b, 10 * SIM_MS);
    assert_non_null(f->cursor);
}

static void on_next(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    finding_t *f = data;

    (void)op;
    f->op = NULL;
    f->ended++;
    f->documents += document != NULL;
    if (error != NULL) {
        f->error = *error;
        f->error.reply = NULL;
    }
}

int finding_start_next(finding_t *f)
{
    f->error.code = 0;
    return muv_cursor_next(f->cursor, NULL, on_next, f, &f->op);
}

void finding_next(finding_t *f, unsigned times)
{
    while (times-- != 0) {
        CHECK_CODE(finding_start_next(f), 0);
        balancer_run(f->b, 10 * SIM_MS);
    }
}

void finding_close(finding_t *f)
{
    muv_cursor_close(f->cursor);
    f->cursor = NULL;
    balancer_run(f->b, 10 * SIM_MS);
}
