/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge that libmuv removes: an event loop that pushes each operation onto libuv's thread pool
 * (UV_THREADPOOL_SIZE threads), where libmongoc blocks for the answer.
 */
#include "bench_mongoc_ops.h"

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uv_work_t work;
    int64_t id;
    int64_t start_ns;
    uint64_t ops;
} slot_t;

static struct {
    uv_loop_t loop;
    bench_window_t window;
    bench_hist_t hist;
    mongoc_client_pool_t *pool;
    int64_t last_id;
} run;

static void do_work(uv_work_t *work)
{
    slot_t *slot = work->data;

    slot->ops = bench_mongoc_op(run.pool, run.window.args.mode, slot->id);
}

static void after_work(uv_work_t *work, int status);

static void start_slot(slot_t *slot, int64_t now_ns)
{
    slot->id = ++run.last_id;
    slot->start_ns = now_ns;
    slot->work.data = slot;
    if (uv_queue_work(&run.loop, &slot->work, do_work, after_work) != 0) {
        fprintf(stderr, "bench_bridge: uv_queue_work failed\n");
        exit(1);
    }
}

static void after_work(uv_work_t *work, int status)
{
    slot_t *slot = work->data;
    int64_t now_ns = bench_now_ns();

    if (status != 0 || slot->ops == 0) {
        run.hist.errors++;
        slot->ops = 0;
    }
    if (bench_window_tick(&run.window, &run.hist, slot->ops, slot->start_ns, now_ns)) {
        start_slot(slot, now_ns);
    }
}

int main(int argc, char **argv)
{
    bench_args_t args;

    bench_args_read(&args, argc, argv);
    run.pool = bench_mongoc_pool_new(&args);
    bench_window_init(&run.window, &args);
    slot_t *slots = calloc(args.concurrency, sizeof *slots);
    if (slots == NULL || uv_loop_init(&run.loop) != 0) {
        fprintf(stderr, "bench_bridge: cannot start\n");
        free(slots);
        return 1;
    }
    for (size_t i = 0; i < args.concurrency; i++) {
        start_slot(&slots[i], bench_now_ns());
    }
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&run.loop);
    free(slots);
    bench_mongoc_pool_free(run.pool);
    return bench_window_report(&run.window, &run.hist);
}
