/* SPDX-License-Identifier: Apache-2.0 */
/* zlib's memory is ours: counted, and able to fail like all of it. For z_stream.zalloc and zfree.
 */
#ifndef MUV__ZLIB_MEMORY_H
#define MUV__ZLIB_MEMORY_H

#include "base/mem.h"

static inline void *muv__zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return muv__mem_array(count, size);
}

static inline void muv__zlib_free(void *opaque, void *memory)
{
    (void)opaque;
    muv__mem_free(memory);
}

#endif
