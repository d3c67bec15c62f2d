/* SPDX-License-Identifier: Apache-2.0 */
/* What a command's tail holds for each kind of server. */
#include "op/tail.h"

#include "base/bson_writer.h"
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

static void check_tail(const muv__concerns_t *concerns, unsigned parts,
                       muv__tail_preference_t preference, const char *json, const char *file,
                       int line)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;

    muv__buf_init(&buf, 1000);
    mark = muv__bson_begin(&buf);
    muv__tail_write(&buf, concerns, parts, preference);
    muv__bson_end(&buf, mark);
    check_bytes_bson_equal(buf.data, buf.size, json, file, line);
    muv__buf_done(&buf);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_not_sent),
        cmocka_unit_test(only_the_parts_that_the_command_takes_are_sent),
        cmocka_unit_test(a_standalone_is_told_no_preference),
        cmocka_unit_test(a_member_reached_directly_may_answer_although_it_is_no_primary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
