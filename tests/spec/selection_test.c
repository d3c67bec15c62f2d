/* SPDX-License-Identifier: Apache-2.0 */
/* The official files of server selection and max staleness against src/topology/: suitable servers
 * and latency window, frequencies of selection, round trip averages. The logging files need a whole
 * client and are named as left out. */
#include "support/check.h"

#include "spec/json_spec.h"
#include "topology/rtt.h"
#include "topology/selection.h"
#include "uri/read_pref.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_SERVERS 8
#define MAX_TAGS 8

typedef struct scene {
    muv__topology_snapshot_t *snapshot;
    muv__topology_server_t *deprioritized[MAX_SERVERS];
    muv__read_pref_t preference;
    muv__read_tag_t tags[MAX_TAGS];
    muv__selection_criteria_t criteria;
    int preference_rc; /* Of building the preference. */
} scene_t;

/* ---- Descriptions, made through a hello reply ---- */

static void append_type(bson_t *hello, const char *type)
{
    if (strcmp(type, "Mongos") == 0) {
        BSON_APPEND_UTF8(hello, "msg", "isdbgrid");
    } else if (strcmp(type, "RSGhost") == 0) {
        BSON_APPEND_BOOL(hello, "isreplicaset", true);
    } else if (strncmp(type, "RS", 2) == 0) {
        BSON_APPEND_UTF8(hello, "setName", "rs");
        BSON_APPEND_BOOL(hello, "isWritablePrimary", strcmp(type, "RSPrimary") == 0);
        BSON_APPEND_BOOL(hello, "secondary", strcmp(type, "RSSecondary") == 0);
        BSON_APPEND_BOOL(hello, "arbiterOnly", strcmp(type, "RSArbiter") == 0);
    }
}

static muv__server_description_t *describe_known(const bson_t *server, const char *type)
{
    muv__server_description_t *description;
    bson_t *hello = BCON_NEW("ok", BCON_INT32(1));
    bson_iter_t iter;
    bson_t part;

    append_type(hello, type);
    BSON_APPEND_INT64(hello, "maxWireVersion", json_spec_int(server, "maxWireVersion", 21));
    if (json_spec_find(server, "tags", &iter) && json_spec_child(&iter, &part)) {
        BSON_APPEND_DOCUMENT(hello, "tags", &part);
    }
    if (json_spec_find(server, "lastWrite.lastWriteDate", &iter)) {
        bson_t *last = bson_new();

        BSON_APPEND_DATE_TIME(last, "lastWriteDate", bson_iter_as_int64(&iter));
        BSON_APPEND_DOCUMENT(hello, "lastWrite", last);
        bson_destroy(last);
    }
    assert_int_equal(muv__server_description_parse(
                         bson_get_data(hello), hello->len,
                         json_spec_int(server, "lastUpdateTime", 0) * 1000, &description),
                     0);
    bson_destroy(hello);
    assert_string_equal(muv__server_type_name((muv__server_type_t)description->type), type);
    return description;
}

static muv__server_description_t *describe(const bson_t *server)
{
    const char *type = json_spec_text(server, "type");
    muv__server_description_t *description;
    int rc;

    if (strcmp(type, "PossiblePrimary") == 0) {
        rc = muv__server_description_bare(MUV__SERVER_POSSIBLE_PRIMARY, 0, &description);
    } else if (strcmp(type, "LoadBalancer") == 0) {
        rc = muv__server_description_bare(MUV__SERVER_LOAD_BALANCER, 0, &description);
    } else if (strcmp(type, "Unknown") == 0) {
        rc = muv__server_description_unknown(0, NULL, NULL, 0, &description);
    } else {
        return describe_known(server, type);
    }
    assert_int_equal(rc, 0);
    return description;
}

static void add_server(muv__snapshot_entry_t *entry, const bson_t *server)
{
    const char *address = json_spec_text(server, "address");
    bson_iter_t rtt;
    muv__host_t host;

    assert_int_equal(muv__host_parse(address, strlen(address), &host), 0);
    assert_int_equal(muv__topology_server_new(&host, &entry->server), 0);
    entry->description = describe(server);
    entry->rtt_us = json_spec_find(server, "avg_rtt_ms", &rtt)
                        ? (int64_t)(bson_iter_as_double(&rtt) * 1000)
                        : -1;
    entry->min_rtt_us = 0;
}

static muv__topology_type_t type_named(const char *name)
{
    for (unsigned type = 0; type <= MUV__TOPOLOGY_LOAD_BALANCED; type++) {
        if (strcmp(muv__topology_type_name((muv__topology_type_t)type), name) == 0) {
            return (muv__topology_type_t)type;
        }
    }
    fail_msg("unknown topology type %s", name);
    return MUV__TOPOLOGY_UNKNOWN;
}

static muv__topology_snapshot_t *make_snapshot(const bson_t *doc)
{
    muv__snapshot_entry_t entries[MAX_SERVERS];
    muv__snapshot_source_t source = {.servers = entries};
    muv__topology_snapshot_t *snapshot;
    bson_iter_t list;
    bson_iter_t item;
    bson_t server;

    source.type = type_named(json_spec_text(doc, "topology_description.type"));
    assert_true(json_spec_find(doc, "topology_description.servers", &list));
    assert_true(bson_iter_recurse(&list, &item));
    while (bson_iter_next(&item)) {
        assert_true(source.server_count < MAX_SERVERS && json_spec_child(&item, &server));
        add_server(&entries[source.server_count++], &server);
    }
    assert_int_equal(muv__topology_snapshot_new(&source, &snapshot), 0);
    for (uint32_t i = 0; i < source.server_count; i++) {
        muv__topology_server_release(entries[i].server);
        muv__server_description_release(entries[i].description);
    }
    return snapshot;
}

/* ---- Criteria ---- */

static int8_t mode_named(const char *name)
{
    for (int8_t mode = 0; name != NULL && muv__read_mode_names[mode] != NULL; mode++) {
        if (strcasecmp(muv__read_mode_names[mode], name) == 0) {
            return mode;
        }
    }
    return MUV__READ_PRIMARY;
}

/* The library gives keys away as char *: they are never written to. */
static void add_tags(scene_t *scene, const bson_iter_t *tag_sets, char *keys)
{
    bson_iter_t sets;
    bson_iter_t tag;

    assert_true(bson_iter_recurse(tag_sets, &sets));
    while (bson_iter_next(&sets)) {
        assert_true(bson_iter_recurse(&sets, &tag));
        while (bson_iter_next(&tag)) {
            muv__read_tag_t *to = &scene->tags[scene->preference.tag_count];

            assert_true(scene->preference.tag_count++ < MAX_TAGS);
            to->key = keys;
            keys += snprintf(keys, 64, "%s", bson_iter_key(&tag)) + 1;
            to->value = bson_iter_utf8(&tag, NULL);
            to->set = scene->preference.set_count;
        }
        scene->preference.set_count++;
    }
    scene->preference.tags = scene->tags;
}

static void set_preference(scene_t *scene, const bson_t *doc, char *keys)
{
    bson_iter_t iter;

    scene->preference.mode = mode_named(json_spec_text(doc, "read_preference.mode"));
    if (json_spec_find(doc, "read_preference.tag_sets", &iter)) {
        add_tags(scene, &iter, keys);
    }
    scene->preference_rc = muv__read_pref_set_max_staleness(
        &scene->preference, json_spec_int(doc, "read_preference.maxStalenessSeconds", -1));
    scene->criteria.read_preference = &scene->preference;
}

static void set_deprioritized(scene_t *scene, const bson_t *doc)
{
    bson_iter_t list;
    bson_iter_t item;
    bson_t server;

    if (!json_spec_find(doc, "deprioritized_servers", &list) || !bson_iter_recurse(&list, &item)) {
        return;
    }
    while (bson_iter_next(&item)) {
        const muv__snapshot_entry_t *entry;

        assert_true(json_spec_child(&item, &server));
        entry = muv__topology_snapshot_find(scene->snapshot, json_spec_text(&server, "address"));
        assert_non_null(entry);
        scene->deprioritized[scene->criteria.deprioritized_count++] = entry->server;
    }
    scene->criteria.deprioritized = scene->deprioritized;
}

/* ---- Comparing ---- */

static bool contains(const scene_t *scene, const muv__server_set_t *set, const char *address)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (strcmp(scene->snapshot->servers[set->indexes[i]].server->address, address) == 0) {
            return true;
        }
    }
    return false;
}

static json_spec_result_t compare(const scene_t *scene, const muv__server_set_t *set,
                                  const json_spec_case_t *spec_case, const char *field)
{
    bson_iter_t list;
    bson_iter_t item;
    bson_t server;
    uint32_t count = 0;

    if (!json_spec_find(spec_case->doc, field, &list) || !bson_iter_recurse(&list, &item)) {
        return json_spec_fail(spec_case, "no field %s", field);
    }
    while (bson_iter_next(&item)) {
        assert_true(json_spec_child(&item, &server));
        if (!contains(scene, set, json_spec_text(&server, "address"))) {
            return json_spec_fail(spec_case, "%s: %s is missing", field,
                                  json_spec_text(&server, "address"));
        }
        count++;
    }
    return count == set->count
               ? JSON_SPEC_PASS
               : json_spec_fail(spec_case, "%s: %u servers, expected %u", field, set->count, count);
}

/* The call that operations make must agree with the sets. */
static json_spec_result_t compare_pick(const scene_t *scene, const muv__server_set_t *near,
                                       const json_spec_case_t *spec_case)
{
    for (uint64_t random = 1; random < 64; random++) {
        const muv__snapshot_entry_t *entry = NULL;

        assert_int_equal(muv__selection_pick(scene->snapshot, &scene->criteria,
                                             random * 0x9e3779b97f4a7c15U, &entry, NULL),
                         0);
        if (entry == NULL ? near->count != 0 : !contains(scene, near, entry->server->address)) {
            return json_spec_fail(spec_case, "picked %s",
                                  entry == NULL ? "nothing" : entry->server->address);
        }
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t compare_selection(scene_t *scene, const json_spec_case_t *spec_case)
{
    bool wants_error = json_spec_bool(spec_case->doc, "error", false);
    muv__server_set_t set;
    json_spec_result_t result;
    int rc = scene->preference_rc;

    if (rc == 0) {
        rc = muv__selection_suitable(scene->snapshot, &scene->criteria, &set, NULL);
    }
    if (wants_error || rc != 0) {
        return wants_error && rc == MUV_EINVAL ? JSON_SPEC_PASS
                                               : json_spec_fail(spec_case, "code %d", rc);
    }
    result = compare(scene, &set, spec_case, "suitable_servers");
    if (result == JSON_SPEC_PASS) {
        muv__selection_near(scene->snapshot, scene->criteria.local_threshold_us, &set);
        result = compare(scene, &set, spec_case, "in_latency_window");
    }
    return result == JSON_SPEC_PASS ? compare_pick(scene, &set, spec_case) : result;
}

static void init_scene(scene_t *scene, const bson_t *doc, char *keys)
{
    const char *operation = json_spec_text(doc, "operation");

    memset(scene, 0, sizeof *scene);
    scene->snapshot = make_snapshot(doc);
    scene->criteria.local_threshold_us = MUV__DEFAULT_LOCAL_THRESHOLD_US;
    scene->criteria.heartbeat_interval_us =
        json_spec_int(doc, "heartbeatFrequencyMS", 10000) * 1000;
    scene->criteria.write = operation != NULL && strcmp(operation, "write") == 0;
    set_preference(scene, doc, keys);
    set_deprioritized(scene, doc);
}

static json_spec_result_t run_selection(const json_spec_case_t *spec_case, void *data)
{
    char keys[MAX_TAGS * 64];
    scene_t scene;
    json_spec_result_t result;

    (void)data;
    init_scene(&scene, spec_case->doc, keys);
    result = compare_selection(&scene, spec_case);
    muv__topology_snapshot_release(scene.snapshot);
    return result;
}

/* ---- Frequencies ---- */

/* xorshift64*: the same numbers in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1dU;
}

static void set_operation_counts(const scene_t *scene, const bson_t *doc)
{
    bson_iter_t list;
    bson_iter_t item;
    bson_t state;

    assert_true(json_spec_find(doc, "mocked_topology_state", &list));
    assert_true(bson_iter_recurse(&list, &item));
    while (bson_iter_next(&item)) {
        assert_true(json_spec_child(&item, &state));
        muv__topology_snapshot_find(scene->snapshot, json_spec_text(&state, "address"))
            ->server->operation_count = (uint32_t)json_spec_int(&state, "operation_count", 0);
    }
}

static json_spec_result_t compare_frequencies(const scene_t *scene, const unsigned *counts,
                                              const json_spec_case_t *spec_case)
{
    double iterations = (double)json_spec_int(spec_case->doc, "iterations", 0);
    bson_iter_t iter;
    bson_iter_t item;

    assert_true(json_spec_find(spec_case->doc, "outcome.tolerance", &iter));
    double tolerance = bson_iter_as_double(&iter);
    assert_true(json_spec_find(spec_case->doc, "outcome.expected_frequencies", &iter));
    assert_true(bson_iter_recurse(&iter, &item));
    while (bson_iter_next(&item)) {
        const muv__snapshot_entry_t *entry =
            muv__topology_snapshot_find(scene->snapshot, bson_iter_key(&item));
        double expected = bson_iter_as_double(&item);
        double actual = counts[entry - scene->snapshot->servers] / iterations;
        /* (In-window tests: 0 and 1 are exact.) */
        double allowed = expected <= 0.0 || expected >= 1.0 ? 0.0 : tolerance;

        if (actual - expected > allowed || expected - actual > allowed) {
            return json_spec_fail(spec_case, "%s: %.3f, expected %.3f", bson_iter_key(&item),
                                  actual, expected);
        }
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t run_frequencies(const json_spec_case_t *spec_case, void *data)
{
    char keys[MAX_TAGS * 64];
    unsigned counts[MAX_SERVERS] = {0};
    uint64_t seed = 42;
    scene_t scene;
    json_spec_result_t result;

    (void)data;
    init_scene(&scene, spec_case->doc, keys);
    scene.preference.mode = MUV__READ_NEAREST;
    set_operation_counts(&scene, spec_case->doc);
    for (int64_t i = json_spec_int(spec_case->doc, "iterations", 0); i > 0; i--) {
        const muv__snapshot_entry_t *entry = NULL;

        assert_int_equal(
            muv__selection_pick(scene.snapshot, &scene.criteria, next_random(&seed), &entry, NULL),
            0);
        counts[entry - scene.snapshot->servers]++;
    }
    result = compare_frequencies(&scene, counts, spec_case);
    muv__topology_snapshot_release(scene.snapshot);
    return result;
}

/* ---- Round trip times ---- */

static int64_t microseconds(const bson_iter_t *milliseconds)
{
    return (int64_t)(bson_iter_as_double(milliseconds) * 1000 + 0.5);
}

static json_spec_result_t run_rtt(const json_spec_case_t *spec_case, void *data)
{
    muv__rtt_t rtt = {.average_us = 0};
    bson_iter_t before;
    bson_iter_t sample;
    bson_iter_t after;

    (void)data;
    assert_true(json_spec_find(spec_case->doc, "avg_rtt_ms", &before));
    assert_true(json_spec_find(spec_case->doc, "new_rtt_ms", &sample));
    assert_true(json_spec_find(spec_case->doc, "new_avg_rtt", &after));
    if (!BSON_ITER_HOLDS_UTF8(&before)) {
        muv__rtt_add(&rtt, microseconds(&before));
    }
    muv__rtt_add(&rtt, microseconds(&sample));
    return rtt.average_us == microseconds(&after)
               ? JSON_SPEC_PASS
               : json_spec_fail(spec_case, "average %lld us", (long long)rtt.average_us);
}

static json_spec_result_t leave_out(const json_spec_case_t *spec_case, void *data)
{
    (void)data;
    return json_spec_skip(spec_case, "unified format, later issue");
}

/* ---- Folders ---- */

static void run_folders(const char *const *folders, json_spec_case_fn run)
{
    for (; *folders != NULL; folders++) {
        json_spec_tally_t tally = {0, 0, 0, 0, 0};

        json_spec_run_files(*folders, run, NULL, &tally);
        assert_int_equal(tally.failed, 0);
        assert_true(tally.passed > 0);
    }
}

#define SELECTION "server-selection/tests/server_selection/"
#define STALENESS "max-staleness/tests/"

static void server_selection(void **state)
{
    static const char *const folders[] = {SELECTION "LoadBalanced/read",
                                          SELECTION "LoadBalanced/write",
                                          SELECTION "ReplicaSetNoPrimary/read",
                                          SELECTION "ReplicaSetNoPrimary/write",
                                          SELECTION "ReplicaSetWithPrimary/read",
                                          SELECTION "ReplicaSetWithPrimary/write",
                                          SELECTION "Sharded/read",
                                          SELECTION "Sharded/write",
                                          SELECTION "Single/read",
                                          SELECTION "Single/write",
                                          SELECTION "Unknown/read",
                                          SELECTION "Unknown/write",
                                          NULL};

    (void)state;
    run_folders(folders, run_selection);
}

static void max_staleness(void **state)
{
    static const char *const folders[] = {STALENESS "ReplicaSetNoPrimary",
                                          STALENESS "ReplicaSetWithPrimary",
                                          STALENESS "Sharded",
                                          STALENESS "Single",
                                          STALENESS "Unknown",
                                          NULL};

    (void)state;
    run_folders(folders, run_selection);
}

static void in_window(void **state)
{
    static const char *const folders[] = {"server-selection/tests/in_window", NULL};

    (void)state;
    run_folders(folders, run_frequencies);
}

static void round_trip_times(void **state)
{
    static const char *const folders[] = {"server-selection/tests/rtt", NULL};

    (void)state;
    run_folders(folders, run_rtt);
}

static void logging_files_are_left_out(void **state)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};

    (void)state;
    json_spec_run_files("server-selection/tests/logging", leave_out, NULL, &tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.skipped, tally.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_selection),
        cmocka_unit_test(max_staleness),
        cmocka_unit_test(in_window),
        cmocka_unit_test(round_trip_times),
        cmocka_unit_test(logging_files_are_left_out),
    };

    if (!json_spec_available("server-selection/tests")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
