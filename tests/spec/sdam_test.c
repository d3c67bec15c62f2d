/* SPDX-License-Identifier: Apache-2.0 */
/* The official files of Server Discovery and Monitoring against src/topology/: phases of replies
 * and application errors in, description and pool generations out; the monitoring files compare
 * events. The unified files need a whole client and are named as left out. */
#include "support/check.h"

#include "spec/json_spec.h"
#include "topology/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POOLS 64
#define TEXT_SIZE 65536

/* Files that do not pass yet, and why. An entry that passes is an error too. */
typedef struct known_open {
    const char *file;
    const char *reason;
} known_open_t;

static const known_open_t known_open[] = {{NULL, NULL}};

typedef struct run {
    muv__topology_t topology;
    uint32_t generations[MAX_POOLS]; /* By server id. */
    char events[TEXT_SIZE];
    size_t events_size;
} run_t;

/* ---- Text of events, from the machine and from the file ---- */

static void put(run_t *run, const char *format, ...) MUV__PRINTF(2, 3);

static void put(run_t *run, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length =
        vsnprintf(run->events + run->events_size, TEXT_SIZE - run->events_size, format, arguments);
    va_end(arguments);
    run->events_size += (size_t)length;
    assert_true(run->events_size < TEXT_SIZE);
}

/* A server that is not known has no list at all: `hosts` may be NULL then. */
static void put_hosts(run_t *run, const char *name, const char *const *hosts, unsigned first,
                      unsigned count)
{
    put(run, " %s=", name);
    for (unsigned i = 0; i < count; i++) {
        put(run, "%s%s", i == 0 ? "" : ",", hosts[first + i]);
    }
}

static void put_description(run_t *run, const char *address,
                            const muv__server_description_t *server)
{
    put(run, "[%s %s", address, muv__server_type_name((muv__server_type_t)server->type));
    put_hosts(run, "hosts", server->hosts, 0, server->host_count);
    put_hosts(run, "passives", server->hosts, server->host_count, server->passive_count);
    put_hosts(run, "arbiters", server->hosts, (unsigned)server->host_count + server->passive_count,
              server->arbiter_count);
    put(run, " primary=%s setName=%s]", server->primary == NULL ? "" : server->primary,
        server->set_name == NULL ? "" : server->set_name);
}

static void put_snapshot(run_t *run, const muv__topology_snapshot_t *snapshot)
{
    put(run, " %s(%s)", muv__topology_type_name((muv__topology_type_t)snapshot->type),
        snapshot->set_name == NULL ? "" : snapshot->set_name);
    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        put_description(run, snapshot->servers[i].server->address,
                        snapshot->servers[i].description);
    }
}

static void record(const muv__topology_event_t *event, void *data)
{
    static const char *const names[] = {
        "topology_opening_event", "topology_description_changed_event", "topology_closed_event",
        "server_opening_event",   "server_description_changed_event",   "server_closed_event"};
    run_t *run = data;

    put(run, "%s", names[event->type]);
    if (event->server != NULL) {
        put(run, " %s", event->server->address);
    }
    if (event->previous != NULL) {
        put_description(run, event->server->address, event->previous);
        put_description(run, event->server->address, event->description);
    }
    if (event->snapshot != NULL) {
        put_snapshot(run, event->previous_snapshot);
        put_snapshot(run, event->snapshot);
    }
    put(run, "\n");
}

static void put_expected_list(run_t *run, const bson_t *server, const char *name)
{
    bson_iter_t list;
    bson_iter_t item;

    put(run, " %s=", name);
    if (json_spec_find(server, name, &list) && bson_iter_recurse(&list, &item)) {
        for (int i = 0; bson_iter_next(&item); i++) {
            put(run, "%s%s", i == 0 ? "" : ",", bson_iter_utf8(&item, NULL));
        }
    }
}

static const char *text_or_empty(const bson_t *doc, const char *name)
{
    const char *text = json_spec_text(doc, name);

    return text == NULL ? "" : text;
}

static void put_expected_server(run_t *run, const bson_t *server)
{
    put(run, "[%s %s", text_or_empty(server, "address"), text_or_empty(server, "type"));
    put_expected_list(run, server, "hosts");
    put_expected_list(run, server, "passives");
    put_expected_list(run, server, "arbiters");
    put(run, " primary=%s setName=%s]", text_or_empty(server, "primary"),
        text_or_empty(server, "setName"));
}

static void put_expected_half(run_t *run, const bson_t *body, const char *name)
{
    bson_iter_t iter;
    bson_iter_t list;
    bson_iter_t item;
    bson_t half;
    bson_t server;

    if (!json_spec_find(body, name, &iter) || !json_spec_child(&iter, &half)) {
        return;
    }
    if (json_spec_text(&half, "topologyType") == NULL) {
        put_expected_server(run, &half);
        return;
    }
    put(run, " %s(%s)", json_spec_text(&half, "topologyType"), text_or_empty(&half, "setName"));
    if (json_spec_find(&half, "servers", &list) && bson_iter_recurse(&list, &item)) {
        while (bson_iter_next(&item) && json_spec_child(&item, &server)) {
            put_expected_server(run, &server);
        }
    }
}

static void put_expected_events(run_t *run, const bson_iter_t *events)
{
    bson_iter_t item;
    bson_iter_t event;
    bson_t wrapper;
    bson_t body;

    assert_true(bson_iter_recurse(events, &item));
    while (bson_iter_next(&item)) {
        assert_true(json_spec_child(&item, &wrapper));
        assert_true(bson_iter_init(&event, &wrapper) && bson_iter_next(&event));
        assert_true(json_spec_child(&event, &body));
        put(run, "%s", bson_iter_key(&event));
        if (json_spec_text(&body, "address") != NULL) {
            put(run, " %s", json_spec_text(&body, "address"));
        }
        put_expected_half(run, &body, "previousDescription");
        put_expected_half(run, &body, "newDescription");
        put(run, "\n");
    }
}

/* ---- The machine under test ---- */

static bool option_is(const char *options, const char *name, const char *value)
{
    const char *at = strstr(options, name);
    size_t length = strlen(name);

    return at != NULL && at[length] == '=' && strncmp(at + length + 1, value, strlen(value)) == 0;
}

/* The URIs of these files have a host list and three options. */
static bool start(run_t *run, const char *uri)
{
    muv__host_t seeds[8];
    muv__topology_config_t config = {.seeds = seeds, .emit = record, .emit_data = run};
    char set_name[64] = "";
    const char *at = uri + strlen("mongodb://");
    const char *end = at + strcspn(at, "/?");
    const char *set = strstr(end, "replicaSet=");
    unsigned effects;

    while (at < end && config.seed_count < 8) {
        size_t length = strcspn(at, ",/?");

        if (muv__host_parse(at, length, &seeds[config.seed_count++]) != 0) {
            return false;
        }
        at += length + 1;
    }
    if (set != NULL) {
        (void)snprintf(set_name, sizeof set_name, "%.*s", (int)strcspn(set + 11, "&"), set + 11);
        config.set_name = set_name;
    }
    config.direct = option_is(end, "directConnection", "true");
    config.load_balanced = option_is(end, "loadBalanced", "true");
    return muv__topology_init(&run->topology, &config, 0) == 0 &&
           muv__topology_start(&run->topology, 0, &effects) == 0;
}

static void settle(run_t *run)
{
    muv__topology_server_t *server;
    unsigned effects;

    while ((server = muv__topology_next_effect(&run->topology, &effects)) != NULL) {
        assert_true(server->id < MAX_POOLS);
        run->generations[server->id] += (effects & MUV__SERVER_DO_CLEAR) != 0;
    }
}

static muv__topology_server_t *server_at(run_t *run, const char *address)
{
    muv__host_t host;
    char text[MUV__HOST_TEXT_SIZE];
    const muv__snapshot_entry_t *entry;

    assert_int_equal(muv__host_parse(address, strlen(address), &host), 0);
    (void)muv__host_format(&host, text);
    entry = muv__topology_snapshot_find(run->topology.snapshot, text);
    return entry == NULL ? NULL : entry->server;
}

static void respond(run_t *run, const char *address, const bson_t *reply)
{
    muv__topology_server_t *server = server_at(run, address);
    muv__server_description_t *description;
    unsigned effects;

    if (server == NULL) {
        return;
    }
    if (bson_empty(reply)) {
        assert_int_equal(muv__server_description_unknown(MUV_ENETWORK, "connection closed", NULL, 0,
                                                         &description),
                         0);
    } else {
        assert_int_equal(
            muv__server_description_parse(bson_get_data(reply), reply->len, 0, &description), 0);
    }
    assert_int_equal(muv__topology_on_check(&run->topology, server, description, 1000, &effects),
                     0);
    muv__server_description_release(description);
    settle(run);
}

static void run_responses(run_t *run, const bson_t *phase)
{
    bson_iter_t list;
    bson_iter_t item;
    bson_iter_t pair;
    const char *address;
    bson_t reply;

    if (!json_spec_find(phase, "responses", &list) || !bson_iter_recurse(&list, &item)) {
        return;
    }
    while (bson_iter_next(&item)) {
        assert_true(bson_iter_recurse(&item, &pair) && bson_iter_next(&pair));
        address = bson_iter_utf8(&pair, NULL);
        assert_true(bson_iter_next(&pair) && json_spec_child(&pair, &reply));
        respond(run, address, &reply);
    }
}

static void fail_operation(run_t *run, const bson_t *application_error)
{
    muv__topology_server_t *server = server_at(run, json_spec_text(application_error, "address"));
    const char *type = json_spec_text(application_error, "type");
    muv_error_t error = {.message = "application error"};
    muv__topology_failure_t failure = {.error = &error};
    bson_iter_t iter;
    bson_t reply;
    unsigned effects;

    assert_non_null(server);
    failure.pool_generation = run->generations[server->id];
    failure.generation =
        (uint32_t)json_spec_int(application_error, "generation", (int64_t)failure.pool_generation);
    failure.handshaken =
        strcmp(json_spec_text(application_error, "when"), "afterHandshakeCompletes") == 0;
    error.code = strcmp(type, "network") == 0   ? MUV_ENETWORK
                 : strcmp(type, "timeout") == 0 ? MUV_ENETTIMEOUT
                                                : MUV_ESERVER;
    /* (CMAP: network errors while connecting carry the label.) */
    if (!failure.handshaken && error.code != MUV_ESERVER) {
        error.labels = MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE;
    }
    if (json_spec_find(application_error, "response", &iter) && json_spec_child(&iter, &reply)) {
        error.reply = bson_get_data(&reply);
        error.reply_size = reply.len;
    }
    assert_int_equal(muv__topology_on_failure(&run->topology, server, &failure, 0, &effects), 0);
    settle(run);
}

static void run_application_errors(run_t *run, const bson_t *phase)
{
    bson_iter_t list;
    bson_iter_t item;
    bson_t application_error;

    if (!json_spec_find(phase, "applicationErrors", &list) || !bson_iter_recurse(&list, &item)) {
        return;
    }
    while (bson_iter_next(&item)) {
        assert_true(json_spec_child(&item, &application_error));
        fail_operation(run, &application_error);
    }
}

/* ---- Outcomes ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* An ObjectId field that may be null; `present` and `bytes` are ours. */
static bool same_oid(const bson_t *doc, const char *path, bool present, const uint8_t *bytes)
{
    bson_iter_t iter;

    if (!json_spec_find(doc, path, &iter)) {
        return !present;
    }
    return present && memcmp(bson_iter_oid(&iter)->bytes, bytes, 12) == 0;
}

static bool same_number(const bson_t *doc, const char *name, bool present, int64_t number)
{
    bson_iter_t iter;

    return json_spec_find(doc, name, &iter) ? present && bson_iter_as_int64(&iter) == number
                                            : !present;
}

static const char *compare_server(run_t *run, const bson_t *expected,
                                  const muv__snapshot_entry_t *entry)
{
    const muv__server_description_t *is = entry->description;
    const char *error = json_spec_text(expected, "error");
    const muv__topology_version_t *version = &is->topology_version;

    if (!same_text(json_spec_text(expected, "type"),
                   muv__server_type_name((muv__server_type_t)is->type))) {
        return "type";
    }
    if (bson_has_field(expected, "setName") &&
        !same_text(json_spec_text(expected, "setName"), is->set_name)) {
        return "setName";
    }
    if (bson_has_field(expected, "setVersion") &&
        !same_number(expected, "setVersion", is->has_set_version, is->set_version)) {
        return "setVersion";
    }
    if (bson_has_field(expected, "electionId") &&
        !same_oid(expected, "electionId", is->has_election_id, is->election_id)) {
        return "electionId";
    }
    if (bson_has_field(expected, "topologyVersion") &&
        (!same_oid(expected, "topologyVersion.processId", version->present, version->process_id) ||
         json_spec_int(expected, "topologyVersion.counter", 0) != version->counter)) {
        return "topologyVersion";
    }
    if (bson_has_field(expected, "logicalSessionTimeoutMinutes") &&
        json_spec_int(expected, "logicalSessionTimeoutMinutes", -1) !=
            is->session_timeout_minutes) {
        return "logicalSessionTimeoutMinutes";
    }
    if ((bson_has_field(expected, "minWireVersion") &&
         json_spec_int(expected, "minWireVersion", 0) != is->min_wire_version) ||
        (bson_has_field(expected, "maxWireVersion") &&
         json_spec_int(expected, "maxWireVersion", 0) != is->max_wire_version)) {
        return "wire version";
    }
    if (error != NULL && (is->error_text == NULL || strstr(is->error_text, error) == NULL)) {
        return "error";
    }
    if (json_spec_int(expected, "pool.generation", run->generations[entry->server->id]) !=
        run->generations[entry->server->id]) {
        return "pool.generation";
    }
    return NULL;
}

static json_spec_result_t compare_servers(run_t *run, const json_spec_case_t *spec_case,
                                          const bson_t *outcome)
{
    const muv__topology_snapshot_t *snapshot = run->topology.snapshot;
    bson_iter_t servers;
    bson_iter_t item;
    uint32_t count = 0;

    assert_true(json_spec_find(outcome, "servers", &servers));
    assert_true(bson_iter_recurse(&servers, &item));
    while (bson_iter_next(&item)) {
        const char *address = bson_iter_key(&item);
        const muv__snapshot_entry_t *entry = muv__topology_snapshot_find(snapshot, address);
        const char *difference;
        bson_t expected;

        count++;
        if (entry == NULL) {
            return json_spec_fail(spec_case, "no server %s", address);
        }
        assert_true(json_spec_child(&item, &expected));
        difference = compare_server(run, &expected, entry);
        if (difference != NULL) {
            return json_spec_fail(spec_case, "%s of %s differs from %s", difference, address,
                                  json_spec_json(&expected));
        }
    }
    return count == snapshot->server_count ? JSON_SPEC_PASS
                                           : json_spec_fail(spec_case, "%u servers, expected %u",
                                                            snapshot->server_count, count);
}

static json_spec_result_t compare_topology(run_t *run, const json_spec_case_t *spec_case,
                                           const bson_t *outcome)
{
    const muv__topology_snapshot_t *snapshot = run->topology.snapshot;
    const char *type = muv__topology_type_name((muv__topology_type_t)snapshot->type);

    if (!same_text(json_spec_text(outcome, "topologyType"), type)) {
        return json_spec_fail(spec_case, "topologyType is %s", type);
    }
    if (!same_text(json_spec_text(outcome, "setName"), snapshot->set_name)) {
        return json_spec_fail(spec_case, "setName differs");
    }
    if (bson_has_field(outcome, "logicalSessionTimeoutMinutes") &&
        json_spec_int(outcome, "logicalSessionTimeoutMinutes", -1) !=
            snapshot->session_timeout_minutes) {
        return json_spec_fail(spec_case, "logicalSessionTimeoutMinutes is %d",
                              (int)snapshot->session_timeout_minutes);
    }
    if (bson_has_field(outcome, "compatible") &&
        json_spec_bool(outcome, "compatible", true) != (snapshot->incompatible_index < 0)) {
        return json_spec_fail(spec_case, "compatible differs");
    }
    if (bson_has_field(outcome, "maxSetVersion") &&
        !same_number(outcome, "maxSetVersion", snapshot->has_max_set_version,
                     snapshot->max_set_version)) {
        return json_spec_fail(spec_case, "maxSetVersion differs");
    }
    if (bson_has_field(outcome, "maxElectionId") &&
        !same_oid(outcome, "maxElectionId", snapshot->has_max_election_id,
                  snapshot->max_election_id)) {
        return json_spec_fail(spec_case, "maxElectionId differs");
    }
    return compare_servers(run, spec_case, outcome);
}

static json_spec_result_t compare_events(run_t *run, const json_spec_case_t *spec_case,
                                         const bson_iter_t *events)
{
    run_t *expected = calloc(1, sizeof *expected);
    json_spec_result_t result = JSON_SPEC_PASS;

    assert_non_null(expected);
    put_expected_events(expected, events);
    if (strcmp(expected->events, run->events) != 0) {
        result =
            json_spec_fail(spec_case, "events\n%s  expected\n%s", run->events, expected->events);
    }
    run->events_size = 0;
    run->events[0] = '\0';
    free(expected);
    return result;
}

static json_spec_result_t run_phase(run_t *run, const json_spec_case_t *spec_case,
                                    const bson_t *phase)
{
    bson_iter_t iter;
    bson_iter_t events;
    bson_t outcome;

    run_responses(run, phase);
    run_application_errors(run, phase);
    assert_true(json_spec_find(phase, "outcome", &iter) && json_spec_child(&iter, &outcome));
    if (json_spec_find(&outcome, "events", &events)) {
        return compare_events(run, spec_case, &events);
    }
    return compare_topology(run, spec_case, &outcome);
}

static json_spec_result_t run_phases(const json_spec_case_t *spec_case, unsigned *phase_count)
{
    run_t *run = calloc(1, sizeof *run);
    json_spec_result_t result = JSON_SPEC_PASS;
    bson_iter_t list;
    bson_iter_t item;
    bson_t phase;

    assert_non_null(run);
    assert_true(start(run, json_spec_text(spec_case->doc, "uri")));
    settle(run);
    assert_true(json_spec_find(spec_case->doc, "phases", &list));
    assert_true(bson_iter_recurse(&list, &item));
    while (result == JSON_SPEC_PASS && bson_iter_next(&item)) {
        assert_true(json_spec_child(&item, &phase));
        result = run_phase(run, spec_case, &phase);
        ++*phase_count;
    }
    (void)muv__topology_close(&run->topology);
    settle(run);
    muv__topology_done(&run->topology);
    free(run);
    return result;
}

static json_spec_result_t run_case(const json_spec_case_t *spec_case, void *data)
{
    json_spec_result_t result = run_phases(spec_case, data);

    for (const known_open_t *open = known_open; open->file != NULL; open++) {
        if (strcmp(open->file, spec_case->file) == 0) {
            return result == JSON_SPEC_FAIL ? json_spec_skip(spec_case, open->reason)
                                            : json_spec_fail(spec_case, "listed as open, passes");
        }
    }
    return result;
}

static json_spec_result_t leave_out(const json_spec_case_t *spec_case, void *data)
{
    (void)data;
    return json_spec_skip(spec_case, "unified format, later issue");
}

static void run_folder(const char *folder)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};
    unsigned phases = 0;

    json_spec_run_files(folder, run_case, &phases, &tally);
    (void)printf("%s: %u files, %u phases\n", folder, tally.files, phases);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 0);
}

#define ROOT "server-discovery-and-monitoring/tests/"

static void single(void **state)
{
    (void)state;
    run_folder(ROOT "single");
}

static void replica_set(void **state)
{
    (void)state;
    run_folder(ROOT "rs");
}

static void sharded(void **state)
{
    (void)state;
    run_folder(ROOT "sharded");
}

static void errors(void **state)
{
    (void)state;
    run_folder(ROOT "errors");
}

static void load_balanced(void **state)
{
    (void)state;
    run_folder(ROOT "load-balanced");
}

static void monitoring(void **state)
{
    (void)state;
    run_folder(ROOT "monitoring");
}

static void unified_files_are_left_out(void **state)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};

    (void)state;
    json_spec_run_files(ROOT "unified", leave_out, NULL, &tally);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.skipped, tally.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single),
        cmocka_unit_test(replica_set),
        cmocka_unit_test(sharded),
        cmocka_unit_test(errors),
        cmocka_unit_test(load_balanced),
        cmocka_unit_test(monitoring),
        cmocka_unit_test(unified_files_are_left_out),
    };

    if (!json_spec_available(ROOT)) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
