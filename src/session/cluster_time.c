/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing and keeping cluster times. Servers put `clusterTime` first, which makes the usual case,
 * nothing new, one comparison of bytes that lie at known places. */
#include "session/cluster_time.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/compiler.h"

static const uint8_t first_element[] = {
    MUV__BSON_TIMESTAMP, 'c', 'l', 'u', 's', 't', 'e', 'r', 'T', 'i', 'm', 'e', 0};

/* Of a document: behind its length; a NUL ends it. */
#define FIRST_VALUE_AT (4 + sizeof(first_element))
#define USUAL_SIZE_MIN (FIRST_VALUE_AT + 8 + 1)

static uint64_t search(muv__span_t document)
{
    muv__bson_iter_t iter;

    if (document.data == NULL ||
        !muv__bson_find(document.data, document.size, "clusterTime", &iter) ||
        iter.type != MUV__BSON_TIMESTAMP) {
        return 0;
    }
    return muv__load_u64(iter.value);
}

uint64_t muv__cluster_time_of(muv__span_t document)
{
    if (MUV__LIKELY(document.size >= USUAL_SIZE_MIN &&
                    memcmp(document.data + 4, first_element, sizeof(first_element)) == 0)) {
        return muv__load_u64(document.data + FIRST_VALUE_AT);
    }
    return search(document);
}

int muv__cluster_time_advance(muv__cluster_time_t *cluster_time, muv__span_t document)
{
    uint64_t time = muv__cluster_time_of(document);

    if (MUV__LIKELY(time <= cluster_time->time) || document.size > sizeof(cluster_time->document)) {
        return 0;
    }
    cluster_time->time = time;
    cluster_time->size = (uint32_t)document.size;
    memcpy(cluster_time->document, document.data, document.size);
    return 1;
}

const muv__cluster_time_t *muv__cluster_time_later(const muv__cluster_time_t *a,
                                                   const muv__cluster_time_t *b)
{
    uint64_t a_time = a == NULL ? 0 : a->time;
    uint64_t b_time = b == NULL ? 0 : b->time;

    if (a_time == 0 && b_time == 0) {
        return NULL;
    }
    return a_time >= b_time ? a : b;
}

void muv__cluster_time_write(muv__buf_t *buf, const muv__cluster_time_t *cluster_time)
{
    muv__bson_document(buf, MUV__KEY("$clusterTime"),
                       muv__span(cluster_time->document, cluster_time->size));
}
