/* SPDX-License-Identifier: Apache-2.0 */
/* insert, update, delete, findAndModify, and the memory that keeps a retried statement from being
 * applied twice. */
#include "node.h"

#include <inttypes.h>
#include <string.h>

enum { DUPLICATE_KEY = 11000 };

/* What one statement did. */
typedef struct outcome {
    int32_t n;
    int32_t modified;
    int32_t code;            /* A write error; 0: none. */
    const rs_entry_t *entry; /* The last one; of a repeated statement the recorded one. */
    bool upserted;
} outcome_t;

bool rs_is_write(const char *name)
{
    return strcmp(name, "insert") == 0 || strcmp(name, "update") == 0 ||
           strcmp(name, "delete") == 0 || strcmp(name, "findAndModify") == 0 ||
           strcmp(name, "findandmodify") == 0;
}

/* --- the memory of sessions --------------------------------------------------------------------*/

/* The entry that the statement has made before, or NULL. */
static const rs_entry_t *recall(const rs_job_t *job, const rs_record_t *record, int32_t statement)
{
    if ((job->node->set->lies & RS_LIE_APPLY_TWICE) != 0) {
        return NULL;
    }
    while (record != NULL && record->txn_number == job->txn_number) {
        if (record->entry->statement == statement) {
            return record->entry;
        }
        record = record->previous;
    }
    return NULL;
}

/* The session's record as it was before this command. */
static const rs_record_t *record_of(const rs_job_t *job)
{
    return rs_is_retryable(job) ? rs_image_session(&job->node->image, job->session) : NULL;
}

static void remember(rs_job_t *job, rs_entry_t *entry)
{
    rs_set_t *set = job->node->set;
    const rs_record_t *before;
    rs_record_t *record;

    if (!rs_is_retryable(job)) {
        return;
    }
    before = rs_image_session(&job->node->image, job->session);
    record = rs_arena_alloc(&set->store.arena, sizeof *record);
    record->txn_number = job->txn_number;
    record->entry = entry;
    record->previous = before != NULL && before->txn_number == job->txn_number ? before : NULL;
    entry->session = job->session;
    entry->session_before = before;
    entry->session_after = record;
}

/* --- one change --------------------------------------------------------------------------------*/

static const rs_entry_t *change(rs_job_t *job, uint32_t document, int32_t statement,
                                const rs_version_t *after)
{
    rs_node_t *node = job->node;
    rs_set_t *set = node->set;
    rs_entry_t *entry = rs_store_entry(&set->store);

    entry->ns = set->store.collections[rs_store_collection(&set->store, job->ns)].ns;
    entry->document = document;
    entry->before = rs_image_document(&node->image, document);
    entry->after = after;
    entry->kind = entry->before == NULL ? RS_INSERT : after == NULL ? RS_DELETE : RS_UPDATE;
    entry->tag = job->tag;
    entry->statement = statement;
    entry->txn_number = job->txn_number;
    entry->has_lsid = job->has_lsid;
    memcpy(entry->lsid, job->lsid, sizeof entry->lsid);
    remember(job, entry);
    rs_append(node, entry);
    job->wrote++;
    set->counts.writes++;
    return entry;
}

static outcome_t repeated(rs_job_t *job, const rs_entry_t *entry)
{
    outcome_t outcome = {.n = 1,
                         .modified = entry->kind == RS_UPDATE,
                         .entry = entry,
                         .upserted = entry->kind == RS_INSERT};

    job->repeated = true;
    job->node->set->counts.repeated++;
    rs_note(job->node->set, "n%u repeats entry %" PRIu64, job->node->index, entry->number);
    return outcome;
}

/* --- insert ------------------------------------------------------------------------------------*/

static outcome_t insert_one(rs_job_t *job, const bson_t *document, int32_t statement)
{
    rs_node_t *node = job->node;
    outcome_t outcome = {.n = 1};
    uint32_t number;
    bson_iter_t iter;

    assert_true(bson_iter_init_find(&iter, document, "_id"));
    number = rs_store_document(&node->set->store, job->ns, bson_iter_value(&iter), true);
    if (rs_image_document(&node->image, number) != NULL) {
        outcome.n = 0;
        outcome.code = DUPLICATE_KEY;
        return outcome;
    }
    outcome.entry = change(job, number, statement, rs_store_version(&node->set->store, document));
    return outcome;
}

/* --- finding what to change --------------------------------------------------------------------*/

/* The first document from place `from` of the collection's order on that matches; RS_NONE. */
static uint32_t find_from(const rs_job_t *job, const bson_t *filter, uint32_t from, uint32_t *place)
{
    rs_store_t *store = &job->node->set->store;
    const rs_collection_t *collection = &store->collections[rs_store_collection(store, job->ns)];

    for (*place = from; *place < collection->count; ++*place) {
        uint32_t document = collection->sorted[*place];
        const rs_version_t *version = rs_image_document(&job->node->image, document);
        bson_t view;

        if (version != NULL && rs_matches(filter, rs_view(version, &view))) {
            return document;
        }
    }
    return RS_NONE;
}

static uint32_t find_one(const rs_job_t *job, const bson_t *filter)
{
    rs_store_t *store = &job->node->set->store;
    const rs_version_t *version;
    bson_value_t id;
    uint32_t place;
    uint32_t document;
    bson_t view;

    if (!rs_filter_id(filter, &id)) {
        return find_from(job, filter, 0, &place);
    }
    document = rs_store_document(store, job->ns, &id, false);
    bson_value_destroy(&id);
    version = document == RS_NONE ? NULL : rs_image_document(&job->node->image, document);
    return version != NULL && rs_matches(filter, rs_view(version, &view)) ? document : RS_NONE;
}

/* --- update and delete -------------------------------------------------------------------------*/

static void update_document(rs_job_t *job, uint32_t document, const bson_t *update,
                            int32_t statement, outcome_t *outcome)
{
    const rs_version_t *before = rs_image_document(&job->node->image, document);
    bson_t view;
    bson_t after;

    outcome->code = rs_update(rs_view(before, &view), update, false, &after);
    if (outcome->code == 0) {
        outcome->n++;
        if (!bson_equal(&view, &after)) {
            outcome->modified++;
            outcome->entry =
                change(job, document, statement, rs_store_version(&job->node->set->store, &after));
        }
    }
    bson_destroy(&after);
}

/* A new document of the filter's equalities and the update. */
static void upsert(rs_job_t *job, const bson_t *filter, const bson_t *update, int32_t statement,
                   outcome_t *outcome)
{
    bson_t seed;
    bson_t document;
    bson_iter_t iter;

    bson_init(&seed);
    assert_true(bson_iter_init(&iter, filter));
    while (bson_iter_next(&iter)) {
        bson_iter_t inner;
        bool condition = BSON_ITER_HOLDS_DOCUMENT(&iter) && bson_iter_recurse(&iter, &inner) &&
                         bson_iter_next(&inner) && bson_iter_key(&inner)[0] == '$';

        if (!condition) {
            BSON_APPEND_VALUE(&seed, bson_iter_key(&iter), bson_iter_value(&iter));
        }
    }
    outcome->code = rs_update(&seed, update, true, &document);
    if (outcome->code == 0) {
        *outcome = insert_one(job, &document, statement);
        outcome->upserted = outcome->code == 0;
    }
    bson_destroy(&document);
    bson_destroy(&seed);
}

static bool read_part(const bson_t *statement, const char *name, bson_t *ret)
{
    bson_iter_t iter;
    const uint8_t *bytes;
    uint32_t size;

    if (!bson_iter_init_find(&iter, statement, name) || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
        bson_init(ret);
        return false;
    }
    bson_iter_document(&iter, &size, &bytes);
    return bson_init_static(ret, bytes, size);
}

static bool read_flag(const bson_t *statement, const char *name)
{
    bson_iter_t iter;

    return bson_iter_init_find(&iter, statement, name) && bson_iter_as_bool(&iter);
}

static outcome_t update_one(rs_job_t *job, const bson_t *item, int32_t statement)
{
    outcome_t outcome = {.n = 0};
    bool multi = read_flag(item, "multi");
    bson_t filter;
    bson_t update;
    uint32_t place = 0;
    uint32_t document;

    assert_true(read_part(item, "q", &filter) && read_part(item, "u", &update));
    if (multi && job->txn_number >= 0) {
        rs_violate(job->node->set, "an update of many documents carries a txnNumber");
    }
    if (!multi) {
        document = find_one(job, &filter);
        if (document != RS_NONE) {
            update_document(job, document, &update, statement, &outcome);
        }
    } else {
        while (outcome.code == 0 &&
               (document = find_from(job, &filter, place, &place)) != RS_NONE) {
            update_document(job, document, &update, statement, &outcome);
            place++;
        }
    }
    if (outcome.n == 0 && outcome.code == 0 && read_flag(item, "upsert")) {
        upsert(job, &filter, &update, statement, &outcome);
    }
    return outcome;
}

static outcome_t delete_one(rs_job_t *job, const bson_t *item, int32_t statement)
{
    outcome_t outcome = {.n = 0};
    bson_iter_t iter;
    bson_t filter;
    uint32_t place = 0;
    uint32_t document;
    bool single = bson_iter_init_find(&iter, item, "limit") && bson_iter_as_int64(&iter) == 1;

    assert_true(read_part(item, "q", &filter));
    if (!single && job->txn_number >= 0) {
        rs_violate(job->node->set, "a delete of many documents carries a txnNumber");
    }
    document = single ? find_one(job, &filter) : find_from(job, &filter, 0, &place);
    while (document != RS_NONE) {
        outcome.entry = change(job, document, statement, NULL);
        outcome.n++;
        document = single ? RS_NONE : find_from(job, &filter, place + 1, &place);
    }
    return outcome;
}

/* --- insert, update, delete as commands --------------------------------------------------------*/

static void append_index(bson_t *array, uint32_t *count, bson_t *item)
{
    char text[16];
    const char *key;
    size_t length = bson_uint32_to_string((*count)++, &key, text, sizeof text);

    (void)bson_append_document(array, key, (int)length, item);
    bson_destroy(item);
}

static void add_error(bson_t *errors, uint32_t *count, int32_t index, int32_t code)
{
    bson_t error;

    bson_init(&error);
    BSON_APPEND_INT32(&error, "index", index);
    BSON_APPEND_INT32(&error, "code", code);
    BSON_APPEND_UTF8(&error, "errmsg",
                     code == DUPLICATE_KEY ? "E11000 duplicate key error" : "bad update");
    append_index(errors, count, &error);
}

static void add_upserted(bson_t *upserted, uint32_t *count, int32_t index, const rs_entry_t *entry)
{
    bson_t item;
    bson_t view;
    bson_iter_t iter;

    bson_init(&item);
    BSON_APPEND_INT32(&item, "index", index);
    if (bson_iter_init_find(&iter, rs_view(entry->after, &view), "_id")) {
        BSON_APPEND_VALUE(&item, "_id", bson_iter_value(&iter));
    }
    append_index(upserted, count, &item);
}

typedef outcome_t (*statement_fn_t)(rs_job_t *job, const bson_t *item, int32_t statement);

static void run_statements(rs_job_t *job, const char *list, statement_fn_t fn)
{
    const rs_record_t *record = record_of(job);
    rs_items_t items = rs_job_items(job, list);
    bool ordered = !bson_has_field(job->body, "ordered") || read_flag(job->body, "ordered");
    bool is_update = fn == update_one;
    outcome_t total = {.n = 0};
    uint32_t error_count = 0;
    uint32_t upserted_count = 0;
    int32_t index = 0;
    bson_t errors;
    bson_t upserted;
    bson_t item;

    bson_init(&errors);
    bson_init(&upserted);
    for (; rs_items_next(&items, &item); index++) {
        job->stopped = job->stop_after != 0 && index == job->stop_after;
        if (job->stopped) {
            break;
        }

        const rs_entry_t *known = recall(job, record, index);
        outcome_t outcome = known != NULL ? repeated(job, known) : fn(job, &item, index);

        total.n += outcome.n;
        total.modified += outcome.modified;
        if (is_update && outcome.upserted) {
            add_upserted(&upserted, &upserted_count, index, outcome.entry);
        }
        if (outcome.code != 0) {
            add_error(&errors, &error_count, index, outcome.code);
            if (ordered) {
                break;
            }
        }
    }
    if (index == 0 && error_count == 0) {
        rs_violate(job->node->set, "%s without statements", job->name);
    }
    BSON_APPEND_INT32(job->reply, "n", total.n);
    if (is_update) {
        BSON_APPEND_INT32(job->reply, "nModified", total.modified);
    }
    if (upserted_count != 0) {
        BSON_APPEND_ARRAY(job->reply, "upserted", &upserted);
    }
    if (error_count != 0) {
        BSON_APPEND_ARRAY(job->reply, "writeErrors", &errors);
    }
    bson_destroy(&errors);
    bson_destroy(&upserted);
}

/* --- findAndModify -----------------------------------------------------------------------------*/

static void append_value(rs_job_t *job, const rs_version_t *version)
{
    bson_t view;

    if (version == NULL) {
        BSON_APPEND_NULL(job->reply, "value");
    } else {
        BSON_APPEND_DOCUMENT(job->reply, "value", rs_view(version, &view));
    }
}

static void answer_modify(rs_job_t *job, const outcome_t *outcome, const rs_version_t *before,
                          const rs_version_t *after)
{
    bool removing = read_flag(job->body, "remove");
    bson_t last;

    BSON_APPEND_DOCUMENT_BEGIN(job->reply, "lastErrorObject", &last);
    BSON_APPEND_INT32(&last, "n", outcome->n);
    if (!removing) {
        BSON_APPEND_BOOL(&last, "updatedExisting", outcome->n != 0 && !outcome->upserted);
    }
    bson_append_document_end(job->reply, &last);
    append_value(job, !removing && read_flag(job->body, "new") ? after : before);
}

static void find_and_modify(rs_job_t *job)
{
    const rs_entry_t *known = recall(job, record_of(job), 0);
    outcome_t outcome = {.n = 0};
    const rs_version_t *before = NULL;
    uint32_t document;
    bson_t query;
    bson_t update;

    if (known != NULL) {
        outcome = repeated(job, known);
        answer_modify(job, &outcome, known->before, known->after);
        return;
    }
    (void)read_part(job->body, "query", &query);
    document = find_one(job, &query);
    if (document != RS_NONE) {
        before = rs_image_document(&job->node->image, document);
    }
    if (read_flag(job->body, "remove")) {
        if (document != RS_NONE) {
            outcome.n = 1;
            outcome.entry = change(job, document, 0, NULL);
        }
    } else {
        assert_true(read_part(job->body, "update", &update));
        if (document != RS_NONE) {
            update_document(job, document, &update, 0, &outcome);
        } else if (read_flag(job->body, "upsert")) {
            upsert(job, &query, &update, 0, &outcome);
        }
    }
    if (outcome.code != 0) {
        rs_fail_job(job, outcome.code, "cannot modify");
    } else {
        answer_modify(job, &outcome, before, outcome.entry != NULL ? outcome.entry->after : before);
    }
    bson_destroy(&query);
}

bool rs_run_write(rs_job_t *job)
{
    if (strcmp(job->name, "insert") == 0) {
        run_statements(job, "documents", insert_one);
    } else if (strcmp(job->name, "update") == 0) {
        run_statements(job, "updates", update_one);
    } else if (strcmp(job->name, "delete") == 0) {
        run_statements(job, "deletes", delete_one);
    } else if (rs_is_write(job->name)) {
        find_and_modify(job);
    } else {
        return false;
    }
    return true;
}
