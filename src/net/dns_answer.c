/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the records of a message. Names are stepped over, never followed: a pointer ends a
 * name, so the walk only goes forward and every step is checked against the end. */
#include "net/dns_answer.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/span.h"

#define HEADER_SIZE 12
#define QUESTION_TAIL_SIZE 4 /* Type and class. */
#define RECORD_TAIL_SIZE 10  /* Type, class, time to live, length of the data. */
#define CLASS_IN 1
#define POINTER_BITS 0xc0u

/* Times to live with the highest bit set count as 0 (RFC 2181, part 8). */
#define TTL_MAX UINT32_C(0x7fffffff)

static uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)read_u16(at) << 16 | read_u16(at + 2);
}

/* Take `size` bytes from the front, or NULL. */
static const uint8_t *take(muv__span_t *rest, size_t size)
{
    const uint8_t *at = rest->data;

    if (rest->size < size) {
        return NULL;
    }
    rest->data = at + size;
    rest->size -= size;
    return at;
}

/* Labels up to the empty one, or up to a pointer. Returns 1, or 0 when they do not end. */
static int skip_name(muv__span_t *rest)
{
    const uint8_t *at;

    while ((at = take(rest, 1)) != NULL) {
        if ((*at & POINTER_BITS) == POINTER_BITS) {
            return take(rest, 1) != NULL;
        }
        if ((*at & POINTER_BITS) != 0) {
            return 0;
        }
        if (*at == 0) {
            return 1;
        }
        if (take(rest, *at) == NULL) {
            return 0;
        }
    }
    return 0;
}

int muv__dns_lowest_ttl(const uint8_t *bytes, size_t size, uint16_t type, uint32_t *ret_ttl_s)
{
    muv__span_t rest = muv__span(bytes, size);
    const uint8_t *header = take(&rest, HEADER_SIZE);
    uint32_t lowest = TTL_MAX;
    int count = 0;

    if (header == NULL) {
        return MUV_EPROTOCOL;
    }
    for (unsigned left = read_u16(header + 4); left > 0; left--) {
        if (!skip_name(&rest) || take(&rest, QUESTION_TAIL_SIZE) == NULL) {
            return MUV_EPROTOCOL;
        }
    }
    for (unsigned left = read_u16(header + 6); left > 0; left--) {
        const uint8_t *record = skip_name(&rest) ? take(&rest, RECORD_TAIL_SIZE) : NULL;

        if (record == NULL || take(&rest, read_u16(record + 8)) == NULL) {
            return MUV_EPROTOCOL;
        }
        if (read_u16(record) == type && read_u16(record + 2) == CLASS_IN) {
            uint32_t ttl_s = read_u32(record + 4);

            ttl_s = ttl_s > TTL_MAX ? 0 : ttl_s;
            lowest = ttl_s < lowest ? ttl_s : lowest;
            count++;
        }
    }
    MUV__ASSERT(rest.size <= size);
    if (count > 0) {
        *ret_ttl_s = lowest;
    }
    return count;
}
