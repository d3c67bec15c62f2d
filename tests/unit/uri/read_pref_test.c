/* SPDX-License-Identifier: Apache-2.0 */
/* Read preferences: tag sets from text, copies, rules, and $readPreference. */
#include "uri/read_pref.h"

#include "base/bson_writer.h"
#include "support/check.h"

#include <string.h>

static int add(muv__read_pref_t *pref, const char *text)
{
    return muv__read_pref_add_text(pref, text, strlen(text));
}

static void check_written(const muv__read_pref_t *pref, const char *json)
{
    muv__buf_t buf;
    muv__bson_mark_t mark;

    muv__buf_init(&buf, 100000);
    mark = muv__bson_begin(&buf);
    muv__read_pref_write(pref, &buf);
    muv__bson_end(&buf, mark);
    assert_int_equal(buf.error, 0);
    CHECK_BYTES_BSON_EQUAL(buf.data, buf.size, json);
    muv__buf_done(&buf);
}

static void zero_is_primary(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_PRIMARY};

    (void)state;
    assert_true(muv__read_pref_is_valid(&pref));
    check_written(&pref, "{\"mode\": \"primary\"}");
    muv__read_pref_done(&pref);
}

static void tag_sets_keep_their_order_and_the_empty_one(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_NEAREST};

    (void)state;
    CHECK_CODE(add(&pref, "dc:ny,rack:1"), 0);
    CHECK_CODE(add(&pref, "dc:NY:x,empty:"), 0);
    CHECK_CODE(add(&pref, ""), 0);
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, 120), 0);
    check_written(&pref, "{\"mode\": \"nearest\", \"tags\": [{\"dc\": \"ny\", \"rack\": \"1\"},"
                         " {\"dc\": \"NY:x\", \"empty\": \"\"}, {}],"
                         " \"maxStalenessSeconds\": 120}");
    muv__read_pref_done(&pref);
    assert_null(pref.tags);
}

static void a_bad_set_leaves_no_trace(void **state)
{
    static const char *const texts[] = {"dc", "dc:ny,rack", ":ny", "dc:ny,", ",", "dc:ny,:1"};
    muv__read_pref_t pref = {.mode = MUV__READ_SECONDARY};

    (void)state;
    CHECK_CODE(add(&pref, "a:b"), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_CODE(add(&pref, texts[i]), MUV_EINVAL);
        assert_int_equal(pref.tag_count, 1);
        assert_int_equal(pref.set_count, 1);
    }
    check_written(&pref, "{\"mode\": \"secondary\", \"tags\": [{\"a\": \"b\"}]}");
    muv__read_pref_done(&pref);
}

static void nul_in_a_tag_is_refused(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_SECONDARY};

    (void)state;
    CHECK_CODE(muv__read_pref_add_tag(&pref, "a", 1, "b", 1), MUV_EINVAL);
    CHECK_CODE(muv__read_pref_add_set(&pref), 0);
    CHECK_CODE(muv__read_pref_add_tag(&pref, "a\0", 2, "b", 1), MUV_EINVAL);
    CHECK_CODE(muv__read_pref_add_tag(&pref, "a", 1, "\0", 1), MUV_EINVAL);
    CHECK_CODE(muv__read_pref_add_tag(&pref, "", 0, "b", 1), MUV_EINVAL);
    assert_int_equal(pref.tag_count, 0);
    muv__read_pref_done(&pref);
}

static void sets_and_tags_are_limited(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_SECONDARY};

    (void)state;
    for (int i = 0; i < MUV__READ_PREF_SETS_MAX; i++) {
        CHECK_CODE(add(&pref, "a:1,b:2,c:3,d:4"), 0);
    }
    assert_int_equal(pref.tag_count, MUV__READ_PREF_TAGS_MAX);
    CHECK_CODE(add(&pref, ""), MUV_ETOOLARGE);
    CHECK_CODE(muv__read_pref_add_tag(&pref, "a", 1, "b", 1), MUV_ETOOLARGE);
    assert_int_equal(pref.set_count, MUV__READ_PREF_SETS_MAX);
    muv__read_pref_done(&pref);
}

static void a_copy_lives_on_its_own(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_SECONDARY_PREFERRED, .max_staleness_s = 90};
    muv__read_pref_t copy;

    (void)state;
    CHECK_CODE(add(&pref, ""), 0);
    CHECK_CODE(add(&pref, "dc:ny,rack:1"), 0);
    CHECK_CODE(add(&pref, ""), 0);
    CHECK_CODE(muv__read_pref_copy(&copy, &pref), 0);
    muv__read_pref_done(&pref);
    check_written(&copy, "{\"mode\": \"secondaryPreferred\","
                         " \"tags\": [{}, {\"dc\": \"ny\", \"rack\": \"1\"}, {}],"
                         " \"maxStalenessSeconds\": 90}");
    muv__read_pref_done(&copy);
}

static void primary_takes_neither_tags_nor_staleness(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_PRIMARY};

    (void)state;
    CHECK_CODE(add(&pref, ""), 0);
    assert_true(muv__read_pref_is_valid(&pref));
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, 90), 0);
    assert_false(muv__read_pref_is_valid(&pref));
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, -1), 0);
    assert_true(muv__read_pref_is_valid(&pref));
    CHECK_CODE(add(&pref, "a:b"), 0);
    assert_false(muv__read_pref_is_valid(&pref));
    pref.mode = MUV__READ_PRIMARY_PREFERRED;
    assert_true(muv__read_pref_is_valid(&pref));
    muv__read_pref_done(&pref);
}

static void staleness_must_be_positive_or_minus_one(void **state)
{
    muv__read_pref_t pref = {.mode = MUV__READ_NEAREST, .max_staleness_s = 100};

    (void)state;
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, 0), MUV_EINVAL);
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, -2), MUV_EINVAL);
    CHECK_CODE(muv__read_pref_set_max_staleness(&pref, INT64_C(2147483648)), MUV_EINVAL);
    assert_int_equal(pref.max_staleness_s, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_primary),
        cmocka_unit_test(tag_sets_keep_their_order_and_the_empty_one),
        cmocka_unit_test(a_bad_set_leaves_no_trace),
        cmocka_unit_test(nul_in_a_tag_is_refused),
        cmocka_unit_test(sets_and_tags_are_limited),
        cmocka_unit_test(a_copy_lives_on_its_own),
        cmocka_unit_test(primary_takes_neither_tags_nor_staleness),
        cmocka_unit_test(staleness_must_be_positive_or_minus_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
