/* SPDX-License-Identifier: Apache-2.0 */
/* The levels of a result. Each goes through three phases:
 *
 *     COLLECT   walk its documents and note the keys that are wanted, by collection
 *     LOAD      the finds of all collections are on their way; their documents are decoded
 *     ATTACH    walk again: point references at documents; these are the next level's
 *
 * Walking and decoding are cut into portions. */
#include "odm/run_related.h"

#include "base/assert.h"
#include "odm/key.h"
#include "odm/kind.h"
#include "odm/state.h"

#include <string.h>

enum { COLLECT, LOAD, ATTACH };

/* What following one reference counts as, in a portion's bytes. */
#define BYTES_PER_REFERENCE 64

/* The keys of one collection that a level wants: entries of the identity map. */
struct muv__related_group {
    muv__related_group_t *next;
    const muv_schema_t *schema;
    uint32_t *entries;
    uint32_t count;
    uint32_t capacity;
};

/* One find: some of a group's keys. */
struct muv__related_part {
    muv__related_part_t *next;
    muv__related_t *related;
    const muv__related_group_t *group;
    uint32_t first;
    uint32_t count;
    muv__run_fetch_t fetch;
    muv__page_t page;
    uint8_t done;
};

static void work(void *data);

/* --- memory ------------------------------------------------------------------------------------*/

static void drop_level(muv__related_t *related)
{
    while (related->parts != NULL) {
        muv__related_part_t *part = related->parts;

        related->parts = part->next;
        muv__run_fetch_close(&part->fetch);
        muv__mem_free(part);
    }
    while (related->groups != NULL) {
        muv__related_group_t *group = related->groups;

        related->groups = group->next;
        muv__mem_free(group->entries);
        muv__mem_free(group);
    }
    related->next_group = NULL;
    related->parts_open = 0;
}

static void drop_result(muv__related_t *related)
{
    drop_level(related);
    if (related->docs != NULL) {
        for (uint32_t i = 0; i < related->plan.node_count; i++) {
            muv__docs_done(&related->docs[i]);
        }
        muv__mem_free(related->docs);
        related->docs = NULL;
    }
    muv__identity_done(&related->identity);
}

void muv__related_done(muv__related_t *related)
{
    drop_result(related);
}

/* --- walking -----------------------------------------------------------------------------------*/

static void begin_walk(muv__related_t *related, uint8_t phase)
{
    related->phase = phase;
    related->node = related->plan.root;
    while (related->node != NULL && related->node->level != related->level) {
        related->node = related->node->next;
    }
    related->edge = related->node == NULL ? NULL : related->node->edges;
    related->position = 0;
}

/* Stand on an edge of the level, or on none when the walk is over. */
static void settle_walk(muv__related_t *related)
{
    while (related->edge == NULL && related->node != NULL) {
        related->node = related->node->next;
        if (related->node != NULL && related->node->level != related->level) {
            related->node = NULL;
        }
        related->edge = related->node == NULL ? NULL : related->node->edges;
    }
}

/* All documents for one edge, then for the next: so each child node gets its documents in one go.
 * Returns 0, or the code of `visit`; with the portion used up the walk goes on another time. */
static int walk(muv__related_t *related, muv__visit_ref_t visit, muv__portion_t *portion)
{
    related->portion = portion;
    for (settle_walk(related); related->node != NULL; settle_walk(related)) {
        const muv__docs_t *docs = &related->docs[related->node->number - 1];

        while (related->position < docs->count) {
            int code;

            if (muv__portion_is_used(portion)) {
                return 0;
            }
            muv__portion_use(portion, 0);
            code = muv__plan_visit(related->edge, docs->items[related->position++], visit, related);
            if (code != 0) {
                return code;
            }
        }
        related->edge = related->edge->next;
        related->position = 0;
    }
    return 0;
}

/* --- collect -----------------------------------------------------------------------------------*/

static muv__related_group_t *take_group(muv__related_t *related, const muv_schema_t *schema)
{
    muv__related_group_t *group = related->groups;

    while (group != NULL && group->schema != schema) {
        group = group->next;
    }
    if (group == NULL) {
        group = muv__mem_zalloc(sizeof(*group));
        if (group != NULL) {
            group->schema = schema;
            group->next = related->groups;
            related->groups = group;
        }
    }
    return group;
}

static int want(muv__related_t *related, const muv_schema_t *schema, uint32_t entry)
{
    muv__related_group_t *group = take_group(related, schema);

    if (group == NULL) {
        return MUV_ENOMEM;
    }
    if (group->count == group->capacity) {
        uint32_t capacity = group->capacity == 0 ? 32 : group->capacity * 2;
        uint32_t *entries = muv__mem_realloc_array(group->entries, capacity, sizeof(*entries));

        if (entries == NULL) {
            return MUV_ENOMEM;
        }
        group->entries = entries;
        group->capacity = capacity;
    }
    group->entries[group->count++] = entry;
    return 0;
}

static int collect_ref(muv_ref_t *ref, void *data)
{
    muv__related_t *related = data;
    const muv_schema_t *schema = related->edge->to->schema;
    muv_value_t key;
    int64_t entry;
    int is_new;

    if (ref->kind == MUV_KIND_NONE) {
        return 0;
    }
    muv__portion_use(related->portion, BYTES_PER_REFERENCE);
    (void)muv__ref_key(ref, &key);
    entry = muv__identity_add(&related->identity, schema, &key, &is_new);
    if (entry < 0) {
        return (int)entry;
    }
    return is_new ? want(related, schema, (uint32_t)entry) : 0;
}

/* --- load --------------------------------------------------------------------------------------*/

static int render_part(muv_writer_t *writer, void *data)
{
    const muv__run_fetch_t *fetch = data;
    const muv__related_part_t *part = fetch->owner;

    muv_writer_utf8(writer, "find", fetch->collection, strlen(fetch->collection));
    muv_writer_begin_document(writer, "filter");
    muv_writer_begin_document(writer, "_id");
    muv_writer_begin_array(writer, "$in");
    for (uint32_t i = 0; i < part->count; i++) {
        uint32_t entry = part->group->entries[part->first + i];

        muv__key_write(writer, muv_writer_index(writer, i),
                       &part->related->identity.entries[entry].key);
    }
    muv_writer_end(writer);
    muv_writer_end(writer);
    muv_writer_end(writer);
    /* One more than there can be, so that the server sees the end in the first batch. */
    muv_writer_int32(writer, "batchSize", (int32_t)part->count + 1);
    return 0;
}

static void on_page(muv__run_fetch_t *fetch, const muv_reply_t *reply, const muv__page_head_t *head)
{
    muv__related_part_t *part = fetch->owner;
    muv__related_t *related = part->related;
    muv_error_t failure;

    if (muv__page_begin(&part->page, reply, head, &related->batch, &failure) != 0) {
        muv__job_abort(related->job, &failure);
        return;
    }
    related->size_bytes += part->page.size;
    if (related->size_bytes > related->max_bytes) {
        muv__job_fail(related->job, MUV_ETOOLARGE);
        return;
    }
    work(related);
}

/* How many keys from `first` on go into one find, and about how many bytes they take. */
static uint32_t measure_part(const muv__related_t *related, const muv__related_group_t *group,
                             uint32_t first, size_t *ret_bytes)
{
    uint32_t count = 0;
    size_t bytes = 0;

    while (first + count < group->count && count < MUV__RELATED_KEYS &&
           bytes < MUV__RELATED_KEY_BYTES) {
        bytes += muv__key_size(&related->identity.entries[group->entries[first + count]].key);
        count++;
    }
    *ret_bytes = bytes;
    return count;
}

static int start_part(muv__related_t *related, const muv__related_group_t *group, uint32_t first,
                      uint32_t count)
{
    muv__related_part_t *part = muv__mem_zalloc(sizeof(*part));
    int code;

    if (part == NULL) {
        muv__job_fail(related->job, MUV_ENOMEM);
        return MUV_ENOMEM;
    }
    part->next = related->parts;
    related->parts = part;
    part->related = related;
    part->group = group;
    part->first = first;
    part->count = count;
    part->page.schema = group->schema;
    part->fetch.job = related->job;
    part->fetch.collection = group->schema->model->collection;
    part->fetch.preference = related->preference;
    part->fetch.render = render_part;
    part->fetch.on_page = on_page;
    part->fetch.owner = part;
    code = muv__run_fetch_start(&part->fetch);
    if (code != 0) {
        muv__job_abort(related->job, muv_client_refusal(related->job->mapper->client));
        return code;
    }
    related->parts_open++;
    return 0;
}

/* Send what was not sent yet. */
static int start_parts(muv__related_t *related, muv__portion_t *portion)
{
    while (related->next_group != NULL && !muv__portion_is_used(portion)) {
        size_t bytes;
        uint32_t count = measure_part(related, related->next_group, related->next_first, &bytes);
        int code = start_part(related, related->next_group, related->next_first, count);

        if (code != 0) {
            return code;
        }
        muv__portion_use(portion, bytes);
        related->next_first += count;
        if (related->next_first == related->next_group->count) {
            related->next_group = related->next_group->next;
            related->next_first = 0;
        }
    }
    return 0;
}

static void accept(muv__related_t *related, const muv_schema_t *schema, void *doc)
{
    muv_value_t key;
    int64_t entry;

    if (!muv__doc_key(doc, &key)) {
        return;
    }
    entry = muv__identity_find(&related->identity, schema, &key);
    if (entry >= 0 && related->identity.entries[entry].doc == NULL) {
        related->identity.entries[entry].doc = doc;
    }
}

static int decode_part(muv__related_part_t *part, muv__portion_t *portion)
{
    muv__related_t *related = part->related;
    muv_error_t failure;

    while (part->page.open && !muv__portion_is_used(portion)) {
        void *doc;
        int code = muv__page_next(&part->page, &failure, &doc);

        if (code < 0) {
            muv__job_abort(related->job, &failure);
            return code;
        }
        if (code == 1) {
            muv__portion_use(portion, part->page.iter.value_size);
            accept(related, part->group->schema, doc);
        }
    }
    if (part->page.open || part->done || part->fetch.op != NULL) {
        return 0;
    }
    if (muv__fetch_has_more(&part->fetch)) {
        muv__run_fetch_more(&part->fetch);
    } else {
        part->done = 1;
        related->parts_open--;
    }
    return 0;
}

static int load_parts(muv__related_t *related, muv__portion_t *portion)
{
    int failure = start_parts(related, portion);

    if (failure != 0) {
        return failure;
    }
    for (muv__related_part_t *part = related->parts; part != NULL; part = part->next) {
        int code = decode_part(part, portion);

        if (code != 0) {
            return code;
        }
    }
    return 0;
}

/* --- attach ------------------------------------------------------------------------------------*/

static int attach_ref(muv_ref_t *ref, void *data)
{
    muv__related_t *related = data;
    const muv__plan_node_t *to = related->edge->to;
    muv__identity_entry_t *entry;
    muv_value_t key;
    int64_t number;

    if (ref->kind == MUV_KIND_NONE) {
        return 0;
    }
    muv__portion_use(related->portion, BYTES_PER_REFERENCE);
    (void)muv__ref_key(ref, &key);
    number = muv__identity_find(&related->identity, to->schema, &key);
    MUV__ASSERT(number >= 0);
    entry = &related->identity.entries[number];
    ref->doc = entry->doc;
    ref->state = entry->doc == NULL ? MUV_REF_MISSING : MUV_REF_LOADED;
    if (entry->doc == NULL || entry->stamp == to->number) {
        return 0;
    }
    entry->stamp = to->number;
    return muv__docs_push(&related->docs[to->number - 1], entry->doc);
}

/* --- the machine -------------------------------------------------------------------------------*/

/* Is the phase over? */
static int is_complete(const muv__related_t *related)
{
    return related->phase == LOAD ? related->parts_open == 0 && related->next_group == NULL
                                  : related->node == NULL;
}

/* One phase. Returns 1 when the next one may begin. */
static int advance(muv__related_t *related, muv__portion_t *portion)
{
    int code = related->phase == LOAD
                   ? load_parts(related, portion)
                   : walk(related, related->phase == COLLECT ? collect_ref : attach_ref, portion);

    if (code == MUV_ENOMEM) {
        muv__job_fail(related->job, code);
    }
    if (code != 0 || !is_complete(related)) {
        return 0;
    }
    if (related->phase == COLLECT) {
        related->phase = LOAD;
        related->next_group = related->groups;
        related->next_first = 0;
    } else if (related->phase == LOAD) {
        begin_walk(related, ATTACH);
    } else {
        drop_level(related);
        related->level++;
        begin_walk(related, COLLECT);
    }
    return 1;
}

/* Is there work that waits for nothing but its turn? */
static int wants_turn(const muv__related_t *related)
{
    if (related->phase != LOAD || related->next_group != NULL) {
        return 1;
    }
    for (const muv__related_part_t *part = related->parts; part != NULL; part = part->next) {
        if (part->page.open) {
            return 1;
        }
    }
    return 0;
}

static void work(void *data)
{
    muv__related_t *related = data;
    muv__portion_t portion = MUV__PORTION;

    while (!muv__job_is_over(related->job) && related->level < related->plan.level_count) {
        if (!advance(related, &portion)) {
            break;
        }
    }
    if (muv__job_is_over(related->job)) {
        muv__job_finish(related->job, NULL);
    } else if (related->level == related->plan.level_count) {
        drop_result(related);
        related->on_loaded(related->job);
    } else if (wants_turn(related)) {
        muv__job_yield(related->job, work, related);
    }
}

/* --- start -------------------------------------------------------------------------------------*/

/* References may lead back to the result's own documents. */
static int take_documents(muv__related_t *related, void *const *documents, size_t count,
                          int is_whole)
{
    const muv_schema_t *schema = related->plan.root->schema;
    muv_value_t key;
    int is_new;

    related->docs = muv__mem_array(related->plan.node_count, sizeof(*related->docs));
    if (related->docs == NULL) {
        return MUV_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t entry;

        if (muv__docs_push(&related->docs[0], documents[i]) != 0) {
            return MUV_ENOMEM;
        }
        if (!is_whole || !muv__doc_key(documents[i], &key)) {
            continue;
        }
        entry = muv__identity_add(&related->identity, schema, &key, &is_new);
        if (entry < 0) {
            return MUV_ENOMEM;
        }
        related->identity.entries[entry].doc = documents[i];
    }
    return 0;
}

void muv__related_load(muv__related_t *related, muv_batch_t *batch, void *const *documents,
                       size_t count, int is_whole, size_t size_bytes)
{
    if (related->plan.root == NULL || count == 0) {
        related->on_loaded(related->job);
        return;
    }
    related->batch = batch;
    related->size_bytes = size_bytes;
    related->level = 0;
    if (take_documents(related, documents, count, is_whole) != 0) {
        muv__job_fail(related->job, MUV_ENOMEM);
        return;
    }
    begin_walk(related, COLLECT);
    work(related);
}
