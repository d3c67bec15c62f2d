/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses from a table. Answers are delivered from a turn of their own, always. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_NAME_DELAY_US 1000

struct muv__resolve {
    muv__list_t link; /* Of its net. */
    muv__net_t *net;
    muv__resolve_cb cb;
    void *owner;
    struct question *question; /* On its way, or NULL. */
    bool answered;
    const char *error_text;
    size_t count;
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
};

/* Outlives a cancelled resolve. */
struct question {
    muv__resolve_t *resolve;
};

static sim_name_t *add_name(sim_world_t *world, const char *name, int64_t delay_us)
{
    sim_name_t *entry = sim_alloc(sizeof *entry);

    entry->name = sim_strdup(name);
    entry->delay_us = delay_us;
    entry->next = world->names;
    world->names = entry;
    return entry;
}

void sim_name(sim_world_t *world, const char *name, const char *addresses, int64_t delay_us)
{
    add_name(world, name, delay_us)->addresses = sim_strdup(addresses);
}

void sim_name_fails(sim_world_t *world, const char *name, const char *error_text, int64_t delay_us)
{
    add_name(world, name, delay_us)->error_text = sim_strdup(error_text);
}

void sim_names_free(sim_world_t *world)
{
    while (world->names != NULL) {
        sim_name_t *entry = world->names;

        world->names = entry->next;
        free(entry->name);
        free(entry->addresses);
        free(entry->error_text);
        free(entry);
    }
    sim_records_free(world);
    sim_files_free(world);
}

bool sim_parse_address(const char *address, uint16_t port, muv__net_addr_t *addr)
{
    memset(addr, 0, sizeof *addr);
    addr->port = port;
    if (inet_pton(AF_INET, address, addr->ip) == 1) {
        addr->family = MUV__NET_IPV4;
        return true;
    }
    addr->family = MUV__NET_IPV6;
    return inet_pton(AF_INET6, address, addr->ip) == 1;
}

static void take_addresses(muv__resolve_t *resolve, const char *addresses, uint16_t port)
{
    char *copy = sim_strdup(addresses);
    char *rest = copy;
    char *address;

    while ((address = strtok_r(rest, " ", &rest)) != NULL) {
        assert_true(resolve->count < MUV__RESOLVE_MAX_ADDRS);
        assert_true(sim_parse_address(address, port, &resolve->addrs[resolve->count++]));
    }
    free(copy);
}

static void answer(muv__resolve_t *resolve)
{
    resolve->answered = true;
    muv__net_post(resolve->net);
}

static void on_answer(void *data)
{
    struct question *question = data;

    if (question->resolve != NULL) {
        question->resolve->question = NULL;
        answer(question->resolve);
    }
    free(question);
}

static void ask(muv__resolve_t *resolve, const char *name, uint16_t port)
{
    sim_world_t *world = resolve->net->world;
    sim_name_t *entry = world->names;

    while (entry != NULL && strcmp(entry->name, name) != 0) {
        entry = entry->next;
    }
    if (entry != NULL && entry->addresses != NULL) {
        take_addresses(resolve, entry->addresses, port);
    } else {
        resolve->error_text = entry != NULL ? entry->error_text : "Domain name not found";
    }
    resolve->question = sim_alloc(sizeof *resolve->question);
    resolve->question->resolve = resolve;
    sim_happens(world, world->now_us + (entry != NULL ? entry->delay_us : UNKNOWN_NAME_DELAY_US),
                on_answer, resolve->question);
}

int muv__net_resolve(muv__net_t *net, const char *name, uint16_t port, muv__resolve_cb cb,
                     void *owner, muv__resolve_t **ret)
{
    muv__resolve_t *resolve = muv__mem_zalloc(sizeof *resolve);

    if (resolve == NULL) {
        return MUV_ENOMEM;
    }
    resolve->net = net;
    resolve->cb = cb;
    resolve->owner = owner;
    muv__list_init(&resolve->link);
    muv__list_push_back(&net->resolves, &resolve->link);
    if (sim_parse_address(name, port, &resolve->addrs[0])) {
        resolve->count = 1;
        answer(resolve);
    } else {
        ask(resolve, name, port);
    }
    *ret = resolve;
    return 0;
}

static void free_resolve(muv__resolve_t *resolve)
{
    if (resolve->question != NULL) {
        resolve->question->resolve = NULL;
    }
    muv__list_remove(&resolve->link);
    muv__mem_free(resolve);
}

void muv__resolve_cancel(muv__resolve_t *resolve)
{
    free_resolve(resolve);
}

static muv__resolve_t *next_answered(muv__net_t *net)
{
    for (muv__list_t *link = net->resolves.next; link != &net->resolves; link = link->next) {
        muv__resolve_t *resolve = MUV__CONTAINER_OF(link, muv__resolve_t, link);

        if (resolve->answered) {
            return resolve;
        }
    }
    return NULL;
}

void sim_deliver_answers(muv__net_t *net)
{
    muv__resolve_t *resolve;

    while ((resolve = next_answered(net)) != NULL) {
        muv__resolve_t told = *resolve;

        free_resolve(resolve);
        sim_begin(net);
        told.cb(told.owner, told.addrs, told.count, told.error_text);
        sim_end(net);
    }
    sim_deliver_records(net);
    sim_deliver_loads(net);
    sim_deliver_works(net);
}

void muv__net_set_dns_servers(muv__net_t *net, const char *servers)
{
    (void)net;
    (void)servers;
}
