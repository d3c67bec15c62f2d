/* SPDX-License-Identifier: Apache-2.0 */
/* What c-ares 1.18 does not tell of an answer: how long it is valid. The bytes come from the
 * network as they are (RFC 1035, part 4); nothing here knows c-ares or a socket. */
#ifndef MUV__DNS_ANSWER_H
#define MUV__DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

/* The lowest time to live among the records of `type` (class IN) in the answer section.
 *
 * Returns how many such records there are, and writes `ret_ttl_s` if it is not 0; or MUV_EPROTOCOL
 * for bytes that are no message. */
int muv__dns_lowest_ttl(const uint8_t *bytes, size_t size, uint16_t type, uint32_t *ret_ttl_s);

#endif
