/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian loads and stores on unaligned bytes. Compilers turn each into one instruction. */
#ifndef MUV__ENDIAN_H
#define MUV__ENDIAN_H

#include <stdint.h>
#include <string.h>

static inline uint32_t muv__load_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline int32_t muv__load_i32(const uint8_t *bytes)
{
    return (int32_t)muv__load_u32(bytes);
}

static inline uint64_t muv__load_u64(const uint8_t *bytes)
{
    return (uint64_t)muv__load_u32(bytes) | (uint64_t)muv__load_u32(bytes + 4) << 32;
}

static inline int64_t muv__load_i64(const uint8_t *bytes)
{
    return (int64_t)muv__load_u64(bytes);
}

static inline double muv__load_double(const uint8_t *bytes)
{
    uint64_t bits = muv__load_u64(bytes);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline void muv__store_u32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)(value >> 16);
    bytes[3] = (uint8_t)(value >> 24);
}

static inline void muv__store_i32(uint8_t *bytes, int32_t value)
{
    muv__store_u32(bytes, (uint32_t)value);
}

static inline void muv__store_u64(uint8_t *bytes, uint64_t value)
{
    muv__store_u32(bytes, (uint32_t)value);
    muv__store_u32(bytes + 4, (uint32_t)(value >> 32));
}

static inline void muv__store_i64(uint8_t *bytes, int64_t value)
{
    muv__store_u64(bytes, (uint64_t)value);
}

static inline void muv__store_double(uint8_t *bytes, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    muv__store_u64(bytes, bits);
}

#endif
