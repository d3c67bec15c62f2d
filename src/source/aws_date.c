/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of "YYYY-MM-DDThh:mm:ss[.f](Z|+hh:mm|-hh:mm)". */
#include "source/aws_date.h"

typedef struct date {
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int offset_minutes;
} date_t;

/* `count` digits; `*at` moves behind them. */
static int read_digits(const char **at, int count, int *ret)
{
    int value = 0;

    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return 0;
        }
        value = value * 10 + (**at - '0');
    }
    *ret = value;
    return 1;
}

static int read_char(const char **at, char c)
{
    if (**at != c) {
        return 0;
    }
    (*at)++;
    return 1;
}

static int read_fraction(const char **at)
{
    int digit;

    if (!read_char(at, '.')) {
        return 1;
    }
    if (!read_digits(at, 1, &digit)) {
        return 0;
    }
    while (**at >= '0' && **at <= '9') {
        (*at)++;
    }
    return 1;
}

static int read_offset(const char **at, int *ret_minutes)
{
    int sign = **at == '-' ? -1 : 1;
    int hours;
    int minutes;

    if (read_char(at, 'Z')) {
        *ret_minutes = 0;
        return 1;
    }
    if (!(read_char(at, '+') || read_char(at, '-')) || !read_digits(at, 2, &hours) ||
        !read_char(at, ':') || !read_digits(at, 2, &minutes)) {
        return 0;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours <= 23 && minutes <= 59;
}

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int is_possible(const date_t *date)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (date->month < 1 || date->month > 12 || date->day < 1) {
        return 0;
    }
    return date->day <= days[date->month - 1] + (date->month == 2 && is_leap(date->year)) &&
           date->hour <= 23 && date->minute <= 59 && date->second <= 59;
}

/* Days since 1970. Years begin in March here, so that the leap day is the last one; one cycle of
 * the calendar is added for the months before March of the year 0. */
static int64_t days_of(const date_t *date)
{
    int64_t year = date->year - (date->month <= 2) + 400;
    int month = (date->month + 9) % 12;

    return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date->day - 1 -
           719468 - 146097;
}

int muv__aws_date_read(const char *text, int64_t *ret_s)
{
    const char *at = text;
    date_t date;

    if (!read_digits(&at, 4, &date.year) || !read_char(&at, '-') ||
        !read_digits(&at, 2, &date.month) || !read_char(&at, '-') ||
        !read_digits(&at, 2, &date.day) || !read_char(&at, 'T') ||
        !read_digits(&at, 2, &date.hour) || !read_char(&at, ':') ||
        !read_digits(&at, 2, &date.minute) || !read_char(&at, ':') ||
        !read_digits(&at, 2, &date.second) || !read_fraction(&at) ||
        !read_offset(&at, &date.offset_minutes) || *at != '\0' || !is_possible(&date)) {
        return 0;
    }
    *ret_s = days_of(&date) * 86400 + date.hour * 3600 +
             (int64_t)(date.minute - date.offset_minutes) * 60 + date.second;
    return 1;
}
