/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting on a loop with a limit, and the end of a loop.
 *
 * A failing check leaves by longjmp, so nothing on the stack of these functions may still be known
 * to a loop when they fail: the timer of a wait is on the heap and freed by its close callback. */
#include "support/check.h"

#include <stdlib.h>

#define MAX_DUMPS 16
#define MAX_CLOSE_TURNS 1000
#define TICK_MS 5

static struct {
    check_dump_t dump;
    void *subject;
} dumps[MAX_DUMPS];

void check_add_dump(check_dump_t dump, void *subject)
{
    for (size_t i = 0; i < MAX_DUMPS; i++) {
        if (dumps[i].dump == NULL) {
            dumps[i].dump = dump;
            dumps[i].subject = subject;
            return;
        }
    }
}

void check_remove_dump(void *subject)
{
    for (size_t i = 0; i < MAX_DUMPS; i++) {
        if (dumps[i].subject == subject) {
            dumps[i].dump = NULL;
            dumps[i].subject = NULL;
        }
    }
}

static void print_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    print_error("  handle %s %p:%s%s%s\n", uv_handle_type_name(uv_handle_get_type(handle)),
                (void *)handle, uv_is_active(handle) ? " active" : "",
                uv_has_ref(handle) ? " referenced" : "", uv_is_closing(handle) ? " closing" : "");
}

static void print_state(uv_loop_t *loop)
{
    uv_walk(loop, print_handle, NULL);
    for (size_t i = 0; i < MAX_DUMPS; i++) {
        if (dumps[i].dump != NULL) {
            dumps[i].dump(dumps[i].subject);
        }
    }
}

/* The timer of one wait. */
typedef struct wait {
    uv_timer_t timer;
    uint64_t end_ms;
    bool expired;
} wait_t;

static void on_tick(uv_timer_t *timer)
{
    wait_t *wait = timer->data;

    wait->expired = uv_now(timer->loop) >= wait->end_ms;
}

static void free_wait(uv_handle_t *timer)
{
    free(timer->data);
}

/* It wakes the loop every `tick_ms`. 0: only at the end. */
static wait_t *start_wait(uv_loop_t *loop, unsigned timeout_ms, unsigned tick_ms)
{
    wait_t *wait = calloc(1, sizeof *wait);

    if (wait == NULL || uv_timer_init(loop, &wait->timer) != 0) {
        abort();
    }
    uv_update_time(loop);
    wait->timer.data = wait;
    wait->end_ms = uv_now(loop) + timeout_ms;
    if (uv_timer_start(&wait->timer, on_tick, tick_ms != 0 ? tick_ms : timeout_ms, tick_ms) != 0) {
        abort();
    }
    return wait;
}

static void run_while(uv_loop_t *loop, check_condition_t condition, void *data, const wait_t *wait)
{
    while (!wait->expired && !condition(data)) {
        (void)uv_run(loop, UV_RUN_ONCE);
    }
}

/* Returns whether the condition held in time. */
static bool wait_for(uv_loop_t *loop, check_condition_t condition, void *data, unsigned timeout_ms,
                     unsigned tick_ms)
{
    if (condition(data)) {
        return true;
    }
    wait_t *wait = start_wait(loop, timeout_ms, tick_ms);
    run_while(loop, condition, data, wait);
    bool held = condition(data);
    if (!held) {
        print_error("waited %u ms in vain; state of the loop:\n", timeout_ms);
        print_state(loop);
    }
    uv_close((uv_handle_t *)&wait->timer, free_wait);
    return held;
}

/* A condition may come true without the loop, so it is looked at again and again. */
void check_run_until_true(uv_loop_t *loop, check_condition_t condition, void *data,
                          unsigned timeout_ms, const char *file, int line)
{
    if (!wait_for(loop, condition, data, timeout_ms, TICK_MS)) {
        check_fail_at(file, line);
    }
}

static bool flag_is_true(void *data)
{
    return **(const bool *const *)data;
}

void check_run_until(uv_loop_t *loop, const bool *flag, unsigned timeout_ms, const char *file,
                     int line)
{
    if (!wait_for(loop, flag_is_true, &flag, timeout_ms, 0)) {
        check_fail_at(file, line);
    }
}

typedef struct count_wait {
    const unsigned *counter;
    unsigned wanted;
} count_wait_t;

static bool count_is_reached(void *data)
{
    const count_wait_t *wait = data;

    return *wait->counter >= wait->wanted;
}

void check_run_until_count(uv_loop_t *loop, const unsigned *counter, unsigned wanted,
                           unsigned timeout_ms, const char *file, int line)
{
    count_wait_t wait = {.counter = counter, .wanted = wanted};

    if (!wait_for(loop, count_is_reached, &wait, timeout_ms, 0)) {
        check_fail_at(file, line);
    }
}

static bool never(void *data)
{
    (void)data;
    return false;
}

void run_for(uv_loop_t *loop, unsigned duration_ms)
{
    wait_t *wait = start_wait(loop, duration_ms, 0);

    run_while(loop, never, NULL, wait);
    uv_close((uv_handle_t *)&wait->timer, free_wait);
}

static void count_open_handle(uv_handle_t *handle, void *data)
{
    if (!uv_is_closing(handle)) {
        *(unsigned *)data += 1;
    }
}

void check_close_loop(uv_loop_t *loop, const char *file, int line)
{
    unsigned open = 0;

    uv_walk(loop, count_open_handle, &open);
    if (open != 0) {
        print_error("%u handles are still open:\n", open);
        print_state(loop);
        check_fail_at(file, line);
    }
    for (int turn = 0; turn < MAX_CLOSE_TURNS && uv_loop_alive(loop); turn++) {
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    int code = uv_loop_close(loop);
    if (code != 0) {
        print_error("uv_loop_close: %s\n", uv_strerror(code));
        print_state(loop);
        check_fail_at(file, line);
    }
}
