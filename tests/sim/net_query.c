/* SPDX-License-Identifier: Apache-2.0 */
/* SRV and TXT records from a table; questions are counted. As with addresses, answers are delivered
 * from a turn of their own, always. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_NAME_DELAY_US 1000
#define MAX_RECORDS 64

enum { SRV, TXT };

/* What is answered to the questions of one kind for one name, and how many there were. */
struct sim_records {
    struct sim_records *next;
    int type;
    char *name;
    char *text; /* NULL: it fails. */
    char *error_text;
    bool absent;
    uint32_t ttl_s;
    int64_t delay_us;
    unsigned asked;
};

struct muv__query {
    muv__list_t link; /* Of its net. */
    muv__net_t *net;
    muv__query_cb cb;
    void *owner;
    int type;
    struct posed *posed; /* On its way, or NULL. */
    bool answered;
    char *text; /* Cut into pieces. */
    muv__net_records_t records;
    union {
        muv__net_srv_t srv[MAX_RECORDS];
        muv__net_txt_t txt[MAX_RECORDS];
    } table;
};

/* Outlives a cancelled query. */
struct posed {
    muv__query_t *query;
};

/* --- the table ---------------------------------------------------------------------------------*/

static struct sim_records *find(sim_world_t *world, int type, const char *name)
{
    struct sim_records *at = world->records;

    while (at != NULL && (at->type != type || strcmp(at->name, name) != 0)) {
        at = at->next;
    }
    return at;
}

static struct sim_records *entry_for(sim_world_t *world, int type, const char *name)
{
    struct sim_records *entry = find(world, type, name);

    if (entry == NULL) {
        entry = sim_alloc(sizeof *entry);
        entry->type = type;
        entry->name = sim_strdup(name);
        entry->delay_us = UNKNOWN_NAME_DELAY_US;
        entry->error_text = sim_strdup("Domain name not found");
        entry->absent = true;
        entry->next = world->records;
        world->records = entry;
    }
    return entry;
}

static struct sim_records *set(sim_world_t *world, int type, const char *name, const char *text,
                               int64_t delay_us)
{
    struct sim_records *entry = entry_for(world, type, name);

    free(entry->text);
    free(entry->error_text);
    entry->text = text == NULL ? NULL : sim_strdup(text);
    entry->error_text = NULL;
    entry->delay_us = delay_us;
    return entry;
}

void sim_srv(sim_world_t *world, const char *name, const char *targets, uint32_t ttl_s,
             int64_t delay_us)
{
    set(world, SRV, name, targets, delay_us)->ttl_s = ttl_s;
}

void sim_txt(sim_world_t *world, const char *name, const char *records, int64_t delay_us)
{
    (void)set(world, TXT, name, records, delay_us);
}

static void set_failure(sim_world_t *world, int type, const char *name, const char *error_text,
                        bool absent, int64_t delay_us)
{
    struct sim_records *entry = set(world, type, name, NULL, delay_us);

    entry->error_text = sim_strdup(error_text);
    entry->absent = absent;
}

void sim_srv_fails(sim_world_t *world, const char *name, const char *error_text, bool absent,
                   int64_t delay_us)
{
    set_failure(world, SRV, name, error_text, absent, delay_us);
}

void sim_txt_fails(sim_world_t *world, const char *name, const char *error_text, bool absent,
                   int64_t delay_us)
{
    set_failure(world, TXT, name, error_text, absent, delay_us);
}

unsigned sim_srv_asked(sim_world_t *world, const char *name)
{
    const struct sim_records *entry = find(world, SRV, name);

    return entry == NULL ? 0 : entry->asked;
}

unsigned sim_txt_asked(sim_world_t *world, const char *name)
{
    const struct sim_records *entry = find(world, TXT, name);

    return entry == NULL ? 0 : entry->asked;
}

void sim_records_free(sim_world_t *world)
{
    while (world->records != NULL) {
        struct sim_records *entry = world->records;

        world->records = entry->next;
        free(entry->name);
        free(entry->text);
        free(entry->error_text);
        free(entry);
    }
}

/* --- answers -----------------------------------------------------------------------------------*/

/* "a.test:27017 b.test:27018" */
static void take_srv(muv__query_t *query)
{
    char *rest = query->text;
    char *target;

    while ((target = strtok_r(rest, " ", &rest)) != NULL) {
        char *colon = strrchr(target, ':');

        assert_true(query->records.count < MAX_RECORDS && colon != NULL);
        *colon = '\0';
        query->table.srv[query->records.count].target = target;
        query->table.srv[query->records.count].port = (uint16_t)strtoul(colon + 1, NULL, 10);
        query->records.count++;
    }
    query->records.srv = query->table.srv;
}

static void take_txt(muv__query_t *query)
{
    char *rest = query->text;
    char *text;

    while ((text = strsep(&rest, "\n")) != NULL) {
        assert_true(query->records.count < MAX_RECORDS);
        query->table.txt[query->records.count].text = text;
        query->table.txt[query->records.count].size = strlen(text);
        query->records.count++;
    }
    query->records.txt = query->table.txt;
}

static void take(muv__query_t *query, const struct sim_records *entry)
{
    query->records.error_text = entry->error_text;
    query->records.absent = entry->absent;
    query->records.lowest_ttl_s = entry->ttl_s;
    if (entry->text != NULL) {
        query->text = sim_strdup(entry->text);
        if (query->type == SRV) {
            take_srv(query);
        } else {
            take_txt(query);
        }
        assert_true(query->records.count > 0);
    } else {
        query->text = sim_strdup(entry->error_text);
        query->records.error_text = query->text;
    }
}

static void on_answer(void *data)
{
    struct posed *posed = data;

    if (posed->query != NULL) {
        posed->query->posed = NULL;
        posed->query->answered = true;
        muv__net_post(posed->query->net);
    }
    free(posed);
}

static int ask(muv__net_t *net, int type, const char *name, muv__query_cb cb, void *owner,
               muv__query_t **ret)
{
    struct sim_records *entry = entry_for(net->world, type, name);
    muv__query_t *query = muv__mem_zalloc(sizeof *query);

    if (query == NULL) {
        return MUV_ENOMEM;
    }
    query->net = net;
    query->cb = cb;
    query->owner = owner;
    query->type = type;
    muv__list_init(&query->link);
    muv__list_push_back(&net->queries, &query->link);
    entry->asked++;
    take(query, entry);
    query->posed = sim_alloc(sizeof *query->posed);
    query->posed->query = query;
    sim_happens(net->world,
                entry->delay_us == SIM_NEVER ? INT64_MAX - 1 : net->world->now_us + entry->delay_us,
                on_answer, query->posed);
    *ret = query;
    return 0;
}

int muv__net_query_srv(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret)
{
    return ask(net, SRV, name, cb, owner, ret);
}

int muv__net_query_txt(muv__net_t *net, const char *name, muv__query_cb cb, void *owner,
                       muv__query_t **ret)
{
    return ask(net, TXT, name, cb, owner, ret);
}

static void free_query(muv__query_t *query)
{
    if (query->posed != NULL) {
        query->posed->query = NULL;
    }
    muv__list_remove(&query->link);
    free(query->text);
    muv__mem_free(query);
}

void muv__query_cancel(muv__query_t *query)
{
    free_query(query);
}

static muv__query_t *next_answered(muv__net_t *net)
{
    for (muv__list_t *link = net->queries.next; link != &net->queries; link = link->next) {
        muv__query_t *query = MUV__CONTAINER_OF(link, muv__query_t, link);

        if (query->answered) {
            return query;
        }
    }
    return NULL;
}

void sim_deliver_records(muv__net_t *net)
{
    muv__query_t *query;

    while ((query = next_answered(net)) != NULL) {
        muv__list_remove(&query->link);
        sim_begin(net);
        query->cb(query->owner, &query->records);
        sim_end(net);
        free_query(query);
    }
}
