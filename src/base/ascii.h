/* SPDX-License-Identifier: Apache-2.0 */
/* ASCII without the locale: names of hosts, options and headers are compared without case. */
#ifndef MUV__ASCII_H
#define MUV__ASCII_H

static inline char muv__ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

#endif
