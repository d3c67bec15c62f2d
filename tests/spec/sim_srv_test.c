/* SPDX-License-Identifier: Apache-2.0 */
/* Adapter of the specification initial-dns-seedlist-discovery: a whole client in virtual time, with
 * the records and the deployments that the files' README asks for.
 *
 * Two things are left to later: the client runs with tls=false (`ssl` is checked in the string as
 * it stands), and without the user info (checked in the string, too), as this version knows neither
 * TLS nor login. */
#include "client/client_inner.h"
#include "sim/net_sim.h"
#include "spec/json_spec.h"
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#define FAIL(...) json_spec_fail(spec_case, __VA_ARGS__)

#define DOMAIN "test.build.10gen.cc"
#define LOCAL "localhost." DOMAIN
#define TTL_S 86400
#define DELAY_US 2000

/* Service, name, targets. There is no test4 on purpose, and no test9. */
static const char *const srv_records[][3] = {
    {"mongodb", "test1." DOMAIN, LOCAL ".:27017 " LOCAL ".:27018"},
    {"mongodb", "test2." DOMAIN, LOCAL ".:27018 " LOCAL ".:27019"},
    {"mongodb", "test3." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test5." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test6." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test7." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test8." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test10." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test11." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test12." DOMAIN, "localhost.build.10gen.cc.:27017"},
    {"mongodb", "test13." DOMAIN, "test.build.10gen.cc.:27017"},
    {"mongodb", "test14." DOMAIN, "localhost.not-test.build.10gen.cc.:27017"},
    {"mongodb", "test15." DOMAIN, "localhost.test.not-build.10gen.cc.:27017"},
    {"mongodb", "test16." DOMAIN, "localhost.test.build.not-10gen.cc.:27017"},
    {"mongodb", "test17." DOMAIN, "localhost.test.build.10gen.not-cc.:27017"},
    {"mongodb", "test18." DOMAIN, "localhost.sub." DOMAIN ".:27017"},
    {"mongodb", "test19." DOMAIN, "localhost.evil.build.10gen.cc.:27017 " LOCAL ".:27017"},
    {"mongodb", "test20." DOMAIN, LOCAL ".:27017"},
    {"mongodb", "test21." DOMAIN, LOCAL ".:27017"},
    {"customname", "test22." DOMAIN, LOCAL ".:27017 " LOCAL ".:27018"},
    {"mongodb", "test23." DOMAIN, LOCAL ".:8000"},
    {"mongodb", "test24." DOMAIN, LOCAL ".:8000"},
    {"mongodb", "build.10gen.cc", "build.10gen.cc.:27017"},
    {"mongodb", DOMAIN, DOMAIN ".:27017"},
};

static const char *const txt_records[][2] = {
    {"test5." DOMAIN, "replicaSet=repl0&authSource=thisDB"},
    {"test6." DOMAIN, "replicaSet=repl0\nauthSource=otherDB"},
    {"test7." DOMAIN, "ssl=false"},
    {"test8." DOMAIN, "authSource"},
    {"test10." DOMAIN, "socketTimeoutMS=500"},
    {"test11." DOMAIN, "replicaSet=repl0"}, /* In three strings: tests/unit/net. */
    {"test20." DOMAIN, "loadBalanced=true"},
    {"test21." DOMAIN, "loadBalanced=false"},
    {"test24." DOMAIN, "loadBalanced=true"},
};

/* How often each kind of expectation was checked. */
static struct {
    unsigned seeds, num_seeds, hosts, num_hosts, options, parsed_options, errors, pings;
} checked;

/* --- the world ---------------------------------------------------------------------------------*/

static void add_records(sim_world_t *world)
{
    char name[128];

    for (size_t i = 0; i < sizeof srv_records / sizeof *srv_records; i++) {
        (void)snprintf(name, sizeof name, "_%s._tcp.%s", srv_records[i][0], srv_records[i][1]);
        sim_srv(world, name, srv_records[i][2], TTL_S, DELAY_US);
    }
    for (size_t i = 0; i < sizeof txt_records / sizeof *txt_records; i++) {
        sim_txt(world, txt_records[i][0], txt_records[i][1], DELAY_US);
    }
    sim_name(world, "localhost", "127.0.0.1", DELAY_US);
    sim_name(world, LOCAL, "127.0.0.1", DELAY_US);
    sim_name(world, "localhost.sub." DOMAIN, "127.0.0.1", DELAY_US);
}

static void add_server(sim_world_t *world, uint16_t port, const char *hello)
{
    sim_on(sim_server(world, "127.0.0.1", port), "hello", &(sim_step_t){.json = hello});
}

static void add_replica_set(sim_world_t *world)
{
#define MEMBER(role)                                                                               \
    "{'ok': 1, " role ", 'setName': 'repl0', 'maxWireVersion': 21, "                               \
    "'hosts': ['localhost:27017', 'localhost:27018', 'localhost:27019']}"

    add_server(world, 27017, MEMBER("'isWritablePrimary': true"));
    add_server(world, 27018, MEMBER("'secondary': true"));
    add_server(world, 27019, MEMBER("'secondary': true"));
}

static void add_deployment(sim_world_t *world, const char *folder)
{
    static const char mongos[] =
        "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', 'maxWireVersion': 21}";

    if (strstr(folder, "replica-set") != NULL) {
        add_replica_set(world);
    } else if (strstr(folder, "sharded") != NULL) {
        add_server(world, 27017, mongos);
        add_server(world, 27018, mongos);
    } else {
        add_server(world, 8000,
                   "{'ok': 1, 'isWritablePrimary': true, 'msg': 'isdbgrid', 'maxWireVersion': 21, "
                   "'serviceId': {'$oid': '000000000000000000000001'}}");
    }
}

/* --- the string --------------------------------------------------------------------------------*/

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static json_spec_result_t check_parsed_option(const json_spec_case_t *spec_case,
                                              const muv__uri_t *uri, const bson_iter_t *want)
{
    const struct {
        const char *key;
        const char *value;
    } parsed[] = {{"user", uri->username},
                  {"password", uri->password},
                  {"db", uri->database},
                  {"defaultDatabase", uri->database},
                  {"auth_database", uri->database}};

    for (size_t i = 0; i < sizeof parsed / sizeof *parsed; i++) {
        if (strcmp(parsed[i].key, bson_iter_key(want)) == 0) {
            checked.parsed_options++;
            return same_text(parsed[i].value, bson_iter_utf8(want, NULL))
                       ? JSON_SPEC_PASS
                       : FAIL("%s", parsed[i].key);
        }
    }
    return FAIL("unknown parsed option %s", bson_iter_key(want));
}

/* What the string says before any look-up. */
static json_spec_result_t check_string(const json_spec_case_t *spec_case, const muv__uri_t *uri)
{
    bson_iter_t parsed;
    bson_iter_t item;

    if (json_spec_find(spec_case->doc, "options.ssl", &item) &&
        bson_iter_as_bool(&item) != (uri->options.tls != 0)) {
        return FAIL("ssl");
    }
    if (json_spec_find(spec_case->doc, "parsed_options", &parsed) &&
        bson_iter_recurse(&parsed, &item)) {
        while (bson_iter_next(&item)) {
            if (check_parsed_option(spec_case, uri, &item) != JSON_SPEC_PASS) {
                return JSON_SPEC_FAIL;
            }
        }
    }
    return JSON_SPEC_PASS;
}

/* --- the client --------------------------------------------------------------------------------*/

/* The string without user info, with tls=false. */
static void make_client_uri(const char *text, char *ret, size_t size)
{
    const char *user_end = strchr(text, '@');
    const char *rest = user_end == NULL ? text + strlen("mongodb+srv://") : user_end + 1;
    const char *end = strchr(rest, '?') != NULL ? "&" : strchr(rest, '/') != NULL ? "?" : "/?";

    (void)snprintf(ret, size, "mongodb+srv://%s%stls=false", rest, end);
}

typedef struct ping {
    unsigned ended;
    muv_error_t error;
} ping_t;

static void on_ping(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data)
{
    ping_t *ping = data;

    (void)op;
    (void)reply;
    ping->ended++;
    if (error != NULL) {
        ping->error = *error;
    }
}

static json_spec_result_t check_option(const json_spec_case_t *spec_case,
                                       const muv__options_t *options, const bson_iter_t *want)
{
    const char *key = bson_iter_key(want);
    bool good;

    if (strcmp(key, "ssl") == 0) {
        good = true; /* See check_string(). */
    } else if (strcmp(key, "replicaSet") == 0) {
        good = same_text(options->replica_set, bson_iter_utf8(want, NULL));
    } else if (strcmp(key, "authSource") == 0) {
        good = same_text(options->auth_source, bson_iter_utf8(want, NULL));
    } else if (strcmp(key, "srvServiceName") == 0) {
        good = same_text(options->srv_service_name, bson_iter_utf8(want, NULL));
    } else if (strcmp(key, "loadBalanced") == 0) {
        good = (options->load_balanced != 0) == bson_iter_as_bool(want);
    } else if (strcmp(key, "directConnection") == 0) {
        good = (options->direct_connection != 0) == bson_iter_as_bool(want);
    } else if (strcmp(key, "srvMaxHosts") == 0) {
        good = options->srv_max_hosts == bson_iter_as_int64(want);
    } else {
        return FAIL("unknown option %s", key);
    }
    checked.options++;
    return good ? JSON_SPEC_PASS : FAIL("option %s", key);
}

static json_spec_result_t check_options(const json_spec_case_t *spec_case,
                                        const muv__options_t *options)
{
    bson_iter_t want;
    bson_iter_t item;

    if (json_spec_find(spec_case->doc, "options", &want) && bson_iter_recurse(&want, &item)) {
        while (bson_iter_next(&item)) {
            if (check_option(spec_case, options, &item) != JSON_SPEC_PASS) {
                return JSON_SPEC_FAIL;
            }
        }
    }
    return JSON_SPEC_PASS;
}

/* The seeds are the hosts of the uri behind the look-up. */
static bool is_seed(const muv_client_t *client, const char *address)
{
    char text[MUV__HOST_TEXT_SIZE];

    for (size_t i = 0; i < client->uri->host_count; i++) {
        (void)muv__host_format(&client->uri->hosts[i], text);
        if (strcmp(text, address) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_server(const muv_client_t *client, const char *address)
{
    return muv__topology_snapshot_find(client->topology.snapshot, address) != NULL;
}

/* Does the list of the case name all of `count` addresses and no other? -1: there is no list. */
static int names_all(const json_spec_case_t *spec_case, const char *key, const muv_client_t *client,
                     bool (*has)(const muv_client_t *, const char *), size_t count)
{
    bson_iter_t list;
    bson_iter_t item;
    size_t named = 0;

    if (!json_spec_find(spec_case->doc, key, &list) || !bson_iter_recurse(&list, &item)) {
        return -1;
    }
    while (bson_iter_next(&item)) {
        if (!has(client, bson_iter_utf8(&item, NULL))) {
            return 0;
        }
        named++;
    }
    return named == count;
}

static json_spec_result_t check_addresses(const json_spec_case_t *spec_case,
                                          const muv_client_t *client)
{
    size_t server_count = client->topology.snapshot->server_count;
    int seeds = names_all(spec_case, "seeds", client, is_seed, client->uri->host_count);
    int hosts = names_all(spec_case, "hosts", client, is_server, server_count);
    int64_t num_seeds = json_spec_int(spec_case->doc, "numSeeds", -1);
    int64_t num_hosts = json_spec_int(spec_case->doc, "numHosts", -1);
    char text[256];

    checked.seeds += seeds >= 0;
    checked.hosts += hosts >= 0;
    checked.num_seeds += num_seeds >= 0;
    checked.num_hosts += num_hosts >= 0;
    muv__topology_snapshot_text(client->topology.snapshot, text, sizeof text);
    if (seeds == 0 || (num_seeds >= 0 && (size_t)num_seeds != client->uri->host_count)) {
        return FAIL("%zu other seeds", client->uri->host_count);
    }
    if (hosts == 0 || (num_hosts >= 0 && (size_t)num_hosts != server_count)) {
        return FAIL("other hosts: %s", text);
    }
    return JSON_SPEC_PASS;
}

static json_spec_result_t check_client(const json_spec_case_t *spec_case, sim_world_t *world,
                                       muv_client_t *client, bool want_error)
{
    ping_t ping = {.error = {.message = ""}};
    bson_t *command = bson_from("{\"ping\": 1}");

    CHECK_CODE(muv_run_command(client, "admin", command, NULL, on_ping, &ping, NULL), 0);
    bson_destroy(command);
    sim_run_for(world, 5 * SIM_SECOND);
    assert_int_equal(ping.ended, 1);
    if (want_error) {
        checked.errors++;
        return ping.error.code == MUV_EDNS
                   ? JSON_SPEC_PASS
                   : FAIL("code %d: %s", ping.error.code, ping.error.message);
    }
    if (ping.error.code != 0) {
        return FAIL("%s", ping.error.message);
    }
    checked.pings++;
    if (check_addresses(spec_case, client) != JSON_SPEC_PASS) {
        return JSON_SPEC_FAIL;
    }
    return check_options(spec_case, &client->uri->options);
}

/* --- cases -------------------------------------------------------------------------------------*/

static void on_closed(void *data)
{
    unsigned *closed = data;

    (*closed)++;
}

static json_spec_result_t run_client(const json_spec_case_t *spec_case, bool want_error)
{
    sim_world_t *world = sim_new(1);
    muv_client_t *client = NULL;
    muv_error_t error = {.message = ""};
    json_spec_result_t result;
    unsigned closed = 0;
    char text[512];

    add_records(world);
    add_deployment(world, spec_case->folder);
    make_client_uri(json_spec_text(spec_case->doc, "uri"), text, sizeof text);
    if (muv_client_new(sim_loop(world), text, NULL, &error, &client) == 0) {
        result = check_client(spec_case, world, client, want_error);
        CHECK_CODE(muv_client_close(client, MUV_CLOSE_ABORT, on_closed, &closed), 0);
        sim_run(world);
        assert_int_equal(closed, 1);
    } else if (want_error) {
        checked.errors++;
        result = JSON_SPEC_PASS;
    } else {
        result = FAIL("%s", error.message);
    }
    sim_free(world);
    return result;
}

static bool has_only_known_fields(const bson_t *doc)
{
    static const char *const known[] = {"uri",      "seeds",   "numSeeds",       "hosts",
                                        "numHosts", "options", "parsed_options", "error",
                                        "comment",  "ping"};
    bson_iter_t iter;

    for (bson_iter_init(&iter, doc); bson_iter_next(&iter);) {
        size_t i = 0;

        while (i < sizeof known / sizeof *known && strcmp(known[i], bson_iter_key(&iter)) != 0) {
            i++;
        }
        if (i == sizeof known / sizeof *known) {
            return false;
        }
    }
    return true;
}

static json_spec_result_t run_case(const json_spec_case_t *spec_case, void *data)
{
    const char *text = json_spec_text(spec_case->doc, "uri");
    bool want_error = json_spec_bool(spec_case->doc, "error", false);
    muv__uri_t *uri = NULL;
    muv_error_t error = {.message = ""};
    json_spec_result_t result = JSON_SPEC_PASS;

    (void)data;
    if (text == NULL || !has_only_known_fields(spec_case->doc)) {
        return FAIL("an unknown field, or no uri");
    }
    if (muv__uri_new(text, strlen(text), &error, &uri) == 0 && muv__uri_finish(uri, &error) == 0) {
        result = check_string(spec_case, uri);
    } else if (!want_error) {
        result = FAIL("%s", error.message);
    }
    muv__uri_free(uri);
    return result == JSON_SPEC_PASS ? run_client(spec_case, want_error) : result;
}

static void run_folder(const char *folder)
{
    json_spec_tally_t tally = {0, 0, 0, 0, 0};

    json_spec_run_files(folder, run_case, NULL, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 0);
}

static void replica_set(void **state)
{
    (void)state;
    run_folder("initial-dns-seedlist-discovery/tests/replica-set");
}

static void sharded(void **state)
{
    (void)state;
    run_folder("initial-dns-seedlist-discovery/tests/sharded");
}

static void load_balanced(void **state)
{
    (void)state;
    run_folder("initial-dns-seedlist-discovery/tests/load-balanced");
}

static int print_counts(void **state)
{
    (void)state;
    (void)printf("checked: seeds %u, numSeeds %u, hosts %u, numHosts %u, options %u, "
                 "parsed_options %u, error %u, ping %u\n",
                 checked.seeds, checked.num_seeds, checked.hosts, checked.num_hosts,
                 checked.options, checked.parsed_options, checked.errors, checked.pings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replica_set),
        cmocka_unit_test(sharded),
        cmocka_unit_test(load_balanced),
    };

    if (!json_spec_available("initial-dns-seedlist-discovery/tests")) {
        return JSON_SPEC_EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, print_counts);
}
