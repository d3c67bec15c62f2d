/* SPDX-License-Identifier: Apache-2.0 */
/* The checkers of the simulator can fail: each deliberate bug here is caught within a few seeds.
 *
 * Bugs of the client are made at link time: calls of a function of the library come here first
 * (--wrap, which tests/CMakeLists.txt asks for by the names below), and the bug that is switched on
 * does something else. Bugs of servers are lies of the model. Each seed runs in a process of its
 * own, because some bugs end it.
 *
 *   sim_rs_bugs list | NAME [FIRST_SEED]     one bug, with all that the checkers print */
#include "rs/run.h"

#include "client/client_inner.h"
#include "client/cursor.h"
#include "client/retry.h"
#include "client/session.h"
#include "op/tail.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SEEDS = 40, DURATION_S = 120, SEED_SECONDS = 20 };

#define RULE(rule) (1u << CHECK_##rule)

/* A process that died or did not end: an assertion, a sanitizer, the world's own checks. */
#define DIED (1u << 31)

/* X(id, lies, what the checkers may say, name) */
#define BUG_MAP(X)                                                                                 \
    X(DROP_NUMBER, 0, RULE(PROTOCOL) | RULE(TWICE), "a retry without its transaction number")      \
    X(NEW_NUMBER, 0, RULE(PROTOCOL) | RULE(TWICE), "a retry with a new transaction number")        \
    X(NO_DOUBT, 0, RULE(DOUBT), "in_doubt is forgotten")                                           \
    X(RETRY_ALL, 0, RULE(PROTOCOL) | RULE(TWICE), "what must not be retried is retried")           \
    X(CALL_TWICE, 0, RULE(CALLBACK), "a callback comes twice")                                     \
    X(CALL_NEVER, 0, RULE(BLOCKED) | RULE(CALLBACK), "a callback never comes")                     \
    X(CALL_INSIDE, 0, RULE(CALLBACK), "a callback comes inside the call")                          \
    X(LEAK_CONNECTION, 0, RULE(LEAK) | RULE(BLOCKED), "a connection does not come back")           \
    X(LEAK_MEMORY, 0, RULE(LEAK), "what a retry remembers is not freed")                           \
    X(LEAK_SESSION, 0, RULE(LEAK), "a session does not go back to the pool")                       \
    X(LEAK_CURSOR, 0, RULE(LEAK), "a cursor is not killed")                                        \
    X(NO_LIMIT, 0, RULE(LIMIT), "maxPoolSize is ignored")                                          \
    X(STAY_PRIMARY, 0, RULE(PROTOCOL) | RULE(RECOVERY), "\"not primary\" does not mark Unknown")   \
    X(STOP_MONITOR, 0, RULE(RECOVERY) | RULE(UNSPECIFIC), "a monitor stops after a failure")       \
    X(NO_AFTER, 0, RULE(BACKWARDS), "afterClusterTime is not sent")                                \
    X(NO_MOMENT, 0, RULE(BACKWARDS), "atClusterTime is not sent")                                  \
    X(NO_READ_CONCERN, 0, RULE(READ) | RULE(BACKWARDS), "readConcern is not sent")                 \
    X(NO_PREFERENCE, 0, RULE(UNSPECIFIC), "$readPreference is not sent")                           \
    X(OTHER_SERVER, 0, RULE(PROTOCOL) | RULE(CURSOR) | RULE(UNSPECIFIC),                           \
      "getMore goes to another server")                                                            \
    X(NO_TIMEOUT, 0, RULE(LATE), "timeouts are ignored")                                           \
    X(APPLY_TWICE, RS_LIE_APPLY_TWICE, RULE(TWICE), "server: a retry is applied again")            \
    X(EARLY_MAJORITY, RS_LIE_EARLY_MAJORITY, RULE(LOST) | RULE(READ),                              \
      "server: majority is acknowledged too early")                                                \
    X(NO_WAIT, RS_LIE_NO_CAUSAL_WAIT, RULE(BACKWARDS), "server: afterClusterTime is ignored")      \
    X(LOSE, RS_LIE_LOSE_COMMITTED, RULE(LOST), "server: an election loses what was committed")     \
    X(SWAP, RS_LIE_SWAPPED_REPLIES, RULE(READ), "server: the reply of another find")

#define BUG_ID_(id, lies, rules, name) BUG_##id,
typedef enum bug_id { BUG_MAP(BUG_ID_) BUGS, BUG_NONE = BUGS } bug_id_t;
#undef BUG_ID_

typedef struct bug {
    const char *name;
    unsigned lies;
    unsigned rules;
} bug_t;

#define BUG_ROW_(id, lies, rules, name) {name, lies, rules},
static const bug_t bugs[] = {BUG_MAP(BUG_ROW_){"nothing is wrong", 0, 0}};
#undef BUG_ROW_

static bug_id_t active = BUG_NONE;
static unsigned calls;

static bool is_on(bug_id_t bug)
{
    return active == bug;
}

/* Every so often; the first one is not the first call. */
static bool strikes(bug_id_t bug, unsigned every)
{
    return is_on(bug) && ++calls % every == 0;
}

/* --- the command's tail ------------------------------------------------------------------------*/

void __real_muv__command_rewind(muv__command_t *command);
void __wrap_muv__command_rewind(muv__command_t *command);
void __real_muv__tail_write(muv__buf_t *buf, const muv__tail_t *tail);
void __wrap_muv__tail_write(muv__buf_t *buf, const muv__tail_t *tail);

static bool retrying;

/* Called for every attempt but the first. */
void __wrap_muv__command_rewind(muv__command_t *command)
{
    retrying = true;
    __real_muv__command_rewind(command);
}

static void spoil_kill(const muv__buf_t *buf)
{
    static const char name[] = "killCursors";
    void *at = memmem(buf->data, buf->size, name, sizeof name);

    if (at != NULL) {
        memcpy(at, "killNothing", sizeof name);
    }
}

void __wrap_muv__tail_write(muv__buf_t *buf, const muv__tail_t *tail)
{
    muv__tail_t changed = *tail;

    if (is_on(BUG_LEAK_CURSOR)) {
        spoil_kill(buf);
    }
    if (retrying && is_on(BUG_DROP_NUMBER)) {
        changed.txn_number = 0;
    }
    if (retrying && is_on(BUG_NEW_NUMBER) && changed.txn_number != 0) {
        changed.txn_number += 1000000;
    }
    if (is_on(BUG_NO_AFTER)) {
        changed.after_cluster_time = 0;
    }
    if (is_on(BUG_NO_MOMENT)) {
        changed.at_cluster_time = 0;
    }
    if (is_on(BUG_NO_READ_CONCERN)) {
        changed.parts &= (uint8_t)~MUV__TAIL_READ_CONCERN;
        changed.after_cluster_time = 0;
    }
    if (is_on(BUG_NO_PREFERENCE)) {
        changed.parts &= (uint8_t)~MUV__TAIL_READ_PREFERENCE;
        changed.preference = MUV__TAIL_PREFERENCE_NONE;
    }
    retrying = false;
    __real_muv__tail_write(buf, &changed);
}

/* --- retries -----------------------------------------------------------------------------------*/

muv__op_again_t __real_muv__retry_judge(const muv__retry_rules_t *rules,
                                        const muv__attempt_t *attempt, muv__retry_count_t *count);
muv__op_again_t __wrap_muv__retry_judge(const muv__retry_rules_t *rules,
                                        const muv__attempt_t *attempt, muv__retry_count_t *count);
void __real_muv__tried_free(muv_op_t *op);
void __wrap_muv__tried_free(muv_op_t *op);

muv__op_again_t __wrap_muv__retry_judge(const muv__retry_rules_t *rules,
                                        const muv__attempt_t *attempt, muv__retry_count_t *count)
{
    muv__attempt_t changed = *attempt;

    if (is_on(BUG_RETRY_ALL) && attempt->command == MUV_COMMAND_WRITE) {
        changed.retry = MUV__RETRY_READ;
    }
    return __real_muv__retry_judge(rules, &changed, count);
}

void __wrap_muv__tried_free(muv_op_t *op)
{
    if (is_on(BUG_LEAK_MEMORY)) {
        op->tried = NULL;
        return;
    }
    __real_muv__tried_free(op);
}

/* --- completion --------------------------------------------------------------------------------*/

void __real_muv__op_complete(muv_op_t *op);
void __wrap_muv__op_complete(muv_op_t *op);
void __real_muv__op_set_timeout(muv_op_t *op, int64_t timeout_ms);
void __wrap_muv__op_set_timeout(muv_op_t *op, int64_t timeout_ms);

void __wrap_muv__op_complete(muv_op_t *op)
{
    if (is_on(BUG_NO_DOUBT)) {
        op->error.in_doubt = 0;
    }
    __real_muv__op_complete(op);
}

void __wrap_muv__op_set_timeout(muv_op_t *op, int64_t timeout_ms)
{
    if (!is_on(BUG_NO_TIMEOUT)) {
        __real_muv__op_set_timeout(op, timeout_ms);
    }
}

int __real_muv_collection_insert_one(muv_collection_t *collection, const bson_t *document,
                                     const muv_insert_one_opts_t *opts, muv_write_cb cb, void *data,
                                     muv_op_t **ret_op);
int __wrap_muv_collection_insert_one(muv_collection_t *collection, const bson_t *document,
                                     const muv_insert_one_opts_t *opts, muv_write_cb cb, void *data,
                                     muv_op_t **ret_op);

static muv_write_cb true_callback;

static void call_twice(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                       void *data)
{
    true_callback(op, error, result, data);
    true_callback(op, error, result, data);
}

static void call_never(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                       void *data)
{
    (void)op;
    (void)error;
    (void)result;
    (void)data;
}

int __wrap_muv_collection_insert_one(muv_collection_t *collection, const bson_t *document,
                                     const muv_insert_one_opts_t *opts, muv_write_cb cb, void *data,
                                     muv_op_t **ret_op)
{
    bool is_probe = ret_op == NULL;

    if (!is_probe && strikes(BUG_CALL_INSIDE, 10)) {
        muv_error_t error = {.code = MUV_ECANCELED};

        *ret_op = NULL;
        cb(NULL, &error, NULL, data);
        return 0;
    }
    if (!is_probe && strikes(BUG_CALL_TWICE, 10)) {
        true_callback = cb;
        cb = call_twice;
    } else if (!is_probe && strikes(BUG_CALL_NEVER, 10)) {
        cb = call_never;
    }
    return __real_muv_collection_insert_one(collection, document, opts, cb, data, ret_op);
}

/* --- pool, sessions, cursors -------------------------------------------------------------------*/

unsigned __real_muv__pool_check_in(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);
unsigned __wrap_muv__pool_check_in(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);
void __real_muv__pool_init(muv__pool_t *pool, const muv__pool_config_t *config);
void __wrap_muv__pool_init(muv__pool_t *pool, const muv__pool_config_t *config);
void __real_muv__session_pool_give(muv__session_pool_t *pool, muv__server_session_t *session,
                                   int64_t now_us, int64_t timeout_us);
void __wrap_muv__session_pool_give(muv__session_pool_t *pool, muv__server_session_t *session,
                                   int64_t now_us, int64_t timeout_us);
void __real_muv__cursor_share_pin(muv_cursor_t *cursor, muv_op_t *op);
void __wrap_muv__cursor_share_pin(muv_cursor_t *cursor, muv_op_t *op);

unsigned __wrap_muv__pool_check_in(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    return strikes(BUG_LEAK_CONNECTION, 50) ? 0 : __real_muv__pool_check_in(pool, conn, now_us);
}

void __wrap_muv__pool_init(muv__pool_t *pool, const muv__pool_config_t *config)
{
    muv__pool_config_t changed = *config;

    if (is_on(BUG_NO_LIMIT)) {
        changed.max_size = 0;
    }
    __real_muv__pool_init(pool, &changed);
}

void __wrap_muv__session_pool_give(muv__session_pool_t *pool, muv__server_session_t *session,
                                   int64_t now_us, int64_t timeout_us)
{
    if (!strikes(BUG_LEAK_SESSION, 10)) {
        __real_muv__session_pool_give(pool, session, now_us, timeout_us);
    }
}

/* The server that the getMore was given gives way to the first other one. */
void __wrap_muv__cursor_share_pin(muv_cursor_t *cursor, muv_op_t *op)
{
    muv_client_t *client = op->client;

    for (muv__list_t *link = client->servers.next;
         is_on(BUG_OTHER_SERVER) && link != &client->servers; link = link->next) {
        muv__server_t *server = MUV__CONTAINER_OF(link, muv__server_t, link);

        if (server != op->server) {
            muv__op_leave_server(op);
            muv__op_take_server(op, server);
            break;
        }
    }
    __real_muv__cursor_share_pin(cursor, op);
}

/* --- topology ----------------------------------------------------------------------------------*/

int __real_muv__topology_on_failure(muv__topology_t *topology, muv__topology_server_t *server,
                                    const muv__topology_failure_t *failure, int64_t now_us,
                                    unsigned *ret_effects);
int __wrap_muv__topology_on_failure(muv__topology_t *topology, muv__topology_server_t *server,
                                    const muv__topology_failure_t *failure, int64_t now_us,
                                    unsigned *ret_effects);
unsigned __real_muv__heartbeat_step(muv__heartbeat_t *heartbeat, muv__heartbeat_event_t event,
                                    int64_t now_us);
unsigned __wrap_muv__heartbeat_step(muv__heartbeat_t *heartbeat, muv__heartbeat_event_t event,
                                    int64_t now_us);

int __wrap_muv__topology_on_failure(muv__topology_t *topology, muv__topology_server_t *server,
                                    const muv__topology_failure_t *failure, int64_t now_us,
                                    unsigned *ret_effects)
{
    if (is_on(BUG_STAY_PRIMARY) && failure->error->server_code != 0) {
        *ret_effects = 0;
        return 0;
    }
    return __real_muv__topology_on_failure(topology, server, failure, now_us, ret_effects);
}

unsigned __wrap_muv__heartbeat_step(muv__heartbeat_t *heartbeat, muv__heartbeat_event_t event,
                                    int64_t now_us)
{
    bool again = event == MUV__HEARTBEAT_ON_TIMER || event == MUV__HEARTBEAT_ON_CHECK_NOW;

    if (is_on(BUG_STOP_MONITOR) && again && heartbeat->state == MUV__HEARTBEAT_WAITING &&
        !heartbeat->server_known && heartbeat->ended_us != 0) {
        heartbeat->wake_at_us = INT64_MAX;
        return 0;
    }
    return __real_muv__heartbeat_step(heartbeat, event, now_us);
}

/* --- the test ----------------------------------------------------------------------------------*/

/* What the checkers say of one seed, as bits of rules. */
static unsigned run_one(bug_id_t bug, uint64_t seed, bool quiet)
{
    run_opts_t opts = {.seed = seed,
                       .duration_us = DURATION_S * SIM_SECOND,
                       .lies = bugs[bug].lies,
                       .verbose = getenv("MUV_SIM_VERBOSE") != NULL,
                       .quiet = quiet};
    run_result_t result;
    unsigned rules = 0;

    active = bug;
    calls = 0;
    (void)run_seed(&opts, &result);
    for (unsigned i = 0; i < CHECK_RULES; i++) {
        rules |= result.report.broken[i] != 0 ? 1u << i : 0;
    }
    return rules;
}

/* The same in a process of its own, which hands the bits back through a pipe. */
static unsigned run_apart(bug_id_t bug, uint64_t seed)
{
    unsigned rules = DIED;
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        (void)alarm(SEED_SECONDS);
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1); /* A check that fails ends this process. */
        rules = run_one(bug, seed, true);
        _exit(write(ends[1], &rules, sizeof rules) == sizeof rules ? 0 : 1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &rules, sizeof rules) != sizeof rules) {
        rules = DIED;
    }
    (void)close(ends[0]);
    (void)waitpid(pid, NULL, 0);
    return rules;
}

static void catch_bug(bug_id_t bug)
{
    unsigned all = 0;

    for (uint64_t seed = 1; seed <= MAX_SEEDS; seed++) {
        unsigned rules = run_apart(bug, seed);

        all |= rules;
        if ((rules & bugs[bug].rules) != 0) {
            print_message("caught: %s (seed %u)\n", bugs[bug].name, (unsigned)seed);
            return;
        }
    }
    for (unsigned i = 0; i < CHECK_RULES; i++) {
        if ((all & 1u << i) != 0) {
            print_message("the checkers said: %s\n", check_rule_name((check_rule_t)i));
        }
    }
    fail_msg("not caught in %d seeds: %s%s", MAX_SEEDS, bugs[bug].name,
             (all & DIED) != 0 ? " (processes died)" : "");
}

#define BUG_CASE_(id, lies, rules, name)                                                           \
    static void catches_##id(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        catch_bug(BUG_##id);                                                                       \
    }
BUG_MAP(BUG_CASE_)
#undef BUG_CASE_

static void catches_nothing_where_nothing_is_wrong(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        assert_int_equal(run_apart(BUG_NONE, seed), 0);
    }
}

static int run_named(const char *name, uint64_t seed)
{
    for (unsigned i = 0; i < BUGS; i++) {
        if (strcmp(name, "list") == 0) {
            (void)printf("%s\n", bugs[i].name);
        } else if (strcmp(name, bugs[i].name) == 0) {
            return run_one((bug_id_t)i, seed, false) != 0;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
#define BUG_TEST_(id, lies, rules, name) cmocka_unit_test(catches_##id),
    const struct CMUnitTest tests[] = {cmocka_unit_test(catches_nothing_where_nothing_is_wrong),
                                       BUG_MAP(BUG_TEST_)};
#undef BUG_TEST_

    if (argc > 1) {
        return run_named(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
