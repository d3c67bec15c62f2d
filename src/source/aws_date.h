/* SPDX-License-Identifier: Apache-2.0 */
/* The dates in which AWS says when keys end: "2026-11-23T09:00:00Z". */
#ifndef MUV__AWS_DATE_H
#define MUV__AWS_DATE_H

#include <stdint.h>

/* Seconds since 1970 of a date and time of ISO 8601 in its long form, with or without fractions of
 * a second (dropped), with "Z" or an offset ("+01:00"). Nothing else is taken for a date, and none
 * that no calendar has. Returns 1 or 0. */
int muv__aws_date_read(const char *text, int64_t *ret_s);

#endif
