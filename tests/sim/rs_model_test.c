/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated replica set by itself: raw commands on connections without a client. */
#include "rs/model.h"

#include "net_inner.h"
#include "support/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BODY_AT 21

typedef struct scene {
    sim_world_t *world;
    rs_set_t *set;
} scene_t;

static scene_t open_set(uint64_t seed, const rs_opts_t *opts)
{
    scene_t scene;

    scene.world = sim_new(seed);
    scene.set = rs_new(scene.world, seed, opts);
    sim_run_for(scene.world, 100 * SIM_MS);
    return scene;
}

static void close_set(scene_t *scene)
{
    assert_null(rs_violation(scene->set));
    rs_free(scene->set);
    sim_free(scene->world);
}

/* --- a connection ------------------------------------------------------------------------------*/

static int stream_stand_in;

static sim_link_t *dial(scene_t *scene, unsigned node)
{
    muv__net_addr_t addr;
    sim_link_t *link;

    assert_true(sim_parse_address(text_of("10.0.0.%u", node + 1), 27017, &addr));
    assert_int_equal(
        sim_link_open(scene->world, &addr, (muv__stream_t *)(void *)&stream_stand_in, &link), 0);
    sim_run_for(scene->world, 10 * SIM_MS);
    return link;
}

static bool is_dead(const sim_link_t *link)
{
    return link->error != 0 || link->ended;
}

static void store_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t load_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* JSON with ' for quotes. */
static bson_t *parse(const char *json)
{
    char *text = sim_strdup(json);
    bson_t *document;

    for (char *at = text; *at != '\0'; at++) {
        *at = (char)(*at == '\'' ? '"' : *at);
    }
    document = bson_from(text);
    free(text);
    return document;
}

static void send_flagged(sim_link_t *link, const char *json, uint32_t flags)
{
    bson_t *body = parse(json);
    size_t size = BODY_AT + body->len;
    uint8_t *bytes = sim_alloc(size);

    if (!bson_has_field(body, "$db")) {
        BSON_APPEND_UTF8(body, "$db", "t");
        size = BODY_AT + body->len;
        bytes = sim_resize(bytes, size);
        memset(bytes, 0, BODY_AT);
    }
    store_u32(bytes, (uint32_t)size);
    store_u32(bytes + 4, 7);
    store_u32(bytes + 12, 2013);
    store_u32(bytes + 16, flags);
    memcpy(bytes + BODY_AT, bson_get_data(body), body->len);
    sim_link_send(link, bytes, size);
    free(bytes);
    bson_destroy(body);
}

static void tell(sim_link_t *link, const char *json)
{
    send_flagged(link, json, 0);
}

/* The next reply, or NULL when none comes in that time. [own] */
static bson_t *hear(scene_t *scene, sim_link_t *link, int64_t limit_us)
{
    int64_t end_us = sim_now_us(scene->world) + limit_us;
    const uint8_t *bytes;
    bson_t *reply;
    size_t size;

    while (sim_bytes_size(&link->arrived) < BODY_AT) {
        if (sim_now_us(scene->world) >= end_us) {
            return NULL;
        }
        sim_run_for(scene->world, SIM_MS);
    }
    bytes = link->arrived.data + link->arrived.start;
    size = load_u32(bytes);
    reply = bson_new_from_data(bytes + BODY_AT, size - BODY_AT);
    assert_non_null(reply);
    sim_bytes_drop(&link->arrived, size);
    return reply;
}

static bson_t *ask(scene_t *scene, sim_link_t *link, const char *json)
{
    bson_t *reply;

    tell(link, json);
    reply = hear(scene, link, 20 * SIM_SECOND);
    if (reply == NULL) {
        rs_dump(scene->set, stderr);
        fail_msg("no answer to %s", json);
    }
    return reply;
}

/* A number in a reply by its path; -1: there is none. */
static int64_t number_at(const bson_t *reply, const char *path)
{
    bson_iter_t iter;
    bson_iter_t found;

    return bson_iter_init(&iter, reply) && bson_iter_find_descendant(&iter, path, &found)
               ? bson_iter_as_int64(&found)
               : -1;
}

static int64_t ask_number(scene_t *scene, sim_link_t *link, const char *json, const char *path)
{
    bson_t *reply = ask(scene, link, json);
    int64_t number = number_at(reply, path);

    bson_destroy(reply);
    return number;
}

#define INSERT "{'insert': 'c', 'documents': [{'_id': %d, 'n': 0}], 'writeConcern': {'w': %s}}"

static const char *session_tail(int txn)
{
    return text_of("'lsid': {'id': {'$binary': {'base64': 'AAAAAAAAAAAAAAAAAAAAAQ==', "
                   "'subType': '04'}}}, 'txnNumber': {'$numberLong': '%d'}",
                   txn);
}

/* --- elections ---------------------------------------------------------------------------------*/

static void node_0_is_the_first_primary(void **state)
{
    scene_t scene = open_set(1, NULL);
    sim_link_t *link = dial(&scene, 0);
    bson_t *reply = ask(&scene, link, "{'hello': 1, '$db': 'admin'}");

    (void)state;
    assert_int_equal(rs_primary(scene.set), 0);
    assert_int_equal(number_at(reply, "isWritablePrimary"), 1);
    assert_int_equal(number_at(reply, "maxWireVersion"), 25);
    assert_int_equal(number_at(reply, "logicalSessionTimeoutMinutes"), 30);
    assert_true(rs_is_settled(scene.set));
    bson_destroy(reply);
    close_set(&scene);
}

static void another_node_leads_after_a_crash(void **state)
{
    scene_t scene = open_set(2, NULL);

    (void)state;
    rs_crash(scene.set, 0, false);
    assert_int_not_equal(rs_await_primary(scene.set, rs_election_bound_us(scene.set)), 0);
    rs_restart(scene.set, 0);
    rs_settle(scene.set, 10 * SIM_SECOND);
    assert_int_equal(rs_counts(scene.set)->elections, 2);
    close_set(&scene);
}

static void a_primary_without_majority_steps_down(void **state)
{
    scene_t scene = open_set(3, &(rs_opts_t){.nodes = 5});

    (void)state;
    rs_partition(scene.set, 1 | 2);
    sim_run_for(scene.world, 20 * SIM_SECOND);
    assert_true(rs_primary(scene.set) >= 2);
    assert_int_equal(rs_state(scene.set, 0), RS_SECONDARY);
    close_set(&scene);
}

static void two_primaries_may_reign_at_once(void **state)
{
    bool seen = false;

    (void)state;
    for (uint64_t seed = 1; seed < 20 && !seen; seed++) {
        scene_t scene = open_set(seed, NULL);

        rs_partition(scene.set, 1);
        for (unsigned i = 0; i < 100 && !seen; i++) {
            sim_run_for(scene.world, 100 * SIM_MS);
            seen = rs_state(scene.set, 0) == RS_PRIMARY && rs_primary(scene.set) != 0;
        }
        close_set(&scene);
    }
    assert_true(seen);
}

static void a_step_down_is_followed_by_an_election(void **state)
{
    scene_t scene = open_set(4, NULL);

    (void)state;
    rs_step_down(scene.set, 0, 0);
    assert_int_equal(rs_state(scene.set, 0), RS_SECONDARY);
    assert_int_not_equal(rs_await_primary(scene.set, 10 * SIM_SECOND), 0);
    close_set(&scene);
}

/* --- what survives -----------------------------------------------------------------------------*/

static void a_majority_write_survives_a_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        scene_t scene = open_set(seed, NULL);
        sim_link_t *link = dial(&scene, 0);

        assert_int_equal(ask_number(&scene, link, text_of(INSERT, 5, "'majority'"), "n"), 1);
        rs_crash(scene.set, 0, seed % 2 == 0);
        (void)rs_await_primary(scene.set, 20 * SIM_SECOND);
        rs_restart(scene.set, 0);
        rs_settle(scene.set, 20 * SIM_SECOND);
        assert_non_null(rs_document(scene.set, "t.c", 5));
        close_set(&scene);
    }
}

static void an_unreplicated_write_is_rolled_back(void **state)
{
    scene_t scene = open_set(5, NULL);
    sim_link_t *link = dial(&scene, 0);

    (void)state;
    rs_partition(scene.set, 1);
    assert_int_equal(ask_number(&scene, link, text_of(INSERT, 6, "1"), "n"), 1);
    assert_non_null(rs_document(scene.set, "t.c", 6));
    sim_run_for(scene.world, 15 * SIM_SECOND);
    rs_heal(scene.set);
    rs_settle(scene.set, 20 * SIM_SECOND);
    assert_null(rs_document(scene.set, "t.c", 6));
    assert_true(rs_counts(scene.set)->rolled_back >= 1);
    for (size_t i = 0; i < rs_entry_count(scene.set); i++) {
        const rs_entry_t *entry = rs_entry(scene.set, i);

        assert_int_equal(rs_survived(scene.set, entry), entry->kind != RS_INSERT);
        assert_int_equal(entry->holders, entry->kind == RS_INSERT ? 0 : 3);
    }
    close_set(&scene);
}

static void a_majority_write_without_majority_ends_at_wtimeout(void **state)
{
    scene_t scene = open_set(6, NULL);
    sim_link_t *link = dial(&scene, 0);
    bson_t *reply;

    (void)state;
    rs_partition(scene.set, 1);
    reply = ask(&scene, link,
                "{'insert': 'c', 'documents': [{'_id': 1}], "
                "'writeConcern': {'w': 'majority', 'wtimeout': 300}}");
    assert_int_equal(number_at(reply, "n"), 1);
    assert_int_equal(number_at(reply, "writeConcernError.code"), 64);
    bson_destroy(reply);
    close_set(&scene);
}

static void a_waiting_write_is_interrupted_by_the_step_down(void **state)
{
    scene_t scene = open_set(7, NULL);
    sim_link_t *link = dial(&scene, 0);
    bson_t *reply;

    (void)state;
    rs_partition(scene.set, 1);
    tell(link, text_of("{'insert': 'c', 'documents': [{'_id': 1}], %s}", session_tail(1)));
    sim_run_for(scene.world, 100 * SIM_MS);
    rs_step_down(scene.set, 0, 0);
    reply = hear(&scene, link, SIM_SECOND);
    assert_non_null(reply);
    assert_true(number_at(reply, "code") == 11602 ||
                number_at(reply, "writeConcernError.code") == 189);
    assert_true(bson_has_field(reply, "errorLabels.0"));
    assert_false(bson_has_field(reply, "errorLabels.1")); /* NoWritesPerformed. */
    assert_true(bson_has_field(reply, "topologyVersion"));
    bson_destroy(reply);
    close_set(&scene);
}

/* --- the memory of retryable writes ------------------------------------------------------------*/

static void a_repeated_statement_is_applied_once_even_by_another_primary(void **state)
{
    scene_t scene = open_set(8, NULL);
    const char *update = text_of("{'update': 'c', 'updates': [{'q': {'_id': 1}, 'u': {'$inc': "
                                 "{'n': 1}}, 'upsert': true}], %s}",
                                 session_tail(3));
    unsigned primary;
    sim_link_t *link = dial(&scene, 0);

    (void)state;
    assert_int_equal(ask_number(&scene, link, text_of(INSERT, 1, "1"), "n"), 1);
    assert_int_equal(ask_number(&scene, link, update, "nModified"), 1);
    assert_int_equal(ask_number(&scene, link, update, "nModified"), 1);
    rs_crash(scene.set, 0, false);
    primary = rs_await_primary(scene.set, 20 * SIM_SECOND);
    link = dial(&scene, primary);
    assert_int_equal(ask_number(&scene, link, update, "nModified"), 1);
    assert_int_equal(
        ask_number(&scene, link, "{'find': 'c', 'filter': {'_id': 1}}", "cursor.firstBatch.0.n"),
        1);
    assert_int_equal(rs_counts(scene.set)->repeated, 2);
    close_set(&scene);
}

#define DELETE "{'delete': 'c', 'deletes': [{'q': {'_id': 1}, 'limit': 1}], %s}"

static void an_older_transaction_number_is_an_error(void **state)
{
    scene_t scene = open_set(9, NULL);
    sim_link_t *link = dial(&scene, 0);
    (void)state;
    assert_int_equal(ask_number(&scene, link, text_of(DELETE, session_tail(5)), "ok"), 1);
    assert_int_equal(ask_number(&scene, link, text_of(DELETE, session_tail(4)), "code"), 225);
    close_set(&scene);
}

static void a_compare_and_set_is_won_once(void **state)
{
    scene_t scene = open_set(10, NULL);
    sim_link_t *link = dial(&scene, 0);
    const char *swap = "{'findAndModify': 'c', 'query': {'_id': 1, 'n': 0}, 'update': {'$set': "
                       "{'n': 9}}}";

    (void)state;
    assert_int_equal(ask_number(&scene, link, text_of(INSERT, 1, "1"), "n"), 1);
    assert_int_equal(ask_number(&scene, link, text_of(INSERT, 1, "1"), "writeErrors.0.code"),
                     11000);
    assert_int_equal(ask_number(&scene, link, swap, "value.n"), 0);
    assert_int_equal(ask_number(&scene, link, swap, "lastErrorObject.n"), 0);
    close_set(&scene);
}

/* --- reading -----------------------------------------------------------------------------------*/

#define FROM_SECONDARY "{'find': 'c', 'filter': {}, '$readPreference': {'mode': 'secondary'}%s}"

/* readConcern with the operationTime of a reply. */
static void write_causal(const bson_t *reply, const char *more, char *ret, size_t size)
{
    bson_iter_t iter;
    uint32_t seconds;
    uint32_t increment;

    assert_true(bson_iter_init_find(&iter, reply, "operationTime"));
    bson_iter_timestamp(&iter, &seconds, &increment);
    (void)snprintf(ret, size,
                   ", 'readConcern': {'afterClusterTime': {'$timestamp': {'t': %u, 'i': %u}}}%s",
                   seconds, increment, more);
}

static void a_secondary_waits_for_the_time_it_is_asked_for(void **state)
{
    rs_opts_t opts = {.node_latency_us = 200 * SIM_MS};
    scene_t scene = open_set(11, &opts);
    sim_link_t *primary = dial(&scene, 0);
    sim_link_t *secondary = dial(&scene, 1);
    bson_t *reply = ask(&scene, primary, text_of(INSERT, 1, "1"));
    char causal[200];
    char hasty[200];

    (void)state;
    write_causal(reply, "", causal, sizeof causal);
    write_causal(reply, ", 'maxTimeMS': 10", hasty, sizeof hasty);
    bson_destroy(reply);
    assert_int_equal(
        ask_number(&scene, secondary, text_of(FROM_SECONDARY, ""), "cursor.firstBatch.0._id"), -1);
    assert_int_equal(ask_number(&scene, secondary, text_of(FROM_SECONDARY, hasty), "code"), 50);
    assert_int_equal(
        ask_number(&scene, secondary, text_of(FROM_SECONDARY, causal), "cursor.firstBatch.0._id"),
        1);
    assert_int_equal(rs_counts(scene.set)->causal_waits, 2);
    close_set(&scene);
}

static void a_secondary_reads_only_when_that_is_wanted(void **state)
{
    scene_t scene = open_set(12, NULL);
    sim_link_t *link = dial(&scene, 1);

    (void)state;
    assert_int_equal(ask_number(&scene, link, "{'find': 'c'}", "code"), 13435);
    assert_true(ask_number(&scene, link, text_of(INSERT, 1, "1"), "code") > 0);
    close_set(&scene);
}

static void a_majority_read_does_not_see_what_may_be_lost(void **state)
{
    scene_t scene = open_set(13, NULL);
    sim_link_t *link = dial(&scene, 0);

    (void)state;
    rs_partition(scene.set, 1);
    assert_int_equal(ask_number(&scene, link, text_of(INSERT, 1, "1"), "n"), 1);
    assert_int_equal(ask_number(&scene, link, "{'find': 'c'}", "cursor.firstBatch.0._id"), 1);
    assert_int_equal(ask_number(&scene, link, "{'find': 'c', 'readConcern': {'level': 'majority'}}",
                                "cursor.firstBatch.0._id"),
                     -1);
    close_set(&scene);
}

static void a_snapshot_stays_at_its_time(void **state)
{
    scene_t scene = open_set(19, NULL);
    sim_link_t *link = dial(&scene, 0);
    char earlier[200];
    bson_t *reply;
    bson_iter_t iter;
    bson_iter_t time;
    uint32_t seconds;
    uint32_t increment;

    (void)state;
    bson_destroy(ask(&scene, link, text_of(INSERT, 1, "'majority'")));
    reply = ask(&scene, link, "{'find': 'c', 'readConcern': {'level': 'snapshot'}}");
    assert_true(bson_iter_init(&iter, reply) &&
                bson_iter_find_descendant(&iter, "cursor.atClusterTime", &time));
    bson_iter_timestamp(&time, &seconds, &increment);
    bson_destroy(reply);
    (void)snprintf(earlier, sizeof earlier,
                   "{'find': 'c', 'readConcern': {'level': 'snapshot', 'atClusterTime': "
                   "{'$timestamp': {'t': %u, 'i': %u}}}}",
                   seconds, increment);
    bson_destroy(ask(&scene, link, text_of(INSERT, 2, "'majority'")));
    reply = ask(&scene, link, earlier);
    assert_int_equal(number_at(reply, "cursor.firstBatch.0._id"), 1);
    assert_false(bson_has_field(reply, "cursor.firstBatch.1"));
    bson_destroy(reply);
    close_set(&scene);
}

static void a_cursor_gives_all_documents_in_order(void **state)
{
    scene_t scene = open_set(14, NULL);
    sim_link_t *link = dial(&scene, 0);
    int64_t id;

    (void)state;
    for (int i = 5; i > 0; i--) {
        assert_int_equal(ask_number(&scene, link, text_of(INSERT, i, "1"), "n"), 1);
    }
    id = ask_number(&scene, link, "{'find': 'c', 'batchSize': 2, 'sort': {'_id': 1}}", "cursor.id");
    assert_int_equal(rs_holdings(scene.set, 0).cursors, 1);
    assert_int_equal(ask_number(&scene, link,
                                text_of("{'getMore': {'$numberLong': '%" PRId64
                                        "'}, 'collection': 'c', 'batchSize': 2}",
                                        id),
                                "cursor.nextBatch.1._id"),
                     4);
    rs_kill_cursors(scene.set, 0);
    assert_int_equal(
        ask_number(&scene, link,
                   text_of("{'getMore': {'$numberLong': '%" PRId64 "'}, 'collection': 'c'}", id),
                   "code"),
        43);
    close_set(&scene);
}

/* --- hello and links ---------------------------------------------------------------------------*/

static void a_streamed_hello_tells_of_a_step_down_at_once(void **state)
{
    scene_t scene = open_set(15, NULL);
    sim_link_t *link = dial(&scene, 0);
    bson_t *reply = ask(&scene, link, "{'hello': 1, '$db': 'admin'}");
    bson_iter_t iter;
    bson_iter_t process;
    char text[25];

    (void)state;
    assert_true(bson_iter_init(&iter, reply) &&
                bson_iter_find_descendant(&iter, "topologyVersion.processId", &process));
    bson_oid_to_string(bson_iter_oid(&process), text);
    send_flagged(link,
                 text_of("{'hello': 1, 'maxAwaitTimeMS': 10000, 'topologyVersion': {'processId': "
                         "{'$oid': '%s'}, 'counter': {'$numberLong': '%" PRId64
                         "'}}, '$db': 'admin'}",
                         text, number_at(reply, "topologyVersion.counter")),
                 1u << 16);
    bson_destroy(reply);
    reply = hear(&scene, link, 2 * SIM_SECOND);
    assert_null(reply);
    rs_step_down(scene.set, 0, 0);
    reply = hear(&scene, link, 100 * SIM_MS);
    assert_non_null(reply);
    assert_int_equal(number_at(reply, "isWritablePrimary"), 0);
    bson_destroy(reply);
    assert_null(hear(&scene, link, 100 * SIM_MS));
    close_set(&scene);
}

static void bytes_held_by_a_cut_arrive_after_the_heal_or_never(void **state)
{
    unsigned arrived = 0;
    unsigned lost = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        scene_t scene = open_set(seed, NULL);
        sim_link_t *link = dial(&scene, 0);
        bson_t *reply;

        bson_destroy(ask(&scene, link, "{'ping': 1}"));
        rs_cut_client(scene.set, 0, RS_WAY_CUT);
        tell(link, "{'ping': 2}");
        assert_null(hear(&scene, link, SIM_SECOND));
        rs_cut_client(scene.set, 0, RS_WAY_OPEN);
        reply = hear(&scene, link, 2 * SIM_SECOND);
        arrived += reply != NULL;
        lost += reply == NULL;
        sim_run_for(scene.world, 30 * SIM_SECOND);
        assert_int_equal(is_dead(link), reply == NULL);
        bson_destroy(reply);
        close_set(&scene);
    }
    assert_true(arrived > 4);
    assert_true(lost > 2);
}

static void a_crash_breaks_connections_and_refuses_new_ones(void **state)
{
    scene_t scene = open_set(16, NULL);
    sim_link_t *link = dial(&scene, 1);

    (void)state;
    bson_destroy(ask(&scene, link, "{'ping': 1}"));
    rs_crash(scene.set, 1, false);
    assert_true(is_dead(link));
    link = dial(&scene, 1);
    assert_int_equal(link->connect_status, SIM_ECONNREFUSED);
    close_set(&scene);
}

static void a_hidden_node_is_in_nobodys_hosts(void **state)
{
    scene_t scene = open_set(17, NULL);
    sim_link_t *links[2] = {dial(&scene, 1), dial(&scene, 2)};

    (void)state;
    rs_hide(scene.set, 2, true);
    sim_run_for(scene.world, SIM_SECOND);
    for (int i = 0; i < 2; i++) {
        bson_t *reply = ask(&scene, links[i], "{'hello': 1, '$db': 'admin'}");

        assert_int_equal(number_at(reply, "setVersion"), 2);
        assert_false(bson_has_field(reply, "hosts.2"));
        assert_int_equal(number_at(reply, "hidden"), i == 0 ? -1 : 1);
        bson_destroy(reply);
    }
    assert_true(rs_is_settled(scene.set));
    close_set(&scene);
}

static void a_command_fails_where_it_is_told_to(void **state)
{
    static const rs_when_t whens[] = {RS_BEFORE, RS_AFTER, RS_WRITE_CONCERN, RS_MIDWAY};
    static const int wrote[] = {0, 5, 5, 1};

    (void)state;
    for (int i = 0; i < 4; i++) {
        scene_t scene = open_set(18, NULL);
        sim_link_t *link = dial(&scene, 0);
        bson_t *reply;
        uint64_t writes;

        rs_fail(scene.set, 0, &(rs_failure_t){.when = whens[i], .code = 11602});
        reply = ask(&scene, link,
                    text_of("{'insert': 'c', 'documents': [{'_id': 1}, {'_id': 2}, {'_id': 3}, "
                            "{'_id': 4}, {'_id': 5}], %s}",
                            session_tail(1)));
        writes = rs_counts(scene.set)->writes;
        assert_int_equal(number_at(reply, "ok"), i == 2);
        assert_int_equal(number_at(reply, i == 2 ? "writeConcernError.code" : "code"), 11602);
        assert_true(i == 3 ? writes >= 1 && writes <= 3 : writes == (uint64_t)wrote[i]);
        assert_int_equal(bson_has_field(reply, "errorLabels.1"), i == 0);
        bson_destroy(reply);
        close_set(&scene);
    }
}

/* --- by chance ---------------------------------------------------------------------------------*/

static uint64_t run_chaos(uint64_t seed, int64_t duration_us)
{
    rs_opts_t opts = {.nodes = 3 + (unsigned)(seed % 5)};
    scene_t scene = open_set(seed, &opts);
    int64_t end_us = sim_now_us(scene.world) + duration_us;
    uint64_t digest;
    int id = 0;

    rs_chaos(scene.set, NULL, end_us);
    while (sim_now_us(scene.world) < end_us) {
        unsigned node = (unsigned)(id % (int)opts.nodes);
        sim_link_t *link = dial(&scene, node);

        if (link->connect_done && link->connect_status == 0) {
            tell(link, text_of(INSERT, id, id % 2 == 0 ? "1" : "'majority'"));
        }
        sim_run_for(scene.world, 100 * SIM_MS);
        sim_link_close(link);
        id++;
    }
    rs_settle(scene.set, 30 * SIM_SECOND + rs_election_bound_us(scene.set));
    for (size_t i = 0; i < rs_entry_count(scene.set); i++) {
        const rs_entry_t *entry = rs_entry(scene.set, i);

        assert_int_equal(rs_survived(scene.set, entry), entry->holders == opts.nodes);
        if (entry->committed_us != 0) {
            assert_true(rs_survived(scene.set, entry));
        }
    }
    digest = rs_digest(scene.set);
    close_set(&scene);
    return digest;
}

static void what_was_committed_survives_any_chaos(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        (void)run_chaos(seed, 60 * SIM_SECOND);
    }
}

static void a_seed_runs_the_same_way_again(void **state)
{
    (void)state;
    for (uint64_t seed = 50; seed < 53; seed++) {
        assert_int_equal(run_chaos(seed, 30 * SIM_SECOND), run_chaos(seed, 30 * SIM_SECOND));
    }
    assert_int_not_equal(run_chaos(60, 30 * SIM_SECOND), run_chaos(61, 30 * SIM_SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_0_is_the_first_primary),
        cmocka_unit_test(another_node_leads_after_a_crash),
        cmocka_unit_test(a_primary_without_majority_steps_down),
        cmocka_unit_test(two_primaries_may_reign_at_once),
        cmocka_unit_test(a_step_down_is_followed_by_an_election),
        cmocka_unit_test(a_majority_write_survives_a_crash),
        cmocka_unit_test(an_unreplicated_write_is_rolled_back),
        cmocka_unit_test(a_majority_write_without_majority_ends_at_wtimeout),
        cmocka_unit_test(a_waiting_write_is_interrupted_by_the_step_down),
        cmocka_unit_test(a_repeated_statement_is_applied_once_even_by_another_primary),
        cmocka_unit_test(an_older_transaction_number_is_an_error),
        cmocka_unit_test(a_compare_and_set_is_won_once),
        cmocka_unit_test(a_secondary_waits_for_the_time_it_is_asked_for),
        cmocka_unit_test(a_secondary_reads_only_when_that_is_wanted),
        cmocka_unit_test(a_majority_read_does_not_see_what_may_be_lost),
        cmocka_unit_test(a_snapshot_stays_at_its_time),
        cmocka_unit_test(a_cursor_gives_all_documents_in_order),
        cmocka_unit_test(a_streamed_hello_tells_of_a_step_down_at_once),
        cmocka_unit_test(bytes_held_by_a_cut_arrive_after_the_heal_or_never),
        cmocka_unit_test(a_crash_breaks_connections_and_refuses_new_ones),
        cmocka_unit_test(a_hidden_node_is_in_nobodys_hosts),
        cmocka_unit_test(a_command_fails_where_it_is_told_to),
        cmocka_unit_test(what_was_committed_survives_any_chaos),
        cmocka_unit_test(a_seed_runs_the_same_way_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
