/* SPDX-License-Identifier: Apache-2.0 */
/* What a command's tail holds for each kind of server. */
#include "op/tail.h"

#include "base/bson_writer.h"
#include "session/server_session.h"
#include "support/check.h"

#include <string.h>

enum { ALL = MUV__TAIL_READ_CONCERN | MUV__TAIL_WRITE_CONCERN | MUV__TAIL_READ_PREFERENCE };

static muv__concerns_t concerns_of(const char *level, int w, int8_t mode)
{
    muv__concerns_t concerns;

    memset(&concerns, 0, sizeof concerns);
    concerns.refs = 1;
    if (level != NULL) {
        assert_int_equal(muv__read_concern_set_level(&concerns.read_concern, level, strlen(level)),
                         0);
    }
    if (w >= 0) {
        assert_int_equal(muv__write_concern_set_w(&concerns.write_concern, w), 0);
    }
    concerns.read_pref.mode = mode;
    return concerns;
}

#define CHECK_TAIL(concerns, parts, preference, json)                                              \
    check_tail(concerns, parts, preference, json, __FILE__, __LINE__)

#define CHECK_WHOLE(tail, json) check_whole(tail, json, __FILE__, __LINE__)

static void check_whole(const muv__tail_t *tail, const char *json, const char *file, int line)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;

    muv__buf_init(&buf, 1000);
    mark = muv__bson_begin(&buf);
    muv__tail_write(&buf, tail);
    muv__bson_end(&buf, mark);
    check_bytes_bson_equal(buf.data, buf.size, json, file, line);
    muv__buf_done(&buf);
}

static void check_tail(const muv__concerns_t *concerns, unsigned parts,
                       muv__tail_preference_t preference, const char *json, const char *file,
                       int line)
{
    muv__tail_t tail = {
        .concerns = concerns, .parts = (uint8_t)parts, .preference = (uint8_t)preference};

    check_whole(&tail, json, file, line);
}

static void defaults_are_not_sent(void **state)
{
    muv__concerns_t concerns = concerns_of(NULL, -1, MUV__READ_PRIMARY);

    (void)state;
    CHECK_TAIL(&concerns, ALL, MUV__TAIL_PREFERENCE_AS_GIVEN, "{}");
    CHECK_TAIL(&concerns, ALL, MUV__TAIL_PREFERENCE_NONE, "{}");
}

static void only_the_parts_that_the_command_takes_are_sent(void **state)
{
    muv__concerns_t concerns = concerns_of("majority", 2, MUV__READ_SECONDARY);

    (void)state;
    CHECK_TAIL(&concerns, 0, MUV__TAIL_PREFERENCE_AS_GIVEN, "{}");
    CHECK_TAIL(&concerns, MUV__TAIL_READ_CONCERN, MUV__TAIL_PREFERENCE_AS_GIVEN,
               "{\"readConcern\": {\"level\": \"majority\"}}");
    CHECK_TAIL(&concerns, MUV__TAIL_WRITE_CONCERN, MUV__TAIL_PREFERENCE_AS_GIVEN,
               "{\"writeConcern\": {\"w\": 2}}");
    CHECK_TAIL(&concerns, MUV__TAIL_READ_PREFERENCE, MUV__TAIL_PREFERENCE_AS_GIVEN,
               "{\"$readPreference\": {\"mode\": \"secondary\"}}");
}

static void a_standalone_is_told_no_preference(void **state)
{
    muv__concerns_t concerns = concerns_of(NULL, -1, MUV__READ_SECONDARY);

    (void)state;
    CHECK_TAIL(&concerns, ALL, MUV__TAIL_PREFERENCE_NONE, "{}");
}

static void a_member_reached_directly_may_answer_although_it_is_no_primary(void **state)
{
    muv__concerns_t primary = concerns_of(NULL, -1, MUV__READ_PRIMARY);
    muv__concerns_t nearest = concerns_of(NULL, -1, MUV__READ_NEAREST);

    (void)state;
    CHECK_TAIL(&primary, ALL, MUV__TAIL_PREFERENCE_DIRECT,
               "{\"$readPreference\": {\"mode\": \"primaryPreferred\"}}");
    CHECK_TAIL(&nearest, ALL, MUV__TAIL_PREFERENCE_DIRECT,
               "{\"$readPreference\": {\"mode\": \"nearest\"}}");
}

static void session_number_time_and_limit_stand_at_the_end(void **state)
{
    static const uint8_t id[MUV__SESSION_ID_SIZE] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15,
                                                     0x46, 0x17, 0x98, 0x19, 0x1a, 0x1b,
                                                     0x1c, 0x1d, 0x1e, 0x1f};
    static const uint8_t seen[] = {26,  0,   0,   0, 0x11, 'c', 'l', 'u', 's', 't', 'e', 'r', 'T',
                                   'i', 'm', 'e', 0, 2,    0,   0,   0,   7,   0,   0,   0,   0};
    muv__cluster_time_t cluster_time;
    muv__tail_t tail = {
        .session_id = id, .txn_number = 3, .cluster_time = &cluster_time, .max_time_ms = 250};

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_true(muv__cluster_time_advance(&cluster_time, muv__span(seen, sizeof seen)));
    CHECK_WHOLE(&tail,
                "{\"lsid\": {\"id\": {\"$binary\": {\"base64\": \"EBESExQVRheYGRobHB0eHw==\","
                " \"subType\": \"04\"}}},"
                " \"txnNumber\": {\"$numberLong\": \"3\"},"
                " \"$clusterTime\": {\"clusterTime\": {\"$timestamp\": {\"t\": 7, \"i\": 2}}},"
                " \"maxTimeMS\": {\"$numberLong\": \"250\"}}");
}

static void causal_time_stands_beside_the_level_or_alone(void **state)
{
    muv__concerns_t concerns = concerns_of("majority", -1, MUV__READ_PRIMARY);
    muv__tail_t read = {.concerns = &concerns,
                        .parts = MUV__TAIL_READ_CONCERN,
                        .after_cluster_time = UINT64_C(5) << 32 | 1};
    muv__tail_t write = {.concerns = &concerns, .after_cluster_time = UINT64_C(5) << 32 | 1};

    (void)state;
    CHECK_WHOLE(&read, "{\"readConcern\": {\"level\": \"majority\","
                       " \"afterClusterTime\": {\"$timestamp\": {\"t\": 5, \"i\": 1}}}}");
    CHECK_WHOLE(&write, "{\"readConcern\": "
                        "{\"afterClusterTime\": {\"$timestamp\": {\"t\": 5, \"i\": 1}}}}");
}

static void a_snapshot_has_its_own_level(void **state)
{
    muv__concerns_t concerns = concerns_of("local", -1, MUV__READ_PRIMARY);
    muv__tail_t first = {.concerns = &concerns, .parts = MUV__TAIL_READ_CONCERN, .snapshot = 1};
    muv__tail_t later = first;

    (void)state;
    later.at_cluster_time = UINT64_C(9) << 32 | 4;
    CHECK_WHOLE(&first, "{\"readConcern\": {\"level\": \"snapshot\"}}");
    CHECK_WHOLE(&later, "{\"readConcern\": {\"level\": \"snapshot\","
                        " \"atClusterTime\": {\"$timestamp\": {\"t\": 9, \"i\": 4}}}}");
}

static void under_a_timeout_wtimeout_is_left_out(void **state)
{
    muv__concerns_t two = concerns_of(NULL, 2, MUV__READ_PRIMARY);
    muv__concerns_t only = concerns_of(NULL, -1, MUV__READ_PRIMARY);
    muv__tail_t tail = {.concerns = &two, .parts = MUV__TAIL_WRITE_CONCERN, .without_wtimeout = 1};

    (void)state;
    assert_int_equal(muv__write_concern_set_wtimeout(&two.write_concern, 100), 0);
    assert_int_equal(muv__write_concern_set_wtimeout(&only.write_concern, 100), 0);
    CHECK_WHOLE(&tail, "{\"writeConcern\": {\"w\": 2}}");
    tail.concerns = &only;
    CHECK_WHOLE(&tail, "{}");
    tail.without_wtimeout = 0;
    CHECK_WHOLE(&tail, "{\"writeConcern\": {\"wtimeout\": 100}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_not_sent),
        cmocka_unit_test(only_the_parts_that_the_command_takes_are_sent),
        cmocka_unit_test(a_standalone_is_told_no_preference),
        cmocka_unit_test(a_member_reached_directly_may_answer_although_it_is_no_primary),
        cmocka_unit_test(session_number_time_and_limit_stand_at_the_end),
        cmocka_unit_test(causal_time_stands_beside_the_level_or_alone),
        cmocka_unit_test(a_snapshot_has_its_own_level),
        cmocka_unit_test(under_a_timeout_wtimeout_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
