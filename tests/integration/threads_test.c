/* SPDX-License-Identifier: Apache-2.0 */
/* A loop and a client each in two threads: they share nothing. (The mock runs on the main thread;
 * the threads use the library and libuv only, so that TSan can judge the library.) */
#include "integration/client_fixture.h"

#include <string.h>

#define THREADS 2
#define FINDS 2000
#define IN_FLIGHT 50

struct worker {
    uv_thread_t thread;
    uv_async_t *finished;
    const char *uri;
    uv_loop_t loop;
    muv_client_t *client;
    muv_collection_t *collection;
    int64_t next;
    unsigned right;
    unsigned ended;
    int loop_result;
};

static void start_next(struct worker *w);

static void on_document(muv_op_t *op, const muv_error_t *error, const bson_t *document, void *data)
{
    struct worker *w = data;
    bson_iter_t iter;

    (void)op;
    w->ended++;
    if (error == NULL && document != NULL && bson_iter_init_find(&iter, document, "_id") &&
        bson_iter_as_int64(&iter) < w->next) {
        w->right++;
    }
    start_next(w);
}

static void start_next(struct worker *w)
{
    bson_t *filter;

    if (w->next == FINDS) {
        if (w->ended == FINDS) {
            muv_collection_free(w->collection);
            (void)muv_client_close(w->client, MUV_CLOSE_DRAIN, NULL, NULL);
        }
        return;
    }
    filter = BCON_NEW("_id", BCON_INT64(w->next));
    w->next++;
    if (muv_collection_find_one(w->collection, filter, NULL, on_document, w, NULL) != 0) {
        w->ended++;
    }
    bson_destroy(filter);
}

static void work(void *data)
{
    struct worker *w = data;

    if (uv_loop_init(&w->loop) == 0 &&
        muv_client_new(&w->loop, w->uri, NULL, NULL, &w->client) == 0 &&
        muv_collection_new(w->client, "d", "c", NULL, &w->collection) == 0) {
        for (int i = 0; i < IN_FLIGHT; i++) {
            start_next(w);
        }
        (void)uv_run(&w->loop, UV_RUN_DEFAULT);
        w->loop_result = uv_loop_close(&w->loop);
    }
    (void)uv_async_send(w->finished);
}

static unsigned finished_count;

static void on_finished(uv_async_t *async)
{
    (void)async;
    finished_count++;
}

static void two_threads_with_a_loop_each_do_not_meet(void **state)
{
    client_fixture_t *f = *state;
    static struct worker workers[THREADS];
    static uv_async_t finished[THREADS];
    char uri[256];

    (void)strncpy(uri, mock_uri(f->mock, "maxPoolSize=20"), sizeof uri - 1);
    uri[sizeof uri - 1] = '\0';
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.uri = uri, .finished = &finished[i], .loop_result = -1};
        assert_int_equal(uv_async_init(&f->loop, &finished[i], on_finished), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    run_until_count(&f->loop, &finished_count, THREADS, 3 * WAIT_MS);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(uv_thread_join(&workers[i].thread), 0);
        assert_int_equal(workers[i].ended, FINDS);
        assert_int_equal(workers[i].right, FINDS);
        assert_int_equal(workers[i].loop_result, 0);
        uv_close((uv_handle_t *)&finished[i], NULL);
    }
    run_for(&f->loop, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_threads_with_a_loop_each_do_not_meet, open_fixture,
                                        close_fixture),
    };

    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
