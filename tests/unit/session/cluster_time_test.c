/* SPDX-License-Identifier: Apache-2.0 */
/* Which cluster times are taken over, and how they are sent on. */
#include "session/cluster_time.h"

#include "base/bson_writer.h"
#include "support/check.h"

#define SIGNATURE                                                                                  \
    "\"signature\": {\"hash\": {\"$binary\": {\"base64\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAA=\", "      \
    "\"subType\": \"00\"}}, \"keyId\": {\"$numberLong\": \"0\"}}"
#define TIME(t, i) "\"clusterTime\": {\"$timestamp\": {\"t\": " #t ", \"i\": " #i "}}"

static uint64_t stamp(uint32_t seconds, uint32_t increment)
{
    return (uint64_t)seconds << 32 | increment;
}

static int advance(muv__cluster_time_t *cluster_time, const char *json)
{
    bson_t *document = bson_from(json);
    int status =
        muv__cluster_time_advance(cluster_time, muv__span(bson_get_data(document), document->len));

    bson_destroy(document);
    return status;
}

static void only_later_times_are_taken_over(void **state)
{
    muv__cluster_time_t cluster_time;

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_int_equal(advance(&cluster_time, "{" TIME(7, 1) "," SIGNATURE "}"), 1);
    assert_true(cluster_time.time == stamp(7, 1));
    assert_int_equal(advance(&cluster_time, "{" TIME(7, 1) "}"), 0);
    assert_int_equal(advance(&cluster_time, "{" TIME(6, 9) "}"), 0);
    CHECK_BYTES_BSON_EQUAL(cluster_time.document, cluster_time.size,
                           "{" TIME(7, 1) "," SIGNATURE "}");
    assert_int_equal(advance(&cluster_time, "{" TIME(7, 2) "}"), 1);
    CHECK_BYTES_BSON_EQUAL(cluster_time.document, cluster_time.size, "{" TIME(7, 2) "}");
}

/* Seconds in the upper half: as a signed number these would be negative. */
static void times_after_2038_are_later(void **state)
{
    muv__cluster_time_t cluster_time;

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_int_equal(advance(&cluster_time, "{" TIME(2147483647, 1) "}"), 1);
    assert_int_equal(advance(&cluster_time, "{" TIME(2147483648, 0) "}"), 1);
    assert_int_equal(advance(&cluster_time, "{" TIME(4294967295, 4294967295) "}"), 1);
    assert_true(cluster_time.time == UINT64_MAX);
}

static void the_time_need_not_stand_first(void **state)
{
    muv__cluster_time_t cluster_time;

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_int_equal(advance(&cluster_time, "{" SIGNATURE "," TIME(3, 4) "}"), 1);
    assert_true(cluster_time.time == stamp(3, 4));
}

static void documents_without_a_time_change_nothing(void **state)
{
    muv__cluster_time_t cluster_time;

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_int_equal(advance(&cluster_time, "{}"), 0);
    assert_int_equal(advance(&cluster_time, "{\"clusterTime\": {\"$numberLong\": \"9\"}}"), 0);
    assert_int_equal(advance(&cluster_time, "{\"clusterTime\": 9, " SIGNATURE "}"), 0);
    assert_int_equal(advance(&cluster_time, "{\"clusterTimf\": {\"$timestamp\": {\"t\": 1, "
                                            "\"i\": 1}}}"),
                     0);
    assert_int_equal(advance(&cluster_time, "{\"a\": {" TIME(1, 1) "}}"), 0);
    assert_int_equal(muv__cluster_time_advance(&cluster_time, muv__span(NULL, 0)), 0);
    assert_true(cluster_time.time == 0);
}

static void too_large_documents_are_not_kept(void **state)
{
    muv__cluster_time_t cluster_time;
    char filler[600];

    (void)state;
    muv__cluster_time_init(&cluster_time);
    memset(filler, 'x', sizeof(filler));
    filler[MUV__CLUSTER_TIME_MAX_BYTES - 26 - 8] = '\0';
    assert_int_equal(advance(&cluster_time, text_of("{" TIME(1, 1) ", \"s\": \"%s\"}", filler)), 1);
    assert_int_equal(cluster_time.size, MUV__CLUSTER_TIME_MAX_BYTES);
    filler[MUV__CLUSTER_TIME_MAX_BYTES - 26 - 8] = 'x';
    filler[MUV__CLUSTER_TIME_MAX_BYTES - 26 - 8 + 1] = '\0';
    assert_int_equal(advance(&cluster_time, text_of("{" TIME(2, 1) ", \"s\": \"%s\"}", filler)), 0);
    assert_true(cluster_time.time == stamp(1, 1));
}

static void the_later_of_two_is_sent(void **state)
{
    muv__cluster_time_t none, early, late;

    (void)state;
    muv__cluster_time_init(&none);
    muv__cluster_time_init(&early);
    muv__cluster_time_init(&late);
    assert_int_equal(advance(&early, "{" TIME(1, 1) "}"), 1);
    assert_int_equal(advance(&late, "{" TIME(1, 2) "}"), 1);
    assert_ptr_equal(muv__cluster_time_later(&early, &late), &late);
    assert_ptr_equal(muv__cluster_time_later(&late, &early), &late);
    assert_ptr_equal(muv__cluster_time_later(NULL, &early), &early);
    assert_ptr_equal(muv__cluster_time_later(&early, &none), &early);
    assert_null(muv__cluster_time_later(&none, NULL));
    assert_null(muv__cluster_time_later(NULL, NULL));
}

static void it_is_written_as_it_came(void **state)
{
    muv__cluster_time_t cluster_time;
    muv__buf_t buf;

    (void)state;
    muv__cluster_time_init(&cluster_time);
    assert_int_equal(advance(&cluster_time, "{" SIGNATURE "," TIME(3, 4) "}"), 1);
    muv__buf_init(&buf, 1000);
    (void)muv__bson_begin(&buf);
    muv__cluster_time_write(&buf, &cluster_time);
    muv__bson_end(&buf, (muv__bson_mark_t){0});
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size,
                           "{\"$clusterTime\": {" SIGNATURE "," TIME(3, 4) "}}");
    muv__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_later_times_are_taken_over),
        cmocka_unit_test(times_after_2038_are_later),
        cmocka_unit_test(the_time_need_not_stand_first),
        cmocka_unit_test(documents_without_a_time_change_nothing),
        cmocka_unit_test(too_large_documents_are_not_kept),
        cmocka_unit_test(the_later_of_two_is_sent),
        cmocka_unit_test(it_is_written_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
