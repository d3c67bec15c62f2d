/* SPDX-License-Identifier: Apache-2.0 */
/* find, getMore, killCursors, count, and aggregate as far as it counts. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BATCH 101
/* A cursor's id says whose it is. */
#define CURSOR_NODE_SHIFT 40

/* --- the documents of a reply ------------------------------------------------------------------*/

typedef struct found {
    const rs_version_t **documents;
    uint32_t count;
    uint32_t capacity;
} found_t;

static void add_found(found_t *found, const rs_version_t *version)
{
    if (found->count == found->capacity) {
        found->capacity = found->capacity == 0 ? 16 : found->capacity * 2;
        found->documents = sim_resize(found->documents, found->capacity * sizeof(rs_version_t *));
    }
    found->documents[found->count++] = version;
}

static const rs_image_t *image_of(const rs_job_t *job)
{
    if (job->past.documents != NULL) {
        return &job->past;
    }
    return job->majority_read ? &job->node->stable : &job->node->image;
}

static void find_by_id(const rs_job_t *job, const bson_value_t *id, const bson_t *filter,
                       found_t *found)
{
    uint32_t document = rs_store_document(&job->node->set->store, job->ns, id, false);
    const rs_version_t *version =
        document == RS_NONE ? NULL : rs_image_document(image_of(job), document);
    bson_t view;

    if (version != NULL && rs_matches(filter, rs_view(version, &view))) {
        add_found(found, version);
    }
}

/* In the order of _id, or the other way round. */
static void find_all(const rs_job_t *job, const bson_t *filter, bool backwards, int64_t limit,
                     found_t *found)
{
    rs_store_t *store = &job->node->set->store;
    const rs_collection_t *collection = &store->collections[rs_store_collection(store, job->ns)];

    for (uint32_t i = 0; i < collection->count; i++) {
        uint32_t place = backwards ? collection->count - 1 - i : i;
        const rs_version_t *version = rs_image_document(image_of(job), collection->sorted[place]);
        bson_t view;

        if (version != NULL && rs_matches(filter, rs_view(version, &view))) {
            add_found(found, version);
            if (limit != 0 && found->count == limit) {
                return;
            }
        }
    }
}

static int64_t number_of(const bson_t *body, const char *name, int64_t fallback)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, body, name) ? bson_iter_as_int64(&iter) : fallback;
}

static bool is_backwards(const bson_t *body)
{
    bson_iter_t iter;
    bson_iter_t id;

    if (!bson_iter_init_find(&iter, body, "sort") || !bson_iter_recurse(&iter, &id) ||
        !bson_iter_next(&id)) {
        return false;
    }
    assert_string_equal(bson_iter_key(&id), "_id");
    return bson_iter_as_int64(&id) < 0;
}

static void read_filter(const bson_t *body, const char *name, bson_t *ret)
{
    bson_iter_t iter;
    const uint8_t *bytes;
    uint32_t size;

    if (bson_iter_init_find(&iter, body, name) && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
        bson_iter_document(&iter, &size, &bytes);
        assert_true(bson_init_static(ret, bytes, size));
    } else {
        bson_init(ret);
    }
}

/* What was committed at a time in the past. */
static void go_back(rs_job_t *job)
{
    const rs_node_t *node = job->node;
    size_t size = node->stable.document_capacity * sizeof(rs_version_t *);

    if (size == 0) {
        return;
    }
    job->past.documents = sim_alloc(size);
    job->past.document_capacity = node->stable.document_capacity;
    memcpy(job->past.documents, node->stable.documents, size);
    for (uint64_t i = node->committed; i > 0 && node->log[i - 1]->timestamp > job->at_time; i--) {
        rs_image_undo(&job->past, node->log[i - 1]);
    }
}

static void note_time(rs_job_t *job)
{
    job->node->set->counts.reads++;
    if (job->majority_read) {
        job->read_time = rs_committed_time(job->node);
    }
    if (job->snapshot && job->at_time != 0) {
        go_back(job);
    }
}

static void append_snapshot(const rs_job_t *job, bson_t *cursor)
{
    uint64_t time = job->at_time != 0 ? job->at_time : job->read_time;

    if (job->snapshot) {
        BSON_APPEND_TIMESTAMP(cursor, "atClusterTime", (uint32_t)(time >> 32), (uint32_t)time);
    }
}

/* --- cursors -----------------------------------------------------------------------------------*/

static void free_cursor(rs_cursor_t *cursor)
{
    muv__list_remove(&cursor->link);
    free(cursor->documents);
    free(cursor);
}

void rs_drop_cursors(rs_node_t *node)
{
    while (!muv__list_empty(&node->cursors)) {
        free_cursor(MUV__CONTAINER_OF(node->cursors.next, rs_cursor_t, link));
    }
}

void rs_end_session(rs_node_t *node, uint32_t session, const uint8_t lsid[16])
{
    muv__list_t *at = node->cursors.next;

    if (session < node->known_capacity) {
        node->known_sessions[session] = 0;
    }
    while (at != &node->cursors) {
        rs_cursor_t *cursor = MUV__CONTAINER_OF(at, rs_cursor_t, link);

        at = at->next;
        if (cursor->has_lsid && memcmp(cursor->lsid, lsid, 16) == 0) {
            free_cursor(cursor);
        }
    }
}

static rs_cursor_t *find_cursor(const rs_node_t *node, int64_t id)
{
    for (muv__list_t *at = node->cursors.next; at != &node->cursors; at = at->next) {
        rs_cursor_t *cursor = MUV__CONTAINER_OF(at, rs_cursor_t, link);

        if (cursor->id == id) {
            return cursor;
        }
    }
    return NULL;
}

/* `rest` of the documents stay for later. Takes them over. */
static int64_t keep_cursor(const rs_job_t *job, found_t *found, uint32_t at)
{
    rs_node_t *node = job->node;
    rs_store_t *store = &node->set->store;
    rs_cursor_t *cursor = sim_alloc(sizeof *cursor);

    cursor->id = (int64_t)(node->index + 1) << CURSOR_NODE_SHIFT | (int64_t)++node->set->numbers;
    cursor->ns = store->collections[rs_store_collection(store, job->ns)].ns;
    cursor->has_lsid = job->has_lsid;
    memcpy(cursor->lsid, job->lsid, sizeof cursor->lsid);
    cursor->documents = found->documents;
    cursor->count = found->count;
    cursor->at = at;
    found->documents = NULL;
    muv__list_init(&cursor->link);
    muv__list_push_back(&node->cursors, &cursor->link);
    return cursor->id;
}

static void append_batch(bson_t *cursor, const char *name, const rs_version_t *const *documents,
                         uint32_t count)
{
    bson_t batch;

    BSON_APPEND_ARRAY_BEGIN(cursor, name, &batch);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        const char *key;
        size_t length = bson_uint32_to_string(i, &key, text, sizeof text);
        bson_t view;

        (void)bson_append_document(&batch, key, (int)length, rs_view(documents[i], &view));
    }
    bson_append_array_end(cursor, &batch);
}

static void find(rs_job_t *job)
{
    int64_t limit = number_of(job->body, "limit", 0);
    int64_t batch = number_of(job->body, "batchSize", FIRST_BATCH);
    int64_t skip = number_of(job->body, "skip", 0);
    bool single = number_of(job->body, "singleBatch", 0) != 0;
    found_t found = {NULL, 0, 0};
    bson_value_t id;
    bson_t filter;
    bson_t cursor;
    uint32_t first = 0;
    uint32_t count;
    int64_t cursor_id = 0;

    note_time(job);
    read_filter(job->body, "filter", &filter);
    if (rs_filter_id(&filter, &id)) {
        find_by_id(job, &id, &filter, &found);
        bson_value_destroy(&id);
    } else {
        find_all(job, &filter, is_backwards(job->body), limit != 0 ? limit + skip : 0, &found);
    }
    first = skip < found.count ? (uint32_t)skip : found.count;
    count = found.count - first < batch ? found.count - first : (uint32_t)batch;
    BSON_APPEND_DOCUMENT_BEGIN(job->reply, "cursor", &cursor);
    if (found.count != 0) {
        append_batch(&cursor, "firstBatch", found.documents + first, count);
    } else {
        append_batch(&cursor, "firstBatch", NULL, 0);
    }
    if (first + count < found.count && !single && job->conn != NULL) {
        cursor_id = keep_cursor(job, &found, first + count);
    }
    append_snapshot(job, &cursor);
    BSON_APPEND_INT64(&cursor, "id", cursor_id);
    BSON_APPEND_UTF8(&cursor, "ns", job->ns);
    bson_append_document_end(job->reply, &cursor);
    free(found.documents);
    bson_destroy(&filter);
}

/* The cursor that a getMore means. NULL: the job has failed. */
static rs_cursor_t *claim_cursor(rs_job_t *job)
{
    rs_node_t *node = job->node;
    int64_t id = number_of(job->body, "getMore", 0);
    rs_cursor_t *cursor = find_cursor(node, id);

    if (id >> CURSOR_NODE_SHIFT != node->index + 1) {
        rs_violate(node->set, "getMore of a cursor of n%d sent to n%u",
                   (int)(id >> CURSOR_NODE_SHIFT) - 1, node->index);
    }
    if (cursor == NULL) {
        rs_fail_job(job, 43, "cursor not found");
        return NULL;
    }
    if (cursor->has_lsid != job->has_lsid || memcmp(cursor->lsid, job->lsid, 16) != 0) {
        rs_violate(node->set, "getMore with another session than the cursor's");
        rs_fail_job(job, 50738, "the cursor was created in another session");
        return NULL;
    }
    return cursor;
}

static void get_more(rs_job_t *job)
{
    rs_cursor_t *cursor = claim_cursor(job);
    int64_t batch = number_of(job->body, "batchSize", INT32_MAX);
    const char *ns;
    uint32_t count;
    bson_t reply;

    job->node->set->counts.get_mores++;
    if (cursor == NULL) {
        return;
    }
    ns = cursor->ns;
    count = cursor->count - cursor->at < batch ? cursor->count - cursor->at : (uint32_t)batch;
    BSON_APPEND_DOCUMENT_BEGIN(job->reply, "cursor", &reply);
    append_batch(&reply, "nextBatch", cursor->documents + cursor->at, count);
    cursor->at += count;
    BSON_APPEND_INT64(&reply, "id", cursor->at == cursor->count ? 0 : cursor->id);
    BSON_APPEND_UTF8(&reply, "ns", ns);
    bson_append_document_end(job->reply, &reply);
    if (cursor->at == cursor->count) {
        free_cursor(cursor);
    }
}

static void kill_cursors(rs_job_t *job)
{
    bson_iter_t iter;
    bson_iter_t item;
    bson_t killed;
    uint32_t count = 0;

    BSON_APPEND_ARRAY_BEGIN(job->reply, "cursorsKilled", &killed);
    if (bson_iter_init_find(&iter, job->body, "cursors") && bson_iter_recurse(&iter, &item)) {
        while (bson_iter_next(&item)) {
            rs_cursor_t *cursor = find_cursor(job->node, bson_iter_as_int64(&item));
            char text[16];
            const char *key;
            size_t length = bson_uint32_to_string(count, &key, text, sizeof text);

            if (cursor != NULL) {
                (void)bson_append_int64(&killed, key, (int)length, cursor->id);
                count++;
                free_cursor(cursor);
            }
        }
    }
    bson_append_array_end(job->reply, &killed);
}

/* --- counting ----------------------------------------------------------------------------------*/

static int32_t count_matching(rs_job_t *job, const bson_t *filter)
{
    found_t found = {NULL, 0, 0};

    note_time(job);
    find_all(job, filter, false, 0, &found);
    free(found.documents);
    return (int32_t)found.count;
}

static void count_command(rs_job_t *job)
{
    bson_t query;

    read_filter(job->body, "query", &query);
    BSON_APPEND_INT32(job->reply, "n", count_matching(job, &query));
    bson_destroy(&query);
}

/* [{$match: ...}, {$group: {_id: 1, n: {$sum: 1}}}], the match being there or not. */
static void aggregate(rs_job_t *job)
{
    rs_items_t stages = rs_job_items(job, "pipeline");
    bson_t stage;
    bson_t filter;
    bson_t cursor;
    bson_t batch;
    bson_t result;
    int32_t count;

    bson_init(&filter);
    while (rs_items_next(&stages, &stage)) {
        if (bson_has_field(&stage, "$match")) {
            bson_destroy(&filter);
            read_filter(&stage, "$match", &filter);
        } else if (!bson_has_field(&stage, "$group")) {
            rs_fail_job(job, 2, "the model knows $match and a counting $group");
            bson_destroy(&filter);
            return;
        }
    }
    count = count_matching(job, &filter);
    bson_destroy(&filter);
    BSON_APPEND_DOCUMENT_BEGIN(job->reply, "cursor", &cursor);
    BSON_APPEND_ARRAY_BEGIN(&cursor, "firstBatch", &batch);
    if (count != 0) {
        BSON_APPEND_DOCUMENT_BEGIN(&batch, "0", &result);
        BSON_APPEND_INT32(&result, "_id", 1);
        BSON_APPEND_INT32(&result, "n", count);
        bson_append_document_end(&batch, &result);
    }
    bson_append_array_end(&cursor, &batch);
    append_snapshot(job, &cursor);
    BSON_APPEND_INT64(&cursor, "id", 0);
    BSON_APPEND_UTF8(&cursor, "ns", job->ns);
    bson_append_document_end(job->reply, &cursor);
}

bool rs_run_read(rs_job_t *job)
{
    static const struct {
        const char *name;
        void (*fn)(rs_job_t *job);
    } commands[] = {{"find", find},
                    {"getMore", get_more},
                    {"killCursors", kill_cursors},
                    {"count", count_command},
                    {"aggregate", aggregate}};

    for (size_t i = 0; i < MUV__COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, job->name) == 0) {
            commands[i].fn(job);
            return true;
        }
    }
    return false;
}
