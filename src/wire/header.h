/* SPDX-License-Identifier: Apache-2.0 */
/* The 16 bytes in front of every message. */
#ifndef MUV__HEADER_H
#define MUV__HEADER_H

#include <stdint.h>

#include "base/endian.h"

#define MUV__HEADER_SIZE 16

enum { MUV__OP_COMPRESSED = 2012, MUV__OP_MSG = 2013 };

typedef struct muv__header {
    int32_t length; /* Of the whole message in bytes, header included. */
    int32_t request_id;
    int32_t response_to;
    int32_t opcode;
} muv__header_t;

static inline muv__header_t muv__header_read(const uint8_t bytes[MUV__HEADER_SIZE])
{
    muv__header_t header = {muv__load_i32(bytes), muv__load_i32(bytes + 4),
                            muv__load_i32(bytes + 8), muv__load_i32(bytes + 12)};

    return header;
}

static inline void muv__header_write(uint8_t bytes[MUV__HEADER_SIZE], const muv__header_t *header)
{
    muv__store_i32(bytes, header->length);
    muv__store_i32(bytes + 4, header->request_id);
    muv__store_i32(bytes + 8, header->response_to);
    muv__store_i32(bytes + 12, header->opcode);
}

#endif
