/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), the checksum of OP_MSG. */
#ifndef MUV__CRC32C_H
#define MUV__CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue `crc` (0 at the start) over `size` more bytes. */
uint32_t muv__crc32c(uint32_t crc, const uint8_t *bytes, size_t size);

#endif
