/* SPDX-License-Identifier: Apache-2.0 */
/* A pool with a client that carries out every effect at once and writes down what happened: one
 * line a call, in virtual milliseconds. Waiters are letters, connections are known by their ids.
 *
 *   [10] out b: waits; create 2; arm 260
 *   [12] in 1: serve b 1
 */
#ifndef MUV_TESTS_POOL_FIXTURE_H
#define MUV_TESTS_POOL_FIXTURE_H

#include <stdint.h>

#include "pool/pool.h"

#define FIXTURE_CONNS 64
#define FIXTURE_WAITERS 26
#define FIXTURE_TEXT_SIZE 8192

typedef struct fixture {
    muv__pool_t pool;
    int64_t now_ms;
    int events_wanted;    /* Write the events down as well. */
    int out_of_memory;    /* Answer CREATE with muv__pool_create_failed(MUV_ENOMEM). */
    int uncollected;      /* Leave served and failed waiters where they are. */
    uint64_t last_number; /* Of the last event. */
    unsigned created;
    muv__pool_conn_t conns[FIXTURE_CONNS];
    muv__pool_waiter_t waiters[FIXTURE_WAITERS];
    char text[FIXTURE_TEXT_SIZE];
} fixture_t;

/* A ready pool at 0 ms; maxConnecting 2 and a queue of 100 unless the configuration says more. */
void pool_is_ready(fixture_t *fixture, muv__pool_config_t config);
void pool_is_paused(fixture_t *fixture, muv__pool_config_t config);

/* Forget what was written so far. */
void from_here(fixture_t *fixture);

/* One waiter after the other takes a connection that is created for it: a has 1, b has 2, ... */
void hand_out(fixture_t *fixture, int count);

void at(fixture_t *fixture, int64_t now_ms);
void out(fixture_t *fixture, char waiter);
void in(fixture_t *fixture, unsigned id);
void drain(fixture_t *fixture, unsigned id);
void drained(fixture_t *fixture, unsigned id);
void established(fixture_t *fixture, unsigned id);
void failing(fixture_t *fixture, unsigned id);
void failed(fixture_t *fixture, unsigned id, int error);
void forget(fixture_t *fixture, char waiter);
void ready(fixture_t *fixture);
void clear(fixture_t *fixture, int interrupt_in_use);
/* The connection's service is known from here on: A, B or C. */
void serves(fixture_t *fixture, unsigned id, char service);
void clear_service(fixture_t *fixture, unsigned id);
void close_pool(fixture_t *fixture);
void tick(fixture_t *fixture);

/* Fetch what `uncollected` left. */
void collect(fixture_t *fixture);

/* The text so far is `expected`; it starts anew. */
#define CHECK_TEXT(fixture, expected) check_text(fixture, expected, __FILE__, __LINE__)
void check_text(fixture_t *fixture, const char *expected, const char *file, int line);

/* Last line of a test: give everything back, close the pool and end it. */
void finish(fixture_t *fixture);

#endif
