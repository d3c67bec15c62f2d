/* SPDX-License-Identifier: Apache-2.0 */
/* How events enter a client and how its turns end: time, deadlines, completions, refusals. */
#include "client/client_inner.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/cursor.h"

/* Deadlines handled before the sockets are polled again. */
#define DEADLINES_PER_TURN 1024

/* Replies wait for memory, and nothing says when the user gives kept ones back (they may outlive
 * the client): so it is looked for now and then. */
#define UNBLOCK_RETRY_US 5000

static void run_turn_hooks(muv_client_t *client)
{
    struct muv__turn_hook *hook = client->turn_hooks;

    client->turn_hooks = NULL;
    client->turn_hooks_end = &client->turn_hooks;
    while (hook != NULL) {
        struct muv__turn_hook *next = hook->next;

        hook->fn(hook->data);
        muv__mem_free(hook);
        hook = next;
    }
}

static void unblock_a_connection(muv_client_t *client)
{
    for (muv__list_t *link = client->servers.next; link != &client->servers; link = link->next) {
        if (muv__server_unblock(MUV__CONTAINER_OF(link, muv__server_t, link))) {
            return;
        }
    }
}

static void on_unblock_due(muv__deadline_t *deadline, int64_t now_us)
{
    (void)deadline; /* The end of the event that this is part of does the work. */
    (void)now_us;
}

/* Callbacks have run and some connection still waits for memory. If they gave some back, the next
 * one gets its chance as soon as the sockets were polled. */
static void unblock_later(muv_client_t *client, size_t used_before)
{
    if (muv__chunk_pool_budget(client->context.chunks)->used_bytes < used_before) {
        muv__net_post(client->net);
        return;
    }
    client->unblock.on_due = on_unblock_due;
    muv__deadline_set(&client->deadlines, &client->unblock,
                      client->context.now_us + UNBLOCK_RETRY_US);
}

static void arm(muv_client_t *client)
{
    muv__net_arm(client->net, muv__deadlines_next_us(&client->deadlines));
}

static int wants_turn(const muv_client_t *client)
{
    return !muv__list_empty(&client->completed) || !muv__list_empty(&client->resuming) ||
           !muv__list_empty(&client->ready_cursors) || client->turn_hooks != NULL ||
           muv__events_waiting(client->events);
}

/* The end of the event does it. */
static void on_ageing_due(muv__deadline_t *deadline, int64_t now_us)
{
    (void)deadline;
    (void)now_us;
}

/* Big chunks that nobody needed for a second are dropped; a deadline sees to it that an event comes
 * for that. While none is kept there is no deadline. */
static void age_chunks(muv_client_t *client)
{
    int64_t due_us = muv__chunk_pool_tick(client->context.chunks, client->context.now_us);

    if (MUV__UNLIKELY(due_us != INT64_MAX) && !muv__heap_linked(&client->ageing.node)) {
        client->ageing.on_due = on_ageing_due;
        muv__deadline_set(&client->deadlines, &client->ageing, due_us);
    }
}

static void on_event_begin(void *data, int64_t now_us)
{
    muv_client_t *client = data;

    client->event_depth++;
    client->connects_left = MUV__CONNECTIONS_PER_TURN;
    client->context.now_us = now_us;
}

/* The last act of every net event: user code runs here, when all state is consistent. */
static void on_event_end(void *data)
{
    muv_client_t *client = data;
    size_t used_bytes = muv__chunk_pool_budget(client->context.chunks)->used_bytes;
    unsigned left = MUV__COMPLETIONS_PER_TURN;

    MUV__ASSERT(client->event_depth == 1);
    if (MUV__UNLIKELY(client->context.blocked_count != 0)) {
        unblock_a_connection(client);
    }
    muv__completions_drain(client, &left);
    if (MUV__UNLIKELY(!muv__list_empty(&client->ready_cursors))) {
        muv__cursors_run(client);
        muv__completions_drain(client, &left);
    }
    if (MUV__UNLIKELY(client->turn_hooks != NULL)) {
        run_turn_hooks(client);
        muv__completions_drain(client, &left);
    }
    age_chunks(client);
    client->event_depth = 0;
    if (wants_turn(client)) {
        muv__net_post(client->net);
    }
    if (MUV__UNLIKELY(client->context.blocked_count != 0)) {
        unblock_later(client, used_bytes);
    }
    muv__client_continue_close(client);
    arm(client);
}

static void on_timer(void *data)
{
    muv_client_t *client = data;

    muv__deadlines_run(&client->deadlines, client->context.now_us, DEADLINES_PER_TURN);
}

static void on_turn(void *data)
{
    muv_client_t *client = data;

    /* All else that a turn is posted for is done at the end of the event. */
    muv__ops_resume(client);
    muv__conns_work(&client->context);
    muv__conns_hash(&client->context);
}

const muv__net_hooks_t muv__client_hooks = {
    .begin = on_event_begin,
    .end = on_event_end,
    .on_timer = on_timer,
    .on_turn = on_turn,
};

int muv__client_refuse(muv_client_t *client, int code, const char *format, ...)
{
    va_list arguments;

    muv__error_clear(&client->refusal);
    client->refusal.code = code;
    client->refusal.domain = muv__error_domain(code);
    va_start(arguments, format);
    (void)vsnprintf(client->refusal.message, sizeof(client->refusal.message), format, arguments);
    va_end(arguments);
    return code;
}

int muv_client_refuse(muv_client_t *client, int code, const char *message)
{
    return client == NULL ? code : muv__client_refuse(client, code, "%s", message);
}

const muv_error_t *muv_client_refusal(const muv_client_t *client)
{
    static const muv_error_t no_client = {
        .domain = MUV_DOMAIN_CLIENT, .code = MUV_EINVAL, .message = "client: it is NULL"};

    return client == NULL ? &no_client : &client->refusal;
}

int muv__client_enter(muv_client_t *client)
{
    MUV__DASSERT(muv__net_on_thread(client->net));
    if (MUV__UNLIKELY(client->fork_count != muv__net_fork_count())) {
        return muv__client_refuse(client, MUV_EFORK, "%s", muv_error_text(MUV_EFORK));
    }
    if (client->event_depth == 0) {
        client->context.now_us = muv__net_now_us(client->net);
    }
    return 0;
}

void muv__client_wake(muv_client_t *client)
{
    if (client->event_depth == 0) {
        if (wants_turn(client)) {
            muv__net_post(client->net);
        }
        arm(client);
    }
}

void muv__client_update_alive(muv_client_t *client)
{
    uint8_t alive = client->live_count != 0 || client->open_cursors != 0 ||
                    client->turn_hooks != NULL || client->state != MUV__CLIENT_OPEN;

    if (alive != client->kept_alive) {
        client->kept_alive = alive;
        muv__net_keep_alive(client->net, alive);
    }
}

int muv_client_at_turn_end(muv_client_t *client, void (*fn)(void *data), void *data)
{
    struct muv__turn_hook *hook;
    int status;

    if (client == NULL || fn == NULL) {
        return MUV_EINVAL;
    }
    status = muv__client_enter(client);
    if (status != 0) {
        return status;
    }
    if (client->state >= MUV__CLIENT_ABORTING) {
        return muv__client_refuse(client, MUV_ECLOSED, "%s", muv_error_text(MUV_ECLOSED));
    }
    hook = muv__mem_alloc(sizeof(*hook));
    if (hook == NULL) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    hook->next = NULL;
    hook->fn = fn;
    hook->data = data;
    *client->turn_hooks_end = hook;
    client->turn_hooks_end = &hook->next;
    muv__client_wake(client);
    return 0;
}
