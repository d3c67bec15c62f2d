/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the pool tests. */
#include "fixture.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

static void MUV__PRINTF(2, 3) say(fixture_t *fixture, const char *format, ...)
{
    size_t used = strlen(fixture->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fixture->text + used, sizeof(fixture->text) - used, format, arguments);
    va_end(arguments);
}

static const char *error_of(int code)
{
    return strncmp(muv_error_name(code), "MUV_", 4) == 0 ? muv_error_name(code) + 4 : "?";
}

static char letter_of(const fixture_t *fixture, const muv__pool_waiter_t *waiter)
{
    return (char)('a' + (waiter - fixture->waiters));
}

static void on_event(const muv__pool_event_t *event, void *data)
{
    fixture_t *fixture = data;

    assert_int_equal(event->number, fixture->last_number + 1);
    fixture->last_number = event->number;
    if (!fixture->events_wanted) {
        return;
    }
    say(fixture, " <%s", muv__pool_event_name(event->type) + strlen("Connection"));
    if (event->connection_id != 0) {
        say(fixture, " %u", (unsigned)event->connection_id);
    }
    if (event->reason != MUV__POOL_REASON_NONE) {
        say(fixture, " %s", muv__pool_reason_text(event->type, event->reason));
    }
    if (event->service_id != NULL) {
        say(fixture, " %s", (const char *)event->service_id);
    }
    if (event->duration_us != 0) {
        say(fixture, " %dms", (int)(event->duration_us / 1000));
    }
    say(fixture, ">");
}

static int64_t now_us(const fixture_t *fixture)
{
    return fixture->now_ms * 1000;
}

static unsigned create(fixture_t *fixture)
{
    muv__pool_conn_t *conn;

    if (fixture->out_of_memory) {
        return muv__pool_create_failed(&fixture->pool, MUV_ENOMEM, now_us(fixture));
    }
    assert_true(fixture->created < FIXTURE_CONNS);
    conn = &fixture->conns[fixture->created++];
    muv__pool_add(&fixture->pool, conn, now_us(fixture));
    assert_int_equal(conn->id, fixture->created);
    say(fixture, " create %u;", (unsigned)conn->id);
    return 0;
}

static unsigned carry_out_once(fixture_t *fixture, unsigned effects)
{
    muv__pool_waiter_t *waiter;
    muv__pool_conn_t *conn;
    unsigned more = 0;

    while (!fixture->uncollected && (effects & MUV__POOL_DO_FAIL) != 0 &&
           (waiter = muv__pool_next_failed(&fixture->pool)) != NULL) {
        say(fixture, " fail %c %s;", letter_of(fixture, waiter), error_of(waiter->error));
    }
    while ((effects & MUV__POOL_DO_CLOSE) != 0 &&
           (conn = muv__pool_next_to_close(&fixture->pool)) != NULL) {
        assert_int_equal(conn->state, MUV__POOL_CONN_GONE);
        say(fixture, " close %u %s%s;", (unsigned)conn->id,
            muv__pool_reason_text(MUV__POOL_CONNECTION_CLOSED, (muv__pool_reason_t)conn->reason),
            conn->interrupted ? " interrupted" : "");
    }
    while (!fixture->uncollected && (effects & MUV__POOL_DO_SERVE) != 0 &&
           (waiter = muv__pool_next_served(&fixture->pool)) != NULL) {
        say(fixture, " serve %c %u;", letter_of(fixture, waiter), (unsigned)waiter->conn->id);
    }
    while ((effects & MUV__POOL_DO_CREATE) != 0 && muv__pool_wants_connection(&fixture->pool)) {
        more |= create(fixture);
    }
    return more;
}

static void carry_out(fixture_t *fixture, unsigned effects)
{
    unsigned all = effects;

    while ((effects & ~(unsigned)MUV__POOL_DO_ARM) != 0) {
        effects = carry_out_once(fixture, effects);
        all |= effects;
    }
    if ((all & MUV__POOL_DO_ARM) != 0 && fixture->pool.wake_at_us == INT64_MAX) {
        say(fixture, " arm never;");
    } else if ((all & MUV__POOL_DO_ARM) != 0) {
        say(fixture, " arm %d;", (int)(fixture->pool.wake_at_us / 1000));
    }
    say(fixture, "\n");
}

static void begin(fixture_t *fixture, const char *call, char waiter, unsigned id)
{
    say(fixture, "[%d] %s", (int)fixture->now_ms, call);
    if (waiter != '\0') {
        say(fixture, " %c", waiter);
    }
    if (id != 0) {
        say(fixture, " %u", id);
    }
    say(fixture, ":");
}

static muv__pool_conn_t *conn_of(fixture_t *fixture, unsigned id)
{
    assert_true(id >= 1 && id <= fixture->created);
    return &fixture->conns[id - 1];
}

static muv__pool_waiter_t *waiter_of(fixture_t *fixture, char waiter)
{
    assert_true(waiter >= 'a' && waiter <= 'z');
    return &fixture->waiters[waiter - 'a'];
}

void pool_is_paused(fixture_t *fixture, muv__pool_config_t config)
{
    memset(fixture, 0, sizeof(*fixture));
    config.max_connecting = config.max_connecting != 0 ? config.max_connecting : 2;
    config.max_waiting = config.max_waiting != 0 ? config.max_waiting : 100;
    config.emit = on_event;
    config.emit_data = fixture;
    muv__pool_init(&fixture->pool, &config);
}

void pool_is_ready(fixture_t *fixture, muv__pool_config_t config)
{
    pool_is_paused(fixture, config);
    ready(fixture);
    from_here(fixture);
}

void from_here(fixture_t *fixture)
{
    fixture->text[0] = '\0';
}

void hand_out(fixture_t *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        out(fixture, (char)('a' + i));
        established(fixture, fixture->created);
    }
    from_here(fixture);
}

void at(fixture_t *fixture, int64_t now_ms)
{
    assert_true(now_ms >= fixture->now_ms);
    fixture->now_ms = now_ms;
}

void out(fixture_t *fixture, char letter)
{
    muv__pool_waiter_t *waiter = waiter_of(fixture, letter);
    unsigned effects;

    begin(fixture, "out", letter, 0);
    effects = muv__pool_check_out(&fixture->pool, waiter, now_us(fixture));
    if (waiter->conn != NULL) {
        say(fixture, " gets %u;", (unsigned)waiter->conn->id);
    } else if (waiter->error != 0) {
        say(fixture, " fails %s;", error_of(waiter->error));
    } else {
        assert_int_equal(waiter->queued, 1);
        say(fixture, " waits;");
    }
    carry_out(fixture, effects);
}

void in(fixture_t *fixture, unsigned id)
{
    begin(fixture, "in", '\0', id);
    carry_out(fixture, muv__pool_check_in(&fixture->pool, conn_of(fixture, id), now_us(fixture)));
}

void drain(fixture_t *fixture, unsigned id)
{
    begin(fixture, "drain", '\0', id);
    carry_out(fixture, muv__pool_drain(&fixture->pool, conn_of(fixture, id), now_us(fixture)));
}

void drained(fixture_t *fixture, unsigned id)
{
    begin(fixture, "drained", '\0', id);
    carry_out(fixture, muv__pool_drained(&fixture->pool, conn_of(fixture, id), now_us(fixture)));
}

void established(fixture_t *fixture, unsigned id)
{
    begin(fixture, "established", '\0', id);
    carry_out(fixture,
              muv__pool_established(&fixture->pool, conn_of(fixture, id), now_us(fixture)));
}

void failing(fixture_t *fixture, unsigned id)
{
    begin(fixture, "failing", '\0', id);
    muv__pool_conn_failing(&fixture->pool, conn_of(fixture, id));
    carry_out(fixture, 0);
}

void failed(fixture_t *fixture, unsigned id, int error)
{
    begin(fixture, "failed", '\0', id);
    carry_out(fixture,
              muv__pool_conn_failed(&fixture->pool, conn_of(fixture, id), error, now_us(fixture)));
    assert_int_equal(conn_of(fixture, id)->state, MUV__POOL_CONN_GONE);
}

void forget(fixture_t *fixture, char waiter)
{
    begin(fixture, "forget", waiter, 0);
    carry_out(fixture, muv__pool_forget(&fixture->pool, waiter_of(fixture, waiter),
                                        MUV__POOL_REASON_TIMEOUT, now_us(fixture)));
}

void ready(fixture_t *fixture)
{
    begin(fixture, "ready", '\0', 0);
    carry_out(fixture, muv__pool_ready(&fixture->pool, now_us(fixture)));
}

void clear(fixture_t *fixture, int interrupt_in_use)
{
    begin(fixture, "clear", '\0', 0);
    carry_out(fixture, muv__pool_clear(&fixture->pool, interrupt_in_use, now_us(fixture)));
}

void serves(fixture_t *fixture, unsigned id, char service)
{
    static const uint8_t services[][12] = {"service A..", "service B..", "service C.."};

    conn_of(fixture, id)->service_id = services[service - 'A'];
}

void clear_service(fixture_t *fixture, unsigned id)
{
    begin(fixture, "clear service of", '\0', id);
    carry_out(fixture,
              muv__pool_clear_service(&fixture->pool, conn_of(fixture, id), now_us(fixture)));
}

void close_pool(fixture_t *fixture)
{
    begin(fixture, "close", '\0', 0);
    carry_out(fixture, muv__pool_close(&fixture->pool, now_us(fixture)));
}

void tick(fixture_t *fixture)
{
    begin(fixture, "tick", '\0', 0);
    carry_out(fixture, muv__pool_tick(&fixture->pool, now_us(fixture)));
}

void collect(fixture_t *fixture)
{
    begin(fixture, "collect", '\0', 0);
    fixture->uncollected = 0;
    carry_out(fixture, MUV__POOL_DO_FAIL | MUV__POOL_DO_SERVE);
}

void check_text(fixture_t *fixture, const char *expected, const char *file, int line)
{
    _assert_string_equal(fixture->text, expected, file, line);
    from_here(fixture);
}

void finish(fixture_t *fixture)
{
    close_pool(fixture);
    for (unsigned id = 1; id <= fixture->created; id++) {
        if (conn_of(fixture, id)->state == MUV__POOL_CONN_IN_USE) {
            in(fixture, id);
        }
    }
    assert_int_equal(fixture->pool.wake_at_us, INT64_MAX);
    muv__pool_done(&fixture->pool);
}
