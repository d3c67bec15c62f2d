/* SPDX-License-Identifier: Apache-2.0 */
/* A command that a node works on: what the client sent, taken apart, and checked for what no client
 * may send. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- the operation's documents -----------------------------------------------------------------*/

rs_items_t rs_job_items(const rs_job_t *job, const char *name)
{
    rs_items_t items = {NULL, NULL, {0}, false};
    bson_iter_t iter;

    for (unsigned i = 0; i < job->sequence_count; i++) {
        if (strcmp(job->sequences[i].name, name) == 0) {
            items.at = job->sequences[i].bytes;
            items.end = items.at + job->sequences[i].size;
            return items;
        }
    }
    items.array = bson_iter_init_find(&iter, job->body, name) && BSON_ITER_HOLDS_ARRAY(&iter) &&
                  bson_iter_recurse(&iter, &items.iter);
    return items;
}

bool rs_items_next(rs_items_t *items, bson_t *ret)
{
    const uint8_t *bytes;
    uint32_t size;

    if (items->array) {
        if (!bson_iter_next(&items->iter)) {
            return false;
        }
        bson_iter_document(&items->iter, &size, &bytes);
        return bson_init_static(ret, bytes, size);
    }
    if (items->at == items->end) {
        return false;
    }
    memcpy(&size, items->at, sizeof size);
    size = BSON_UINT32_FROM_LE(size);
    assert_true(size >= 5 && size <= (size_t)(items->end - items->at));
    assert_true(bson_init_static(ret, items->at, size));
    items->at += size;
    return true;
}

/* --- reading -----------------------------------------------------------------------------------*/

static bool find_path(const bson_t *body, const char *path, bson_iter_t *ret)
{
    bson_iter_t iter;

    return bson_iter_init(&iter, body) && bson_iter_find_descendant(&iter, path, ret);
}

static uint64_t read_time(const bson_iter_t *iter)
{
    uint32_t seconds;
    uint32_t increment;

    bson_iter_timestamp(iter, &seconds, &increment);
    return (uint64_t)seconds << 32 | increment;
}

static void read_name(rs_job_t *job)
{
    bson_iter_t iter;
    bson_iter_t database;

    assert_true(bson_iter_init(&iter, job->body) && bson_iter_next(&iter));
    (void)snprintf(job->name, sizeof job->name, "%s", bson_iter_key(&iter));
    if (!bson_iter_init_find(&database, job->body, "$db") || !BSON_ITER_HOLDS_UTF8(&database)) {
        rs_violate(job->node->set, "%s without $db", job->name);
        return;
    }
    (void)snprintf(job->ns, sizeof job->ns, "%s.%s", bson_iter_utf8(&database, NULL),
                   BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : "");
}

static void know_session(rs_job_t *job)
{
    rs_node_t *node = job->node;

    if (job->session >= node->known_capacity) {
        uint32_t capacity = job->session * 2 + 64;

        node->known_sessions = sim_resize(node->known_sessions, capacity);
        memset(node->known_sessions + node->known_capacity, 0, capacity - node->known_capacity);
        node->known_capacity = capacity;
    }
    node->known_sessions[job->session] = 1;
}

static void read_session(rs_job_t *job)
{
    rs_set_t *set = job->node->set;
    bson_iter_t iter;
    const uint8_t *bytes;
    bson_subtype_t subtype;
    uint32_t size;

    job->session = RS_NONE;
    job->txn_number = -1;
    if (find_path(job->body, "lsid.id", &iter)) {
        if (!BSON_ITER_HOLDS_BINARY(&iter)) {
            rs_violate(set, "lsid.id of %s is no binary", job->name);
            return;
        }
        bson_iter_binary(&iter, &subtype, &size, &bytes);
        if (size != 16 || subtype != BSON_SUBTYPE_UUID) {
            rs_violate(set, "lsid.id of %s is no UUID", job->name);
            return;
        }
        memcpy(job->lsid, bytes, 16);
        job->has_lsid = true;
        job->session = rs_map_add(&set->store.sessions, &set->store.arena, bytes, 16);
        know_session(job);
    }
    if (bson_iter_init_find(&iter, job->body, "txnNumber")) {
        if (!BSON_ITER_HOLDS_INT64(&iter) || !job->has_lsid) {
            rs_violate(set, "txnNumber of %s is no int64, or has no lsid", job->name);
            return;
        }
        job->txn_number = bson_iter_int64(&iter);
    }
}

/* A time in readConcern; 0: there is none. */
static uint64_t read_concern_time(const rs_job_t *job, const char *path)
{
    rs_set_t *set = job->node->set;
    bson_iter_t iter;
    uint64_t time;

    if (!find_path(job->body, path, &iter)) {
        return 0;
    }
    time = BSON_ITER_HOLDS_TIMESTAMP(&iter) ? read_time(&iter) : UINT64_MAX;
    if (time > set->highest_time) {
        rs_violate(set, "%s has a %s that nobody gave out", job->name, path);
        return 0;
    }
    return time;
}

static void read_times(rs_job_t *job)
{
    rs_set_t *set = job->node->set;
    bson_iter_t iter;

    if (find_path(job->body, "$clusterTime.clusterTime", &iter) &&
        BSON_ITER_HOLDS_TIMESTAMP(&iter)) {
        uint64_t time = read_time(&iter);

        if (time > set->highest_time) {
            rs_violate(set, "%s has a $clusterTime that nobody gave out", job->name);
        } else {
            rs_tick_clock(job->node, time);
        }
    } else if (bson_has_field(job->body, "$clusterTime")) {
        rs_violate(set, "$clusterTime of %s is malformed", job->name);
    }
    job->after_time = read_concern_time(job, "readConcern.afterClusterTime");
    job->at_time = read_concern_time(job, "readConcern.atClusterTime");
}

static void read_concerns(rs_job_t *job)
{
    bson_iter_t iter;

    job->w = RS_MAJORITY;
    if (find_path(job->body, "writeConcern.w", &iter) && BSON_ITER_HOLDS_NUMBER(&iter)) {
        job->w = (int)bson_iter_as_int64(&iter);
    }
    if (find_path(job->body, "writeConcern.wtimeout", &iter)) {
        job->wtimeout_us = bson_iter_as_int64(&iter) * SIM_MS;
    }
    job->majority_read = find_path(job->body, "readConcern.level", &iter) &&
                         BSON_ITER_HOLDS_UTF8(&iter) &&
                         strcmp(bson_iter_utf8(&iter, NULL), "local") != 0 &&
                         strcmp(bson_iter_utf8(&iter, NULL), "available") != 0;
    job->snapshot = job->majority_read && strcmp(bson_iter_utf8(&iter, NULL), "snapshot") == 0;
    job->secondary_ok = find_path(job->body, "$readPreference.mode", &iter) &&
                        BSON_ITER_HOLDS_UTF8(&iter) &&
                        strcmp(bson_iter_utf8(&iter, NULL), "primary") != 0;
    job->deadline_us = INT64_MAX;
    job->wdeadline_us = INT64_MAX;
    if (bson_iter_init_find(&iter, job->body, "maxTimeMS") && strcmp(job->name, "getMore") != 0) {
        int64_t limit_ms = bson_iter_as_int64(&iter);

        if (limit_ms <= 0) {
            rs_violate(job->node->set, "maxTimeMS of %s is %" PRId64, job->name, limit_ms);
        } else {
            job->deadline_us = rs_now_us(job->node->set) + limit_ms * SIM_MS;
        }
    }
    if (bson_iter_init_find(&iter, job->body, "comment") && BSON_ITER_HOLDS_NUMBER(&iter)) {
        job->tag = bson_iter_as_int64(&iter);
    }
}

/* --- one number, one operation -----------------------------------------------------------------*/

/* What of a command must be the same when it is sent again. */
static uint64_t hash_operation(const rs_job_t *job)
{
    static const char *const fields[] = {"documents", "updates", "deletes", "query",
                                         "update",    "remove",  "ordered"};
    uint64_t hash = rs_hash(rs_hash(1, job->name, strlen(job->name)), job->ns, strlen(job->ns));

    for (unsigned i = 0; i < job->sequence_count; i++) {
        hash = rs_hash(hash, job->sequences[i].bytes, job->sequences[i].size);
    }
    for (unsigned i = 0; i < MUV__COUNT_OF(fields); i++) {
        bson_iter_t iter;

        if (bson_iter_init_find(&iter, job->body, fields[i])) {
            uint32_t start = bson_iter_offset(&iter);

            hash = rs_hash(hash + i, bson_get_data(job->body) + start,
                           bson_iter_next(&iter) ? bson_iter_offset(&iter) - start
                                                 : job->body->len - start);
        }
    }
    return hash;
}

static void claim_number(rs_job_t *job)
{
    rs_set_t *set = job->node->set;
    struct rs_claim *claim;
    uint64_t hash;

    if (job->session == RS_NONE || job->txn_number < 0) {
        return;
    }
    if (job->session >= set->claim_capacity) {
        uint32_t capacity = job->session * 2 + 64;

        set->claims = sim_resize(set->claims, capacity * sizeof *set->claims);
        for (uint32_t i = set->claim_capacity; i < capacity; i++) {
            set->claims[i].txn_number = -1;
        }
        set->claim_capacity = capacity;
    }
    claim = &set->claims[job->session];
    hash = hash_operation(job);
    if (job->txn_number > claim->txn_number) {
        claim->txn_number = job->txn_number;
        claim->hash = hash;
    } else if (job->txn_number == claim->txn_number && claim->hash != hash) {
        rs_violate(set, "txnNumber %" PRId64 " of one session stands for two operations (%s)",
                   job->txn_number, job->name);
    }
}

/* --- life --------------------------------------------------------------------------------------*/

static void copy_sequences(rs_job_t *job, const sim_message_t *message)
{
    size_t size = 0;
    uint8_t *at;

    for (unsigned i = 0; i < message->sequence_count; i++) {
        size += message->sequences[i].size + strlen(message->sequences[i].name) + 1;
    }
    if (size == 0) {
        return;
    }
    at = job->bytes = sim_alloc(size);
    for (unsigned i = 0; i < message->sequence_count; i++) {
        size_t name_size = strlen(message->sequences[i].name) + 1;

        job->sequences[i].name = (const char *)at;
        memcpy(at, message->sequences[i].name, name_size);
        at += name_size;
        job->sequences[i].bytes = at;
        job->sequences[i].size = message->sequences[i].size;
        memcpy(at, message->sequences[i].bytes, message->sequences[i].size);
        at += message->sequences[i].size;
    }
    job->sequence_count = message->sequence_count;
}

rs_job_t *rs_job_new(rs_conn_t *conn, const sim_message_t *message, const rs_request_t *request,
                     rs_edit_t edit)
{
    rs_job_t *job = sim_alloc(sizeof *job);

    job->node = conn->node;
    job->conn = conn;
    job->number = ++conn->node->set->numbers;
    job->message_id = message->id;
    job->unacknowledged = !request->expects_reply;
    job->body = bson_new_from_data(request->body, request->size);
    if (edit.bytes != NULL) {
        job->sent = job->body;
        job->body = bson_new_from_data(edit.bytes, edit.size);
        free(edit.bytes);
    }
    assert_non_null(job->body);
    copy_sequences(job, message);
    read_name(job);
    read_session(job);
    read_times(job);
    read_concerns(job);
    claim_number(job);
    if (job->unacknowledged && job->has_lsid) {
        rs_violate(job->node->set, "an unacknowledged %s carries an lsid", job->name);
    }
    muv__list_init(&job->link);
    muv__list_push_back(&job->node->jobs, &job->link);
    return job;
}

void rs_job_free(rs_job_t *job)
{
    muv__list_remove(&job->link);
    bson_destroy(job->body);
    bson_destroy(job->sent);
    bson_destroy(job->reply);
    rs_image_free(&job->past);
    free(job->bytes);
    free(job);
}
