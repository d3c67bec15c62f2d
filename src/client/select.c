/* SPDX-License-Identifier: Apache-2.0 */
/* Server selection for operations: pick from the present snapshot, or wait for another one. */
#include "client/client_inner.h"

#include "base/error.h"
#include "client/retry.h"
#include "topology/selection.h"

/* Two servers' names in an error of 256 bytes are all that is readable. */
#define TOPOLOGY_TEXT_SIZE 160

#define NO_SERVER "no suitable server within serverSelectionTimeoutMS"

/* MongoDB 5.0. */
#define WIRE_VERSION_OUTPUT_ON_SECONDARY 13

static muv__tail_preference_t preference_of(const muv__topology_snapshot_t *snapshot,
                                            const muv__snapshot_entry_t *entry)
{
    if (snapshot->type != MUV__TOPOLOGY_SINGLE) {
        return MUV__TAIL_PREFERENCE_AS_GIVEN;
    }
    switch (entry->description->type) {
    case MUV__SERVER_STANDALONE: return MUV__TAIL_PREFERENCE_NONE;
    case MUV__SERVER_MONGOS: return MUV__TAIL_PREFERENCE_AS_GIVEN;
    default: return MUV__TAIL_PREFERENCE_DIRECT;
    }
}

/* Secondaries take $out and $merge since 5.0; the read preference counts when all servers that are
 * there are as new as that, else it is the primary (CRUD: aggregate with a write stage). */
static int output_may_choose(const muv__topology_snapshot_t *snapshot)
{
    int known = 0;

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        const muv__server_description_t *description = snapshot->servers[i].description;

        if (description->type == MUV__SERVER_UNKNOWN) {
            continue;
        }
        if (description->max_wire_version < WIRE_VERSION_OUTPUT_ON_SECONDARY) {
            return 0;
        }
        known = 1;
    }
    return known;
}

/* 1: `op->server` is set. 0: none suits now. Negative: none ever will; `op->error` is filled. */
static int pick(muv_op_t *op)
{
    muv_client_t *client = op->client;
    const muv__topology_snapshot_t *snapshot = client->topology.snapshot;
    muv__selection_criteria_t criteria = {
        .local_threshold_us = client->settings.local_threshold_us,
        .heartbeat_interval_us = client->settings.heartbeat_interval_us,
        .write = op->kind == MUV_COMMAND_WRITE,
    };
    const muv__snapshot_entry_t *entry;
    int status;

    if (MUV__UNLIKELY(op->output) && output_may_choose(snapshot)) {
        op->tail |= MUV__TAIL_READ_PREFERENCE;
        criteria.write = 0;
    } else if (MUV__UNLIKELY(op->output)) {
        op->tail &= (uint8_t)~MUV__TAIL_READ_PREFERENCE;
    }
    if ((op->tail & MUV__TAIL_READ_PREFERENCE) != 0) {
        criteria.read_preference = &op->concerns->read_pref;
    }
    if (MUV__UNLIKELY(op->tried != NULL)) {
        criteria.deprioritized = op->tried->servers;
        criteria.deprioritized_count = op->tried->count;
    }
    status = muv__selection_pick(snapshot, &criteria, muv__random_next(&client->random), &entry,
                                 &op->error);
    if (status != 0) {
        return status;
    }
    if (entry == NULL || entry->server->owner == NULL) {
        return 0;
    }
    muv__op_take_server(op, entry->server->owner);
    op->preference = (uint8_t)preference_of(snapshot, entry);
    return 1;
}

static void on_selection_timeout(muv__deadline_t *deadline, int64_t now_us)
{
    muv_op_t *op = MUV__CONTAINER_OF(deadline, muv_op_t, wait_deadline);
    char text[TOPOLOGY_TEXT_SIZE];

    (void)now_us;
    if (!muv__deployment_unresolved(op->client, &op->error)) {
        muv__topology_snapshot_text(op->client->topology.snapshot, text, sizeof(text));
        (void)muv__error_set(&op->error, MUV_ESELECTION, NO_SERVER ": %s", text);
    }
    /* The message has the topology beside it (Server Selection: not to be repeated). */
    muv__events_tell_selection(op, MUV__EVENT_SELECTION_FAILED,
                               op->error.code == MUV_ESELECTION ? NO_SERVER : op->error.message);
    muv__select_leave(op);
    muv__run(op, MUV__OP_ON_FAILED);
}

/* What `pick` found is the end of the selection. */
static muv__op_event_t end_selection(muv_op_t *op, int status)
{
    if (MUV__LIKELY(status == 1)) {
        muv__events_tell_selection(op, MUV__EVENT_SELECTION_SUCCEEDED, NULL);
        return MUV__OP_ON_SELECTED;
    }
    muv__events_tell_selection(op, MUV__EVENT_SELECTION_FAILED, op->error.message);
    return MUV__OP_ON_FAILED;
}

static muv__op_event_t wait_for_server(muv_op_t *op)
{
    muv_client_t *client = op->client;

    if (client->selecting_count >= client->settings.pool.max_waiting) {
        (void)muv__error_set(&op->error, MUV_EQUEUEFULL,
                             "max_waiting: too many operations wait for a server");
        return end_selection(op, MUV_EQUEUEFULL);
    }
    muv__events_tell_selection(op, MUV__EVENT_SELECTION_WAITING, NULL);
    muv__list_push_back(&client->selecting, &op->wait_link);
    client->selecting_count++;
    if (client->settings.selection_timeout_us != INT64_MAX) {
        op->wait_deadline.on_due = on_selection_timeout;
        muv__deadline_set(&client->deadlines, &op->wait_deadline,
                          client->context.now_us + client->settings.selection_timeout_us);
    }
    muv__deployment_request_check(client);
    return MUV__OP_ON_NOTHING;
}

muv__op_event_t muv__select(muv_op_t *op)
{
    int status;

    if (MUV__UNLIKELY(!op->client->topology_started)) {
        status = muv__deployment_start(op->client);
        if (status != 0) {
            (void)muv__error_code(&op->error, status);
            return MUV__OP_ON_FAILED;
        }
    }
    if (op->server != NULL) {
        op->stays = 1;
        return MUV__OP_ON_SELECTED;
    }
    muv__events_tell_selection(op, MUV__EVENT_SELECTION_STARTED, NULL);
    status = pick(op);
    return MUV__UNLIKELY(status == 0) ? wait_for_server(op) : end_selection(op, status);
}

void muv__select_leave(muv_op_t *op)
{
    if (muv__list_linked(&op->wait_link)) {
        muv__list_remove(&op->wait_link);
        op->client->selecting_count--;
    }
    muv__deadline_cancel(&op->client->deadlines, &op->wait_deadline);
}

void muv__select_fail_all(muv_client_t *client, const muv_error_t *error)
{
    muv__list_t waiting;
    muv__list_t *link;

    /* Who begins to wait meanwhile is not among them. */
    muv__list_init(&waiting);
    muv__list_splice_back(&waiting, &client->selecting);
    while ((link = muv__list_first(&waiting)) != NULL) {
        muv_op_t *op = MUV__CONTAINER_OF(link, muv_op_t, wait_link);

        muv__error_assign(&op->error, error);
        muv__select_leave(op);
        muv__run(op, MUV__OP_ON_FAILED);
    }
}

void muv__select_again(muv_client_t *client)
{
    muv__list_t waiting;
    muv__list_t *link;

    muv__list_init(&waiting);
    muv__list_splice_back(&waiting, &client->selecting);
    while ((link = muv__list_first(&waiting)) != NULL) {
        muv_op_t *op = MUV__CONTAINER_OF(link, muv_op_t, wait_link);
        int status = pick(op);

        if (status == 0) {
            muv__list_remove(link);
            muv__list_push_back(&client->selecting, link);
            continue;
        }
        muv__select_leave(op);
        muv__run(op, end_selection(op, status));
    }
}
