/* SPDX-License-Identifier: Apache-2.0 */
/* Inheritance of concerns and read preference: what is shared, replaced and refused. */
#include "op/concerns.h"

#include "base/bson_writer.h"
#include "support/alloc.h"
#include "support/check.h"

#include <string.h>

static muv__concerns_t *client_concerns(void)
{
    muv__read_concern_t read_concern;
    muv__write_concern_t write_concern;
    muv__read_pref_t read_pref;
    muv__concerns_t *concerns;

    memset(&read_concern, 0, sizeof read_concern);
    memset(&write_concern, 0, sizeof write_concern);
    memset(&read_pref, 0, sizeof read_pref);
    assert_int_equal(muv__read_concern_set_level(&read_concern, "majority", 8), 0);
    assert_int_equal(muv__write_concern_set_w(&write_concern, 2), 0);
    read_pref.mode = MUV__READ_NEAREST;
    concerns = muv__concerns_new(&read_concern, &write_concern, &read_pref);
    assert_non_null(concerns);
    return concerns;
}

static void nothing_given_is_the_same_value(void **state)
{
    muv__concerns_t *base = client_concerns();
    muv__concerns_t *same;

    (void)state;
    CHECK_CODE(muv__concerns_override(base, NULL, NULL, NULL, NULL, &same), 0);
    assert_ptr_equal(same, base);
    assert_int_equal(base->refs, 2);
    muv__concerns_release(same);
    muv__concerns_release(base);
    muv__concerns_release(NULL);
}

static void what_is_given_replaces_and_the_rest_is_inherited(void **state)
{
    muv__concerns_t *base = client_concerns();
    muv__concerns_t *own;
    muv__bson_mark_t mark;
    muv__buf_t buf;
    muv_error_t error;

    (void)state;
    CHECK_CODE(muv__concerns_override(base, &(muv_read_concern_t){.level = "local"},
                                      &(muv_write_concern_t){.journal = MUV_YES},
                                      &(muv_read_preference_t){.mode = 0}, &error, &own),
               0);
    assert_ptr_not_equal(own, base);
    /* A write concern is replaced as a whole: w 2 is not inherited beside the journal. */
    muv__buf_init(&buf, 1000);
    mark = muv__bson_begin(&buf);
    muv__write_concern_write(&own->write_concern, 1, &buf);
    muv__read_concern_write(&own->read_concern, &buf);
    muv__bson_end(&buf, mark);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, "{\"j\": true, \"level\": \"local\"}");
    assert_int_equal(own->read_pref.mode, MUV__READ_NEAREST);
    muv__buf_done(&buf);
    muv__concerns_release(own);
    muv__concerns_release(base);
}

static void check_refused(const muv_read_concern_t *read_concern,
                          const muv_write_concern_t *write_concern,
                          const muv_read_preference_t *preference, const char *text)
{
    muv__concerns_t *base = client_concerns();
    muv__concerns_t *own = NULL;
    muv_error_t error;

    CHECK_CODE(muv__concerns_override(base, read_concern, write_concern, preference, &error, &own),
               MUV_EINVAL);
    CHECK_CONTAINS(error.message, text);
    assert_null(own);
    assert_int_equal(base->refs, 1);
    muv__concerns_release(base);
}

static void wrong_values_are_refused_by_name(void **state)
{
    bson_t *tags = bson_from("{\"0\": {\"dc\": \"ny\"}}");
    bson_t *numbers = bson_from("{\"0\": {\"dc\": 5}}");

    (void)state;
    check_refused(&(muv_read_concern_t){.level = ""}, NULL, NULL, "read_concern.level");
    check_refused(NULL, &(muv_write_concern_t){.w = -1}, NULL, "write_concern.w");
    check_refused(NULL, &(muv_write_concern_t){.wtimeout_ms = -1}, NULL, "wtimeout_ms");
    check_refused(NULL, &(muv_write_concern_t){.w = MUV_ZERO, .journal = MUV_YES}, NULL, "journal");
    check_refused(NULL, NULL, &(muv_read_preference_t){.mode = 9}, "mode");
    check_refused(NULL, NULL, &(muv_read_preference_t){.mode = MUV_READ_PRIMARY, .tag_sets = tags},
                  "primary");
    check_refused(NULL, NULL,
                  &(muv_read_preference_t){.mode = MUV_READ_NEAREST, .tag_sets = numbers},
                  "tag_sets");
    bson_destroy(tags);
    bson_destroy(numbers);
}

static void override_once(void *data)
{
    muv__concerns_t *base;
    muv__concerns_t *own = NULL;
    muv__read_concern_t read_concern = {0};
    muv__write_concern_t write_concern = {0};
    muv__read_pref_t read_pref = {0};
    muv_error_t error;
    int status;

    base = muv__concerns_new(&read_concern, &write_concern, &read_pref);
    if (base == NULL) {
        assert_true(alloc_has_failed());
        return;
    }
    status = muv__concerns_override(
        base, NULL, NULL, &(muv_read_preference_t){.mode = MUV_READ_SECONDARY, .tag_sets = data},
        &error, &own);
    if (status != 0) {
        assert_true(alloc_has_failed());
        CHECK_CODE(status, MUV_ENOMEM);
    }
    muv__concerns_release(own);
    muv__concerns_release(base);
}

static void without_memory_nothing_is_lost(void **state)
{
    bson_t *tags = bson_from("{\"0\": {\"dc\": \"ny\", \"rack\": \"1\"}, \"1\": {}}");

    (void)state;
    assert_true(alloc_sweep(override_once, tags) > 2);
    bson_destroy(tags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_is_the_same_value),
        cmocka_unit_test(what_is_given_replaces_and_the_rest_is_inherited),
        cmocka_unit_test(wrong_values_are_refused_by_name),
        cmocka_unit_test_teardown(without_memory_nothing_is_lost, alloc_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
