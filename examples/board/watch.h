/* SPDX-License-Identifier: Apache-2.0 */
/* Has the client gone while its request was worked on? h2o does not read from an HTTP/1 connection
 * meanwhile, so it would not know. One poll(2) over all requests that take longer than
 * WATCH_INTERVAL_MS, ten times a second, costs less than a watcher for each. */
#ifndef BOARD_WATCH_H
#define BOARD_WATCH_H

#include <stdbool.h>
#include <uv.h>

#define WATCH_INTERVAL_MS 100

typedef struct watch_entry watch_entry_t;
struct watch_entry {
    watch_entry_t *previous;
    watch_entry_t *next;
    uint64_t since_ms;
    int fd;
    bool listed;
    void (*on_gone)(watch_entry_t *entry);
};

typedef struct watch {
    uv_timer_t timer;
    watch_entry_t *first;
    watch_entry_t *last;
} watch_t;

void watch_init(watch_t *watch, uv_loop_t *loop);

/* `on_gone` is called at most once, from the loop; the entry is no longer listed then. */
void watch_add(watch_t *watch, watch_entry_t *entry, int fd, void (*on_gone)(watch_entry_t *));

/* Nothing happens when it is not listed. */
void watch_remove(watch_t *watch, watch_entry_t *entry);

void watch_close(watch_t *watch);

#endif
