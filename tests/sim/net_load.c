/* SPDX-License-Identifier: Apache-2.0 */
/* Files from a table. As with names, contents are delivered from a turn of their own, always; and
 * as with libuv's threads, a net cannot end while a cancelled load is still being carried out. */
#include "net_inner.h"

#include "muv/error.h"

#include "base/mem.h"
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define UNKNOWN_FILE_DELAY_US 100

/* So long a thread goes on with what was cancelled. */
#define LINGER_US SIM_MS

struct sim_file {
    struct sim_file *next;
    char *path;
    char *content; /* NULL: it fails, ... */
    int status;    /* ... with this. */
    int64_t delay_us;
    unsigned loaded;
};

struct muv__load {
    muv__list_t link; /* Of its net. */
    muv__net_t *net;
    muv__load_cb cb;
    void *owner;
    struct errand *errand; /* On its way, or NULL. */
    bool done;
    char *content;
    int status;
};

/* Outlives a cancelled load. */
struct errand {
    muv__load_t *load;
};

/* --- the table ---------------------------------------------------------------------------------*/

static struct sim_file *find(sim_world_t *world, const char *path)
{
    struct sim_file *at = world->files;

    while (at != NULL && strcmp(at->path, path) != 0) {
        at = at->next;
    }
    return at;
}

static struct sim_file *entry_for(sim_world_t *world, const char *path)
{
    struct sim_file *entry = find(world, path);

    if (entry == NULL) {
        entry = sim_alloc(sizeof *entry);
        entry->path = sim_strdup(path);
        entry->status = SIM_ENOENT;
        entry->delay_us = UNKNOWN_FILE_DELAY_US;
        entry->next = world->files;
        world->files = entry;
    }
    return entry;
}

static void set(sim_world_t *world, const char *path, const char *content, int status,
                int64_t delay_us)
{
    struct sim_file *entry = entry_for(world, path);

    free(entry->content);
    entry->content = content == NULL ? NULL : sim_strdup(content);
    entry->status = status;
    entry->delay_us = delay_us;
}

void sim_file(sim_world_t *world, const char *path, const char *content, int64_t delay_us)
{
    set(world, path, content, 0, delay_us);
}

void sim_file_fails(sim_world_t *world, const char *path, int status, int64_t delay_us)
{
    set(world, path, NULL, status, delay_us);
}

unsigned sim_file_loaded(sim_world_t *world, const char *path)
{
    const struct sim_file *entry = find(world, path);

    return entry == NULL ? 0 : entry->loaded;
}

void sim_files_free(sim_world_t *world)
{
    while (world->files != NULL) {
        struct sim_file *entry = world->files;

        world->files = entry->next;
        free(entry->path);
        free(entry->content);
        free(entry);
    }
}

/* --- loading -----------------------------------------------------------------------------------*/

static void on_done(void *data)
{
    struct errand *errand = data;

    if (errand->load != NULL) {
        errand->load->errand = NULL;
        errand->load->done = true;
        muv__net_post(errand->load->net);
    }
    free(errand);
}

static void take(muv__load_t *load, const struct sim_file *entry, size_t max_size)
{
    load->status = entry->status;
    if (entry->content != NULL && strlen(entry->content) > max_size) {
        load->status = SIM_EFBIG;
    } else if (entry->content != NULL) {
        load->content = sim_strdup(entry->content);
    }
}

int muv__net_load_file(muv__net_t *net, const char *path, size_t max_size, muv__load_cb cb,
                       void *owner, muv__load_t **ret)
{
    struct sim_file *entry = entry_for(net->world, path);
    muv__load_t *load = muv__mem_zalloc(sizeof *load);

    if (load == NULL) {
        return MUV_ENOMEM;
    }
    load->net = net;
    load->cb = cb;
    load->owner = owner;
    muv__list_init(&load->link);
    muv__list_push_back(&net->loads, &load->link);
    entry->loaded++;
    take(load, entry, max_size);
    load->errand = sim_alloc(sizeof *load->errand);
    load->errand->load = load;
    sim_happens(net->world,
                entry->delay_us == SIM_NEVER ? INT64_MAX - 1 : net->world->now_us + entry->delay_us,
                on_done, load->errand);
    *ret = load;
    return 0;
}

static void free_load(muv__load_t *load)
{
    muv__list_remove(&load->link);
    free(load->content);
    muv__mem_free(load);
}

static void on_lingered(void *data)
{
    muv__load_t *load = data;

    load->net->lingering--;
    free_load(load);
}

void muv__load_cancel(muv__load_t *load)
{
    muv__net_t *net = load->net;

    muv__list_remove(&load->link);
    if (load->errand != NULL) {
        load->errand->load = NULL;
    }
    net->lingering++;
    sim_happens(net->world, net->world->now_us + LINGER_US, on_lingered, load);
}

static muv__load_t *next_done(muv__net_t *net)
{
    for (muv__list_t *link = net->loads.next; link != &net->loads; link = link->next) {
        muv__load_t *load = MUV__CONTAINER_OF(link, muv__load_t, link);

        if (load->done) {
            return load;
        }
    }
    return NULL;
}

void sim_deliver_loads(muv__net_t *net)
{
    muv__load_t *load;

    while ((load = next_done(net)) != NULL) {
        size_t size = load->content == NULL ? 0 : strlen(load->content);

        muv__list_remove(&load->link);
        sim_begin(net);
        load->cb(load->owner, muv__span(load->content, size), load->status);
        sim_end(net);
        free_load(load);
    }
}
