/* SPDX-License-Identifier: Apache-2.0 */
/* Primary keys: how they are written, compared and hashed. */
#include "odm/key.h"

#include "odm/kind.h"

#include <string.h>

#define ELEMENT_OVERHEAD 16

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    /* FNV-1a: ids differ in their last bytes, all of which count. */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void muv__key_write(muv_writer_t *writer, const char *name, const muv_value_t *key)
{
    switch (key->kind) {
    case MUV_KIND_OBJECTID: muv_writer_oid(writer, name, key->as.oid.bytes); return;
    case MUV_KIND_STRING: muv_writer_utf8(writer, name, key->as.str.data, key->as.str.size); return;
    case MUV_KIND_BINARY:
        muv_writer_binary(writer, name, key->as.bin.subtype, key->as.bin.data, key->as.bin.size);
        return;
    case MUV_KIND_DATETIME: muv_writer_datetime(writer, name, key->as.datetime.ms); return;
    default: muv_writer_int64(writer, name, key->as.int64); return;
    }
}

size_t muv__key_size(const muv_value_t *key)
{
    switch (key->kind) {
    case MUV_KIND_STRING: return ELEMENT_OVERHEAD + (size_t)key->as.str.size;
    case MUV_KIND_BINARY: return ELEMENT_OVERHEAD + (size_t)key->as.bin.size;
    default: return ELEMENT_OVERHEAD + sizeof(muv_oid_t);
    }
}

int muv__key_equal(const muv_value_t *a, const muv_value_t *b)
{
    return a->kind == b->kind && muv__kind_equal(a->kind, &a->as, &b->as);
}

uint64_t muv__key_hash(const muv_value_t *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ key->kind;

    switch (key->kind) {
    case MUV_KIND_STRING: return mix(hash, key->as.str.data, key->as.str.size);
    case MUV_KIND_BINARY: return mix(hash, key->as.bin.data, key->as.bin.size);
    case MUV_KIND_OBJECTID: return mix(hash, key->as.oid.bytes, sizeof(muv_oid_t));
    default: return mix(hash, &key->as.int64, sizeof(key->as.int64));
    }
}
