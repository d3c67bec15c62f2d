/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C over bytes, with two tables of 16 remainders (low and high nibble) of the reflected
 * polynomial 0x82f63b78. Servers send checksums only when asked to, so small tables beat fast ones:
 * they do not push the hot path out of the cache. */
#include "wire/crc32c.h"

static const uint32_t low_nibble[16] = {
    0x00000000, 0xf26b8303, 0xe13b70f7, 0x1350f3f4, 0xc79a971f, 0x35f1141c, 0x26a1e7e8, 0xd4ca64eb,
    0x8ad958cf, 0x78b2dbcc, 0x6be22838, 0x9989ab3b, 0x4d43cfd0, 0xbf284cd3, 0xac78bf27, 0x5e133c24,
};
static const uint32_t high_nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t muv__crc32c(uint32_t crc, const uint8_t *bytes, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        uint8_t index = (uint8_t)(crc ^ bytes[i]);

        crc = (crc >> 8) ^ low_nibble[index & 15] ^ high_nibble[index >> 4];
    }
    return ~crc;
}
