/* SPDX-License-Identifier: Apache-2.0 */
/* The wire, seen from the servers. */
#include "run_watch.h"

#include "sim/net_events.h"

#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CLIENTS = 10 };

/* What a node has told a client of itself. */
typedef struct told {
    int64_t hello_us;     /* The last reply to a hello left then; 0: never. */
    int64_t last_counter; /* The topologyVersion that it carried; -1: none. */
    int64_t cleared_us;   /* The client's pool was cleared then; 0: never. */
} told_t;

/* Of whom a connection is. */
typedef struct owner {
    uint8_t client; /* From 1; 0: not known. */
    int64_t born_us;
} owner_t;

/* The attempts of one write. */
typedef struct attempts {
    uint32_t count;
    bool not_begun;      /* The last one was refused for overload. */
    uint64_t refused_on; /* The connection on which a node said that it is not the primary ... */
    int64_t refused_us;  /* ... at this time; 0: none has. */
    int64_t txn_number;
} attempts_t;

struct run_watch {
    rs_set_t *set;
    const check_ledger_t *ledger;
    check_report_t *report;
    told_t told[MAX_CLIENTS][RS_MAX_NODES];
    owner_t *owners; /* By number of the connection. */
    size_t owner_count;
    attempts_t *attempts; /* By tag. */
    size_t attempt_count;
};

/* What matters of a message. */
typedef struct facts {
    int64_t tag;
    int64_t txn_number;
    int64_t counter; /* Of topologyVersion; -1: none. */
    int32_t code;
    bool overloaded;
    const char *app_name;
} facts_t;

/* --- reading -----------------------------------------------------------------------------------*/

static bool has_label(bson_iter_t *labels, const char *label)
{
    bson_iter_t item;

    if (!bson_iter_recurse(labels, &item)) {
        return false;
    }
    while (bson_iter_next(&item)) {
        if (BSON_ITER_HOLDS_UTF8(&item) && strcmp(bson_iter_utf8(&item, NULL), label) == 0) {
            return true;
        }
    }
    return false;
}

static void read_inner(facts_t *facts, const char *key, const bson_iter_t *iter)
{
    bson_iter_t inner;
    bson_iter_t found;

    if (!bson_iter_recurse(iter, &inner)) {
        return;
    }
    if (strcmp(key, "topologyVersion") == 0 && bson_iter_find(&inner, "counter")) {
        facts->counter = bson_iter_as_int64(&inner);
    } else if (strcmp(key, "writeConcernError") == 0 && bson_iter_find(&inner, "code")) {
        facts->code = (int32_t)bson_iter_as_int64(&inner);
    } else if (strcmp(key, "client") == 0 &&
               bson_iter_find_descendant(&inner, "application.name", &found)) {
        facts->app_name = bson_iter_utf8(&found, NULL);
    }
}

static facts_t read_facts(const uint8_t *body, size_t size)
{
    facts_t facts = {.counter = -1};
    bson_iter_t iter;
    bson_t view;

    if (!bson_init_static(&view, body, size) || !bson_iter_init(&iter, &view)) {
        return facts;
    }
    while (bson_iter_next(&iter)) {
        const char *key = bson_iter_key(&iter);

        if (strcmp(key, "comment") == 0) {
            facts.tag = bson_iter_as_int64(&iter);
        } else if (strcmp(key, "txnNumber") == 0) {
            facts.txn_number = bson_iter_as_int64(&iter);
        } else if (strcmp(key, "code") == 0) {
            facts.code = (int32_t)bson_iter_as_int64(&iter);
        } else if (strcmp(key, "errorLabels") == 0) {
            facts.overloaded = has_label(&iter, "SystemOverloadedError");
        } else if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
            read_inner(&facts, key, &iter);
        }
    }
    return facts;
}

static bool is_hello(const char *name)
{
    return strcmp(name, "hello") == 0 || strcmp(name, "isMaster") == 0 ||
           strcmp(name, "ismaster") == 0;
}

/* (SDAM: "not writable primary" and "node is recovering" errors.) */
static bool says_not_primary(int32_t code)
{
    switch (code) {
    case 10107:
    case 13435:
    case 10058:
    case 11600:
    case 11602:
    case 13436:
    case 189:
    case 91: return true;
    default: return false;
    }
}

/* --- memory ------------------------------------------------------------------------------------*/

static attempts_t *attempts_of(run_watch_t *watch, int64_t tag)
{
    if (check_ledger_find(watch->ledger, tag) == NULL) {
        return NULL;
    }
    if ((size_t)tag >= watch->attempt_count) {
        size_t count = (size_t)tag * 2 + 256;

        watch->attempts = sim_resize(watch->attempts, count * sizeof *watch->attempts);
        memset(watch->attempts + watch->attempt_count, 0,
               (count - watch->attempt_count) * sizeof *watch->attempts);
        watch->attempt_count = count;
    }
    return &watch->attempts[tag];
}

static void own(run_watch_t *watch, uint64_t connection, const char *app_name)
{
    if (connection >= watch->owner_count) {
        size_t count = (size_t)connection * 2 + 256;

        watch->owners = sim_resize(watch->owners, count * sizeof *watch->owners);
        memset(watch->owners + watch->owner_count, 0,
               (count - watch->owner_count) * sizeof *watch->owners);
        watch->owner_count = count;
    }
    if (strncmp(app_name, "sim", 3) == 0 && app_name[3] >= '0' && app_name[3] <= '9') {
        watch->owners[connection] = (owner_t){.client = (uint8_t)(app_name[3] - '0' + 1),
                                              .born_us = sim_now_us(rs_world(watch->set))};
    }
}

/* NULL: nobody knows whose connection it is. */
static told_t *told_on(run_watch_t *watch, const rs_request_t *request)
{
    unsigned owner =
        request->connection < watch->owner_count ? watch->owners[request->connection].client : 0;

    return owner != 0 ? &watch->told[owner - 1][request->node] : NULL;
}

/* --- rules -------------------------------------------------------------------------------------*/

static void check_again(run_watch_t *watch, const rs_request_t *request, const facts_t *facts,
                        const attempts_t *attempts)
{
    const check_op_t *op = check_ledger_find(watch->ledger, facts->tag);
    const told_t *told = told_on(watch, request);

    if (op->not_repeated && !attempts->not_begun) {
        check_break(watch->report, CHECK_PROTOCOL, "%s %lld was sent %u times", request->name,
                    (long long)facts->tag, (unsigned)attempts->count + 1);
    }
    if (facts->txn_number != attempts->txn_number) {
        check_break(watch->report, CHECK_PROTOCOL,
                    "%s %lld was sent with transaction number %lld, then %lld", request->name,
                    (long long)facts->tag, (long long)attempts->txn_number,
                    (long long)facts->txn_number);
    }
    /* On the same connection: there the refusal has arrived for certain. */
    if (attempts->refused_us != 0 && attempts->refused_on == request->connection && told != NULL &&
        told->hello_us <= attempts->refused_us) {
        check_break(watch->report, CHECK_PROTOCOL,
                    "%s %lld goes back to node %u, which is not the primary", request->name,
                    (long long)facts->tag, request->node);
    }
}

/* A long insert_many is several commands. */
static bool is_several(const run_watch_t *watch, int64_t tag)
{
    const check_op_t *op = check_ledger_find(watch->ledger, tag);

    return op->kind == CHECK_INSERT && op->key_count != 1;
}

static rs_edit_t on_request(void *data, const rs_request_t *request)
{
    run_watch_t *watch = data;
    facts_t facts = read_facts(request->body, request->size);
    attempts_t *attempts;

    if (facts.app_name != NULL) {
        own(watch, request->connection, facts.app_name);
    }
    if (facts.tag == 0 || is_hello(request->name)) {
        return (rs_edit_t){0};
    }
    attempts = attempts_of(watch, facts.tag);
    if (attempts == NULL) {
        return (rs_edit_t){0};
    }
    if (attempts->count != 0 && !is_several(watch, facts.tag)) {
        check_again(watch, request, &facts, attempts);
    }
    attempts->count++;
    attempts->txn_number = facts.txn_number;
    attempts->not_begun = false;
    attempts->refused_us = 0;
    return (rs_edit_t){0};
}

/* Errors of connections from before the last clear of the pool, or made just then, are stale. */
static bool is_stale(const run_watch_t *watch, const told_t *told, const rs_request_t *request)
{
    return watch->owners[request->connection].born_us < told->cleared_us + SIM_SECOND;
}

static void note_hello(told_t *told, int64_t now_us, const facts_t *facts)
{
    told->hello_us = now_us;
    told->last_counter = facts->counter;
}

static rs_edit_t on_reply(void *data, const rs_request_t *request, const uint8_t *reply,
                          size_t size)
{
    run_watch_t *watch = data;
    facts_t facts = read_facts(reply, size);
    told_t *told = told_on(watch, request);
    int64_t now_us = sim_now_us(rs_world(watch->set));
    attempts_t *attempts;

    if (told == NULL) {
        return (rs_edit_t){0};
    }
    if (is_hello(request->name)) {
        note_hello(told, now_us, &facts);
        return (rs_edit_t){0};
    }
    if (facts.code == 0) {
        return (rs_edit_t){0};
    }
    attempts = attempts_of(watch, read_facts(request->body, request->size).tag);
    if (attempts != NULL) {
        attempts->not_begun = facts.overloaded;
        /* An error that is not newer than what a hello has told is stale: it changes nothing (SDAM:
         * topologyVersion). */
        if (says_not_primary(facts.code) && !is_stale(watch, told, request) &&
            (facts.counter < 0 || facts.counter > told->last_counter)) {
            attempts->refused_on = request->connection;
            attempts->refused_us = now_us;
        }
    }
    return (rs_edit_t){0};
}

/* --- life --------------------------------------------------------------------------------------*/

run_watch_t *run_watch_new(rs_set_t *set, const check_ledger_t *ledger, check_report_t *report)
{
    run_watch_t *watch = sim_alloc(sizeof *watch);

    watch->set = set;
    watch->ledger = ledger;
    watch->report = report;
    rs_hook(set, on_request, on_reply, watch);
    return watch;
}

void run_watch_free(run_watch_t *watch)
{
    free(watch->owners);
    free(watch->attempts);
    free(watch);
}

void run_watch_cleared(run_watch_t *watch, unsigned client, unsigned node)
{
    if (client < MAX_CLIENTS && node < RS_MAX_NODES) {
        watch->told[client][node].cleared_us = sim_now_us(rs_world(watch->set));
    }
}
