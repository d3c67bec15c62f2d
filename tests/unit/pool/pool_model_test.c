/* SPDX-License-Identifier: Apache-2.0 */
/* Random calls against a pool, and after each of them everything that must always hold: counts and
 * bounds, first come first served, no idle connection beside a waiter, no waiter lost, the right
 * waiter fails, events in the order of the specification, no wake-up missed. Time is virtual. A
 * failure prints its seed; MUV_TEST_SEED=N runs that seed alone. */
#include "pool/pool.h"

#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITERS = 40, CONNS = 48, SEEDS = 150, STEPS = 3000 };

typedef enum place { OUTSIDE, WAITING, HOLDING } place_t;
typedef enum history { UNBORN, CREATED, READY, CHECKED_OUT, CLOSED } history_t;

typedef struct guest {
    muv__pool_waiter_t waiter;
    place_t place;
    uint64_t ticket; /* Order of arrival. */
    bool may_fail;   /* With another error than those of clear and close. */
} guest_t;

typedef struct host {
    muv__pool_conn_t conn;
    guest_t *asker; /* Whom it was created for, with the ticket it had. */
    uint64_t asker_ticket;
    history_t history;
    bool failing;
    bool stale; /* Its pool or its service was cleared since it was created, or told its service. */
} host_t;

typedef struct model {
    muv__pool_t pool;
    guest_t guests[WAITERS];
    host_t hosts[CONNS];
    uint64_t seed, random, step;
    int64_t now_us;
    uint64_t tickets, last_served_ticket, last_event, last_id;
    uint64_t started, ended; /* Check-outs told as started; as failed or successful. */
    bool hold_back;          /* Carry out less than everything: leave waiters uncollected. */
    unsigned out_of_memory_percent;
    unsigned services; /* Behind a load balancer; 0: none. */
} model_t;

static model_t m;

static void must(bool holds, const char *condition, int line)
{
    if (!holds) {
        fail_msg("%s (line %d, seed %" PRIu64 ", step %" PRIu64 ")", condition, line, m.seed,
                 m.step);
    }
}

#define MUST(condition) must(condition, #condition, __LINE__)

static uint64_t next_random(void)
{
    m.random ^= m.random << 13;
    m.random ^= m.random >> 7;
    m.random ^= m.random << 17;
    return m.random;
}

static unsigned below(unsigned limit)
{
    return (unsigned)(next_random() % limit);
}

static guest_t *guest_of(muv__pool_waiter_t *waiter)
{
    return MUV__CONTAINER_OF(waiter, guest_t, waiter);
}

static host_t *host_of(muv__pool_conn_t *conn)
{
    return MUV__CONTAINER_OF(conn, host_t, conn);
}

static host_t *host_with_id(uint64_t id)
{
    for (size_t i = 0; i < CONNS; i++) {
        if (m.hosts[i].conn.id == id && m.hosts[i].conn.state != MUV__POOL_CONN_NEW) {
            return &m.hosts[i];
        }
    }
    fail_msg("an event names an unknown connection (seed %" PRIu64 ")", m.seed);
    return &m.hosts[0];
}

static void move_history(uint64_t id, unsigned allowed_from, history_t to)
{
    host_t *host = host_with_id(id);

    MUST(((1u << host->history) & allowed_from) != 0);
    host->history = to;
}

static void on_event(const muv__pool_event_t *event, void *data)
{
    (void)data;
    MUST(event->number == ++m.last_event);
    switch (event->type) {
    case MUV__POOL_CONNECTION_CREATED:
        MUST(event->connection_id == ++m.last_id);
        move_history(event->connection_id, 1u << UNBORN, CREATED);
        break;
    case MUV__POOL_CONNECTION_READY:
        move_history(event->connection_id, 1u << CREATED, READY);
        break;
    case MUV__POOL_CHECKED_OUT:
        m.ended++;
        move_history(event->connection_id, 1u << READY, CHECKED_OUT);
        break;
    case MUV__POOL_CHECKED_IN: move_history(event->connection_id, 1u << CHECKED_OUT, READY); break;
    case MUV__POOL_CONNECTION_CLOSED:
        MUST(event->reason != MUV__POOL_REASON_NONE);
        move_history(event->connection_id, 1u << CREATED | 1u << READY, CLOSED);
        break;
    case MUV__POOL_CHECK_OUT_STARTED: m.started++; break;
    case MUV__POOL_CHECK_OUT_FAILED: m.ended++; break;
    case MUV__POOL_CREATED:
    case MUV__POOL_READIED:
    case MUV__POOL_CLEARED:
    case MUV__POOL_CLOSED_EVENT: break;
    }
}

/* --- Invariants --------------------------------------------------------------------------------*/

static unsigned length_of(const muv__list_t *list)
{
    unsigned count = 0;

    for (const muv__list_t *node = list->next; node != list; node = node->next) {
        MUST(node->next->prev == node);
        count++;
    }
    return count;
}

static unsigned count_hosts(muv__pool_conn_state_t state)
{
    unsigned count = 0;

    for (size_t i = 0; i < CONNS; i++) {
        count += m.hosts[i].conn.state == state;
    }
    return count;
}

static void check_counts(void)
{
    const muv__pool_t *pool = &m.pool;
    unsigned pending = count_hosts(MUV__POOL_CONN_PENDING);
    unsigned failing = 0;

    for (size_t i = 0; i < CONNS; i++) {
        failing += m.hosts[i].failing;
    }
    MUST(pool->pending == pending && length_of(&pool->pending_list) + failing == pending);
    MUST(pool->idle == length_of(&pool->idle_list));
    MUST(pool->idle == count_hosts(MUV__POOL_CONN_IDLE));
    MUST(pool->draining == length_of(&pool->draining_list));
    MUST(pool->draining == count_hosts(MUV__POOL_CONN_DRAINING));
    MUST(length_of(&pool->in_use_list) == count_hosts(MUV__POOL_CONN_IN_USE));
    MUST(pool->total == pending + pool->idle + pool->draining + length_of(&pool->in_use_list));
    MUST(pool->config.max_size == 0 || pool->total <= pool->config.max_size);
    MUST(pool->pending <= pool->config.max_connecting);
    MUST(pool->waiting == length_of(&pool->queue));
    MUST(pool->waiting <= pool->config.max_waiting);
    MUST(muv__list_empty(&pool->close_list));
}

/* The queue is in the order of arrival; a connection and the waiter it is for know each other. */
static void check_queue(void)
{
    unsigned attended = 0;
    uint64_t ticket = 0;

    for (muv__list_t *node = m.pool.queue.next; node != &m.pool.queue; node = node->next) {
        guest_t *guest = guest_of(MUV__CONTAINER_OF(node, muv__pool_waiter_t, link));

        MUST(guest->place == WAITING && guest->waiter.queued && guest->waiter.conn == NULL);
        MUST(guest->ticket > ticket);
        ticket = guest->ticket;
        if (guest->waiter.pending != NULL) {
            MUST(guest->waiter.pending->state == MUV__POOL_CONN_PENDING);
            MUST(guest->waiter.pending->cause == &guest->waiter);
            MUST(guest->waiter.pending->generation == m.pool.generation);
            attended++;
        }
    }
    MUST(attended == m.pool.attended && attended <= m.pool.pending);
    for (size_t i = 0; i < CONNS && attended < m.pool.waiting; i++) {
        const muv__pool_conn_t *conn = &m.hosts[i].conn;

        MUST(conn->state != MUV__POOL_CONN_PENDING || m.hosts[i].failing || conn->cause != NULL ||
             conn->given_up || conn->generation != m.pool.generation);
    }
}

/* Nobody is lost: who waits stands in the queue, was handed over, or has a failing connection. */
static void check_guests(void)
{
    for (size_t i = 0; i < WAITERS; i++) {
        const guest_t *guest = &m.guests[i];

        if (guest->place == WAITING) {
            MUST(guest->waiter.queued || guest->waiter.handed || guest->waiter.pending != NULL);
        } else {
            MUST(!guest->waiter.queued && !guest->waiter.handed && guest->waiter.pending == NULL);
        }
        if (guest->place == HOLDING) {
            MUST(guest->waiter.conn->state == MUV__POOL_CONN_IN_USE);
        }
    }
}

static void check_states(void)
{
    const muv__pool_t *pool = &m.pool;

    if (pool->state != MUV__POOL_READY) {
        MUST(pool->waiting == 0);
        MUST(!muv__pool_wants_connection(pool));
    } else {
        MUST(pool->waiting == 0 || pool->idle == 0);
        MUST(m.out_of_memory_percent != 0 || !muv__pool_wants_connection(pool));
    }
    if (pool->state == MUV__POOL_CLOSED) {
        MUST(pool->idle == 0 && pool->draining == 0);
        MUST(pool->wake_at_us == INT64_MAX);
    }
    for (size_t i = 0; i < CONNS; i++) {
        const muv__pool_conn_t *conn = &m.hosts[i].conn;
        bool alive = conn->state != MUV__POOL_CONN_NEW && conn->state != MUV__POOL_CONN_GONE;

        MUST(!alive || conn->generation <= pool->generation);
        MUST(!alive || (conn->generation < pool->generation) == m.hosts[i].stale);
        MUST(!alive || pool->state != MUV__POOL_PAUSED || conn->generation < pool->generation);
    }
}

/* Whatever is due now must not wait for a later wake-up. */
static void check_wake_up(void)
{
    const muv__pool_t *pool = &m.pool;
    bool room = pool->config.max_size == 0 || pool->total < pool->config.max_size;
    bool slot = pool->pending < pool->config.max_connecting;
    int64_t draining_since_us = INT64_MAX;

    if (pool->wake_at_us <= m.now_us) {
        return;
    }
    for (size_t i = 0; i < CONNS; i++) {
        const muv__pool_conn_t *conn = &m.hosts[i].conn;

        if (conn->state == MUV__POOL_CONN_IDLE) {
            MUST(conn->generation == pool->generation);
            MUST(pool->config.max_idle_us == 0 ||
                 conn->since_us + pool->config.max_idle_us >= pool->wake_at_us);
        }
    }
    if (pool->state != MUV__POOL_READY) {
        return;
    }
    if (pool->total < pool->config.min_size && slot && room && !pool->populating) {
        MUST(pool->backoff_until_us >= pool->wake_at_us);
    }
    /* Draining connections are replaced from the oldest on, and have their own grace. */
    for (size_t i = 0; i < CONNS; i++) {
        if (m.hosts[i].conn.state == MUV__POOL_CONN_DRAINING &&
            m.hosts[i].conn.since_us < draining_since_us) {
            draining_since_us = m.hosts[i].conn.since_us;
        }
    }
    for (size_t i = 0; i < WAITERS && pool->draining > 0 && slot && !room; i++) {
        const muv__pool_waiter_t *waiter = &m.guests[i].waiter;

        if (waiter->queued && waiter->pending == NULL) {
            int64_t since_us =
                waiter->since_us > draining_since_us ? waiter->since_us : draining_since_us;

            MUST(since_us + pool->drain_grace_us >= pool->wake_at_us);
        }
    }
}

static void check_all(void)
{
    uint64_t open = 0;

    check_counts();
    check_queue();
    check_guests();
    check_states();
    check_wake_up();
    /* Every check-out that was told to start was told to end, but for those that wait. */
    for (size_t i = 0; i < WAITERS; i++) {
        const guest_t *guest = &m.guests[i];

        open += guest->place == WAITING && !guest->waiter.handed;
    }
    MUST(m.started == m.ended + open);
}

/* --- The client --------------------------------------------------------------------------------*/

static host_t *unused_host(void)
{
    for (size_t i = 0; i < CONNS; i++) {
        if (m.hosts[i].conn.state == MUV__POOL_CONN_NEW ||
            m.hosts[i].conn.state == MUV__POOL_CONN_GONE) {
            memset(&m.hosts[i], 0, sizeof(m.hosts[i]));
            return &m.hosts[i];
        }
    }
    return NULL;
}

static guest_t *longest_without_connection(void)
{
    guest_t *found = NULL;

    for (size_t i = 0; i < WAITERS; i++) {
        guest_t *guest = &m.guests[i];

        if (guest->waiter.queued && guest->waiter.pending == NULL &&
            (found == NULL || guest->ticket < found->ticket)) {
            found = guest;
        }
    }
    return found;
}

static unsigned create(void)
{
    guest_t *asker = longest_without_connection();
    host_t *host;

    if (below(100) < m.out_of_memory_percent) {
        unsigned effects = muv__pool_create_failed(&m.pool, MUV_ENOMEM, m.now_us);

        if (asker != NULL) {
            MUST(asker->waiter.handed && asker->waiter.error == MUV_ENOMEM);
            asker->may_fail = true;
        }
        return effects;
    }
    host = unused_host();
    MUST(host != NULL);
    if (asker != NULL) {
        host->asker = asker;
        host->asker_ticket = asker->ticket;
    }
    /* The event of its creation names it: it must be found by then. */
    host->history = UNBORN;
    muv__pool_add(&m.pool, &host->conn, m.now_us);
    MUST(asker == NULL || host->conn.cause == &asker->waiter);
    return 0;
}

static void collect_failed(void)
{
    muv__pool_waiter_t *waiter;

    while ((waiter = muv__pool_next_failed(&m.pool)) != NULL) {
        guest_t *guest = guest_of(waiter);

        MUST(guest->place == WAITING && waiter->error < 0);
        MUST(guest->may_fail || waiter->error == MUV_EPOOLCLEARED ||
             waiter->error == MUV_EPOOLCLOSED);
        guest->place = OUTSIDE;
    }
}

static void collect_served(void)
{
    muv__pool_waiter_t *waiter;

    while ((waiter = muv__pool_next_served(&m.pool)) != NULL) {
        guest_t *guest = guest_of(waiter);

        MUST(guest->place == WAITING && waiter->conn->state == MUV__POOL_CONN_IN_USE);
        guest->place = HOLDING;
        for (size_t i = 0; i < WAITERS; i++) {
            MUST(!m.guests[i].waiter.queued || m.guests[i].ticket > guest->ticket);
        }
    }
}

static void carry_out(unsigned effects)
{
    muv__pool_conn_t *conn;

    do {
        unsigned more = 0;

        if (!m.hold_back) {
            collect_failed();
        }
        while ((conn = muv__pool_next_to_close(&m.pool)) != NULL) {
            MUST(conn->state == MUV__POOL_CONN_GONE && host_of(conn)->history == CLOSED);
            for (size_t i = 0; i < WAITERS && conn->interrupted; i++) {
                if (m.guests[i].place == HOLDING && m.guests[i].waiter.conn == conn) {
                    m.guests[i].place = OUTSIDE;
                }
            }
        }
        if (!m.hold_back) {
            collect_served();
        }
        while ((effects & MUV__POOL_DO_CREATE) != 0 && muv__pool_wants_connection(&m.pool)) {
            more |= create();
            if (more != 0 && !m.hold_back) {
                collect_failed();
            }
        }
        effects = more;
    } while (effects != 0 && effects != MUV__POOL_DO_ARM);
}

/* --- Random calls ------------------------------------------------------------------------------*/

static host_t *some_host(muv__pool_conn_state_t state)
{
    unsigned start = below(CONNS);

    for (unsigned i = 0; i < CONNS; i++) {
        host_t *host = &m.hosts[(start + i) % CONNS];

        if (host->conn.state == state && !host->failing) {
            return host;
        }
    }
    return NULL;
}

static guest_t *some_guest(place_t place)
{
    unsigned start = below(WAITERS);

    for (unsigned i = 0; i < WAITERS; i++) {
        if (m.guests[(start + i) % WAITERS].place == place) {
            return &m.guests[(start + i) % WAITERS];
        }
    }
    return NULL;
}

static void call_check_out(void)
{
    guest_t *guest = some_guest(OUTSIDE);
    unsigned effects;

    if (guest == NULL) {
        return;
    }
    guest->ticket = ++m.tickets;
    guest->place = WAITING;
    guest->may_fail = false;
    effects = muv__pool_check_out(&m.pool, &guest->waiter, m.now_us);
    if (guest->waiter.conn != NULL) {
        guest->place = HOLDING;
    } else if (guest->waiter.error != 0) {
        guest->place = OUTSIDE;
    }
    carry_out(effects);
}

static void call_give_back(bool drain)
{
    guest_t *guest = some_guest(HOLDING);

    if (guest == NULL) {
        return;
    }
    guest->place = OUTSIDE;
    carry_out(drain ? muv__pool_drain(&m.pool, guest->waiter.conn, m.now_us)
                    : muv__pool_check_in(&m.pool, guest->waiter.conn, m.now_us));
}

static void call_forget(void)
{
    guest_t *guest = some_guest(WAITING);
    bool had_failed;

    if (guest == NULL) {
        return;
    }
    had_failed = guest->waiter.handed && guest->waiter.conn == NULL;
    guest->place = OUTSIDE;
    carry_out(muv__pool_forget(&m.pool, &guest->waiter, MUV__POOL_REASON_TIMEOUT, m.now_us));
    MUST(guest->waiter.conn == NULL && (guest->waiter.error != 0) == had_failed);
}

/* hello tells it; some connections learn it a while before they are established. */
static void learn_service(host_t *host)
{
    static const uint8_t services[][12] = {"service A..", "service B..", "service C.."};

    if (m.services != 0 && host->conn.service_id == NULL) {
        host->conn.service_id = services[below(m.services)];
    }
}

/* All connections of the service, or none if it is not known, or was cleared already. */
static unsigned clear_service(host_t *cleared)
{
    const uint8_t *service_id = cleared->conn.service_id;
    bool counts = m.pool.state == MUV__POOL_READY && service_id != NULL && !cleared->stale;

    for (size_t i = 0; i < CONNS && counts; i++) {
        m.hosts[i].stale |= m.hosts[i].conn.service_id == service_id;
    }
    return muv__pool_clear_service(&m.pool, &cleared->conn, m.now_us);
}

static unsigned clear_all(void)
{
    for (size_t i = 0; i < CONNS && m.pool.state == MUV__POOL_READY; i++) {
        m.hosts[i].stale = true;
    }
    return muv__pool_clear(&m.pool, (int)below(2), m.now_us);
}

/* Who has to fail with this connection; NULL: nobody. */
static guest_t *victim_of(const host_t *host)
{
    const muv__pool_conn_t *conn = &host->conn;

    if (conn->state == MUV__POOL_CONN_PENDING) {
        /* Whoever asked for one that a clear of its service has overtaken looks for another. */
        bool waits = host->asker != NULL && !(m.services != 0 && host->stale) &&
                     host->asker->place == WAITING && host->asker->ticket == host->asker_ticket &&
                     !host->asker->waiter.handed;

        return waits ? host->asker : NULL;
    }
    if (conn->state == MUV__POOL_CONN_IN_USE && conn->cause != NULL) {
        return guest_of(conn->cause);
    }
    return NULL;
}

static void call_failed(host_t *host)
{
    guest_t *victim = victim_of(host);
    unsigned effects;

    for (size_t i = 0; i < WAITERS; i++) {
        if (m.guests[i].place == HOLDING && m.guests[i].waiter.conn == &host->conn) {
            m.guests[i].place = OUTSIDE;
        }
    }
    if (host->conn.state == MUV__POOL_CONN_PENDING && below(2) == 0) {
        if (below(2) == 0) {
            learn_service(host);
        }
        muv__pool_conn_failing(&m.pool, &host->conn);
        host->failing = true;
        check_counts();
        if (below(2) == 0) {
            carry_out(m.services != 0 ? clear_service(host) : clear_all());
        }
        host->failing = false;
    }
    effects = muv__pool_conn_failed(&m.pool, &host->conn, MUV_ENETWORK, m.now_us);
    if (victim != NULL) {
        MUST(victim->waiter.handed && victim->waiter.error == MUV_ENETWORK);
        victim->may_fail = true;
    }
    carry_out(effects);
}

static void call_established(void)
{
    host_t *host = some_host(MUV__POOL_CONN_PENDING);

    if (host != NULL) {
        learn_service(host);
        carry_out(muv__pool_established(&m.pool, &host->conn, m.now_us));
    }
}

static void call_clear_service(void)
{
    static const muv__pool_conn_state_t states[] = {MUV__POOL_CONN_IDLE, MUV__POOL_CONN_IN_USE,
                                                    MUV__POOL_CONN_DRAINING};
    host_t *host = some_host(states[below(MUV__COUNT_OF(states))]);

    if (host != NULL) {
        carry_out(clear_service(host));
    }
}

static void call_on_conn(muv__pool_conn_state_t state,
                         unsigned (*call)(muv__pool_t *, muv__pool_conn_t *, int64_t))
{
    host_t *host = some_host(state);

    if (host != NULL) {
        carry_out(call(&m.pool, &host->conn, m.now_us));
    }
}

static void call_failed_somewhere(void)
{
    static const muv__pool_conn_state_t states[] = {MUV__POOL_CONN_PENDING, MUV__POOL_CONN_PENDING,
                                                    MUV__POOL_CONN_IDLE, MUV__POOL_CONN_IN_USE,
                                                    MUV__POOL_CONN_DRAINING};
    host_t *host = some_host(states[below(MUV__COUNT_OF(states))]);

    if (host != NULL) {
        call_failed(host);
    }
}

static void pass_time(void)
{
    m.now_us += below(4) == 0 ? below(200000) : below(3000);
    if (m.pool.wake_at_us <= m.now_us || below(10) == 0) {
        carry_out(muv__pool_tick(&m.pool, m.now_us));
        MUST(m.pool.wake_at_us > m.now_us);
    }
}

static void one_random_call(void)
{
    unsigned dice = below(100);

    if (dice < 30) {
        call_check_out();
    } else if (dice < 48) {
        call_give_back(false);
    } else if (dice < 56) {
        call_give_back(true);
    } else if (dice < 62) {
        call_on_conn(MUV__POOL_CONN_DRAINING, muv__pool_drained);
    } else if (dice < 74) {
        call_established();
    } else if (dice < 78) {
        call_failed_somewhere();
    } else if (dice < 84) {
        call_forget();
    } else if (dice < 85) {
        carry_out(clear_all());
    } else if (dice < 89) {
        carry_out(muv__pool_ready(&m.pool, m.now_us));
    } else if (dice < 91 && m.services != 0) {
        call_clear_service();
    } else if (dice < 93 && some_host(MUV__POOL_CONN_PENDING) != NULL) {
        learn_service(some_host(MUV__POOL_CONN_PENDING));
    } else {
        pass_time();
    }
}

static void begin_run(uint64_t seed)
{
    muv__pool_config_t config = {.max_connecting = 1, .emit = on_event};

    memset(&m, 0, sizeof(m));
    m.seed = seed;
    m.random = seed * 0x9E3779B97F4A7C15u + 1;
    (void)next_random();
    config.max_connecting += below(4);
    /* 0 is no limit; the waiters are what bounds the pool then. */
    config.max_size = below(8) == 0 ? 0 : 1 + below(12);
    config.min_size = below(2) == 0 ? 0 : below(6);
    config.max_idle_us = below(2) == 0 ? 0 : 1 + below(100000);
    config.max_waiting = below(2) == 0 ? WAITERS : below(12);
    m.out_of_memory_percent = below(4) == 0 ? 10 : 0;
    m.services = below(3) == 0 ? 1 + below(3) : 0;
    muv__pool_init(&m.pool, &config);
    m.pool.drain_grace_us = 5000 + below(245000);
}

static void end_run(void)
{
    m.hold_back = false;
    carry_out(muv__pool_close(&m.pool, m.now_us));
    while (some_guest(HOLDING) != NULL) {
        call_give_back(false);
        check_all();
    }
    muv__pool_done(&m.pool);
    MUST(m.started == m.ended);
}

static void run_seed(uint64_t seed)
{
    begin_run(seed);
    for (m.step = 1; m.step <= STEPS; m.step++) {
        /* Now and then the effects of several calls are carried out together. */
        m.hold_back = below(8) == 0;
        one_random_call();
        check_all();
    }
    end_run();
}

static void random_calls_keep_every_promise(void **state)
{
    const char *wanted = getenv("MUV_TEST_SEED");

    (void)state;
    if (wanted != NULL) {
        run_seed(strtoull(wanted, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_calls_keep_every_promise)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
