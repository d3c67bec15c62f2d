/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of AWS, and what only looks like one. */
#include "source/aws_date.h"

#include "auth/sigv4.h"
#include "support/check.h"

static void check_date(const char *text, int64_t expected)
{
    int64_t seconds = -1;

    assert_int_equal(muv__aws_date_read(text, &seconds), 1);
    if (seconds != expected) {
        print_error("%s: %lld\n", text, (long long)seconds);
    }
    assert_true(seconds == expected);
}

static void refuse_date(const char *text)
{
    int64_t seconds = -1;

    if (muv__aws_date_read(text, &seconds)) {
        print_error("accepted: %s\n", text);
    }
    assert_int_equal(seconds, -1);
}

static void dates_are_seconds_since_1970(void **state)
{
    (void)state;
    check_date("1970-01-01T00:00:00Z", 0);
    check_date("2015-08-30T12:36:00Z", 1440938160);
    check_date("2000-02-29T23:59:59Z", 951868799);
    check_date("2000-03-01T00:00:00Z", 951868800);
    check_date("2024-02-29T00:00:00Z", 1709164800);
    check_date("2026-11-23T09:41:30Z", 1795426890);
    check_date("2038-01-19T03:14:08Z", INT64_C(2147483648));
    check_date("9999-12-31T23:59:59Z", INT64_C(253402300799));
    check_date("1969-12-31T23:59:59Z", -1);
    check_date("0000-01-01T00:00:00Z", INT64_C(-62167219200));
    check_date("0001-01-01T00:00:00Z", INT64_C(-62135596800));
}

static void fractions_are_dropped(void **state)
{
    (void)state;
    check_date("2015-08-30T12:36:00.0Z", 1440938160);
    check_date("2015-08-30T12:36:00.999999999Z", 1440938160);
}

static void offsets_are_taken_away(void **state)
{
    (void)state;
    check_date("2015-08-30T12:36:00+00:00", 1440938160);
    check_date("2015-08-30T14:36:00+02:00", 1440938160);
    check_date("2015-08-30T07:06:00-05:30", 1440938160);
    check_date("2015-08-30T12:36:00.5-00:00", 1440938160);
}

static void other_spellings_are_refused(void **state)
{
    (void)state;
    refuse_date("");
    refuse_date("2015-08-30");
    refuse_date("2015-08-30T12:36:00");
    refuse_date("2015-08-30T12:36Z");
    refuse_date("2015-08-30 12:36:00Z");
    refuse_date("2015-08-30t12:36:00z");
    refuse_date("20150830T123600Z");
    refuse_date("2015-8-30T12:36:00Z");
    refuse_date("15-08-30T12:36:00Z");
    refuse_date("12015-08-30T12:36:00Z");
    refuse_date("+2015-08-30T12:36:00Z");
    refuse_date("2015-08-30T12:36:00.Z");
    refuse_date("2015-08-30T12:36:00,5Z");
    refuse_date("2015-08-30T12:36:00Z ");
    refuse_date(" 2015-08-30T12:36:00Z");
    refuse_date("2015-08-30T12:36:00ZZ");
    refuse_date("2015-08-30T12:36:00+0200");
    refuse_date("2015-08-30T12:36:00+02");
    refuse_date("2015-08-30T12:36:00+02:0");
    refuse_date("1440938160");
    refuse_date("Sun, 30 Aug 2015 12:36:00 GMT");
}

static void dates_that_no_calendar_has_are_refused(void **state)
{
    (void)state;
    refuse_date("2015-00-30T12:36:00Z");
    refuse_date("2015-13-30T12:36:00Z");
    refuse_date("2015-08-00T12:36:00Z");
    refuse_date("2015-08-32T12:36:00Z");
    refuse_date("2015-04-31T12:36:00Z");
    refuse_date("2015-02-29T12:36:00Z");
    refuse_date("1900-02-29T12:36:00Z");
    refuse_date("2015-08-30T24:00:00Z");
    refuse_date("2015-08-30T12:60:00Z");
    refuse_date("2015-08-30T12:36:60Z");
    refuse_date("2015-08-30T12:36:00+24:00");
    refuse_date("2015-08-30T12:36:00+02:60");
}

/* The dates we sign with are made by other code (auth/sigv4.c): both must agree, on every day of
 * four centuries and more. */
static void every_day_is_read_as_it_is_written(void **state)
{
    (void)state;
    for (int64_t seconds = 0; seconds < INT64_C(14000000000); seconds += 86400) {
        char basic[MUV__SIGV4_DATE_SIZE];
        const char *text;
        int64_t read = -1;

        muv__sigv4_date(seconds, basic);
        text = text_of("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", basic, basic + 4, basic + 6, basic + 9,
                       basic + 11, basic + 13);
        assert_int_equal(muv__aws_date_read(text, &read), 1);
        assert_true(read == seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_seconds_since_1970),
        cmocka_unit_test(fractions_are_dropped),
        cmocka_unit_test(offsets_are_taken_away),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(dates_that_no_calendar_has_are_refused),
        cmocka_unit_test(every_day_is_read_as_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
