/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in the order of their arrival, looked at in groups; see watch.h. */
#include "watch.h"

#include <poll.h>
#include <stddef.h>

#define GROUP 64

static void on_tick(uv_timer_t *timer);

void watch_init(watch_t *watch, uv_loop_t *loop)
{
    (void)uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    watch->first = NULL;
    watch->last = NULL;
}

void watch_add(watch_t *watch, watch_entry_t *entry, int fd, void (*on_gone)(watch_entry_t *))
{
    entry->fd = fd;
    entry->on_gone = on_gone;
    entry->since_ms = uv_now(watch->timer.loop);
    entry->listed = true;
    entry->next = NULL;
    entry->previous = watch->last;
    if (watch->last != NULL) {
        watch->last->next = entry;
    } else {
        watch->first = entry;
    }
    watch->last = entry;
    if (!uv_is_active((uv_handle_t *)&watch->timer)) {
        (void)uv_timer_start(&watch->timer, on_tick, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS);
    }
}

void watch_remove(watch_t *watch, watch_entry_t *entry)
{
    if (!entry->listed) {
        return;
    }
    entry->listed = false;
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        watch->first = entry->next;
    }
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    } else {
        watch->last = entry->previous;
    }
}

/* Look at up to GROUP old requests from `entry` on. Returns where to go on, or NULL. */
static watch_entry_t *look(watch_t *watch, watch_entry_t *entry)
{
    uint64_t now_ms = uv_now(watch->timer.loop);
    struct pollfd fds[GROUP];
    watch_entry_t *entries[GROUP];
    nfds_t count = 0;

    while (entry != NULL && count < GROUP && now_ms - entry->since_ms >= WATCH_INTERVAL_MS) {
        fds[count] = (struct pollfd){.fd = entry->fd, .events = POLLRDHUP};
        entries[count++] = entry;
        entry = entry->next;
    }
    if (count == 0 || poll(fds, count, 0) <= 0) {
        return count == GROUP ? entry : NULL;
    }
    for (nfds_t i = 0; i < count; i++) {
        if (fds[i].revents != 0 && entries[i]->listed) {
            watch_remove(watch, entries[i]);
            entries[i]->on_gone(entries[i]);
        }
    }
    return count == GROUP ? entry : NULL;
}

static void on_tick(uv_timer_t *timer)
{
    watch_t *watch = timer->data;
    watch_entry_t *at = watch->first;

    if (at == NULL) {
        (void)uv_timer_stop(timer);
        return;
    }
    while (at != NULL) {
        at = look(watch, at);
    }
}

void watch_close(watch_t *watch)
{
    uv_close((uv_handle_t *)&watch->timer, NULL);
}
