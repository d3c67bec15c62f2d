/* SPDX-License-Identifier: Apache-2.0 */
/* A $clusterTime: the highest one seen, with the signature that servers check (Driver Sessions:
 * gossipping the cluster time). The document is kept as it came and compared by its `clusterTime`
 * only. */
#ifndef MUV__CLUSTER_TIME_H
#define MUV__CLUSTER_TIME_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* Servers send about 90 bytes; more than this is not kept. */
#define MUV__CLUSTER_TIME_MAX_BYTES 512

typedef struct muv__cluster_time {
    uint64_t time; /* Timestamp: seconds, increment. 0: none seen. */
    uint32_t size;
    uint8_t document[MUV__CLUSTER_TIME_MAX_BYTES];
} muv__cluster_time_t;

static inline void muv__cluster_time_init(muv__cluster_time_t *cluster_time)
{
    cluster_time->time = 0;
    cluster_time->size = 0;
}

/* The `clusterTime` of a checked document. 0: it has none, or not of type timestamp. */
uint64_t muv__cluster_time_of(muv__span_t document);

/* Take over `document` (checked) when it is later. Returns 1 when it was. Ones without a
 * clusterTime, or too large, change nothing. On the way of every reply. */
int muv__cluster_time_advance(muv__cluster_time_t *cluster_time, muv__span_t document);

/* The later of the two, which may be NULL; NULL when neither has seen any. */
const muv__cluster_time_t *muv__cluster_time_later(const muv__cluster_time_t *a,
                                                   const muv__cluster_time_t *b);

/* Append `$clusterTime: document`. */
void muv__cluster_time_write(muv__buf_t *buf, const muv__cluster_time_t *cluster_time);

#endif
