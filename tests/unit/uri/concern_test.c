/* SPDX-License-Identifier: Apache-2.0 */
/* Read and write concern: what is refused, and what is written into a command. */
#include "uri/concern.h"

#include "base/bson_writer.h"
#include "support/check.h"

#include <string.h>

static void check_write(const muv__write_concern_t *concern, int with_wtimeout, const char *json)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;

    muv__buf_init(&buf, 1000);
    mark = muv__bson_begin(&buf);
    muv__write_concern_write(concern, with_wtimeout, &buf);
    muv__bson_end(&buf, mark);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, json);
    muv__buf_done(&buf);
}

static void zero_is_the_server_default_and_writes_nothing(void **state)
{
    muv__write_concern_t write = {.w_kind = MUV__W_UNSET};
    muv__read_concern_t read = {.level = ""};

    (void)state;
    assert_true(muv__write_concern_is_default(&write));
    assert_true(muv__write_concern_is_acknowledged(&write));
    assert_true(muv__write_concern_is_valid(&write));
    assert_true(muv__read_concern_is_default(&read));
    check_write(&write, 1, "{}");
}

static void everything_that_was_set_is_written(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_UNSET};

    (void)state;
    CHECK_CODE(muv__write_concern_set_w(&concern, 3), 0);
    CHECK_CODE(muv__write_concern_set_wtimeout(&concern, 1000), 0);
    muv__write_concern_set_journal(&concern, 0);
    assert_false(muv__write_concern_is_default(&concern));
    check_write(&concern, 1, "{\"w\": 3, \"wtimeout\": 1000, \"j\": false}");
    check_write(&concern, 0, "{\"w\": 3, \"j\": false}");
}

static void a_tag_replaces_a_number_and_back(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_UNSET};

    (void)state;
    CHECK_CODE(muv__write_concern_set_w(&concern, 0), 0);
    CHECK_CODE(muv__write_concern_set_tag(&concern, "majority", 8), 0);
    assert_true(muv__write_concern_is_acknowledged(&concern));
    check_write(&concern, 1, "{\"w\": \"majority\"}");
    CHECK_CODE(muv__write_concern_set_w(&concern, 1), 0);
    check_write(&concern, 1, "{\"w\": 1}");
}

static void a_long_wtimeout_is_written_as_int64(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_UNSET};

    (void)state;
    CHECK_CODE(muv__write_concern_set_wtimeout(&concern, INT64_C(4294967296)), 0);
    check_write(&concern, 1, "{\"wtimeout\": {\"$numberLong\": \"4294967296\"}}");
}

static void bad_values_leave_the_concern_as_it_was(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_UNSET};
    muv__read_concern_t read = {.level = "local"};
    char text[200];

    (void)state;
    memset(text, 'x', sizeof(text));
    CHECK_CODE(muv__write_concern_set_w(&concern, -1), MUV_EINVAL);
    CHECK_CODE(muv__write_concern_set_w(&concern, INT64_C(2147483648)), MUV_EINVAL);
    CHECK_CODE(muv__write_concern_set_wtimeout(&concern, -1), MUV_EINVAL);
    CHECK_CODE(muv__write_concern_set_tag(&concern, "", 0), MUV_EINVAL);
    CHECK_CODE(muv__write_concern_set_tag(&concern, text, MUV__WRITE_CONCERN_TAG_MAX + 1),
               MUV_EINVAL);
    assert_true(muv__write_concern_is_default(&concern));
    CHECK_CODE(muv__read_concern_set_level(&read, "", 0), MUV_EINVAL);
    CHECK_CODE(muv__read_concern_set_level(&read, text, MUV__READ_CONCERN_LEVEL_MAX + 1),
               MUV_EINVAL);
    assert_string_equal(read.level, "local");
}

static void the_longest_names_fit(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_UNSET};
    muv__read_concern_t read = {.level = ""};
    char text[200];

    (void)state;
    memset(text, 'x', sizeof(text));
    CHECK_CODE(muv__write_concern_set_tag(&concern, text, MUV__WRITE_CONCERN_TAG_MAX), 0);
    assert_int_equal(strlen(concern.tag), MUV__WRITE_CONCERN_TAG_MAX);
    CHECK_CODE(muv__read_concern_set_level(&read, text, MUV__READ_CONCERN_LEVEL_MAX), 0);
    assert_int_equal(strlen(read.level), MUV__READ_CONCERN_LEVEL_MAX);
}

static void journal_contradicts_w0(void **state)
{
    muv__write_concern_t concern = {.w_kind = MUV__W_NUMBER, .w = 0};

    (void)state;
    assert_false(muv__write_concern_is_acknowledged(&concern));
    muv__write_concern_set_journal(&concern, 0);
    assert_true(muv__write_concern_is_valid(&concern));
    assert_false(muv__write_concern_is_acknowledged(&concern));
    muv__write_concern_set_journal(&concern, 1);
    assert_false(muv__write_concern_is_valid(&concern));
    assert_true(muv__write_concern_is_acknowledged(&concern));
}

static void a_read_concern_writes_its_level(void **state)
{
    muv__read_concern_t concern = {.level = ""};
    muv__buf_t buf;
    muv__bson_mark_t mark;

    (void)state;
    CHECK_CODE(muv__read_concern_set_level(&concern, "snapshotX", 8), 0);
    assert_false(muv__read_concern_is_default(&concern));
    muv__buf_init(&buf, 1000);
    mark = muv__bson_begin(&buf);
    muv__read_concern_write(&concern, &buf);
    muv__bson_end(&buf, mark);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, "{\"level\": \"snapshot\"}");
    muv__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_the_server_default_and_writes_nothing),
        cmocka_unit_test(everything_that_was_set_is_written),
        cmocka_unit_test(a_tag_replaces_a_number_and_back),
        cmocka_unit_test(a_long_wtimeout_is_written_as_int64),
        cmocka_unit_test(bad_values_leave_the_concern_as_it_was),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(journal_contradicts_w0),
        cmocka_unit_test(a_read_concern_writes_its_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
