/* SPDX-License-Identifier: Apache-2.0 */
/* Building, copying and writing of read preferences. */
#include "uri/read_pref.h"

#include "base/assert.h"
#include "base/bson_writer.h"
#include "base/mem.h"

#include "muv/error.h"

#include <string.h>

const char *const muv__read_mode_names[] = {
    "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest", NULL};

/* Drop tags until `tag_count` are left; gives the array back when none is. */
static void drop_tags(muv__read_pref_t *pref, uint32_t tag_count)
{
    while (pref->tag_count > tag_count) {
        pref->tag_count--;
        muv__mem_free(pref->tags[pref->tag_count].key);
    }
    if (pref->tag_count == 0) {
        muv__mem_free(pref->tags);
        pref->tags = NULL;
    }
}

void muv__read_pref_done(muv__read_pref_t *pref)
{
    drop_tags(pref, 0);
    pref->set_count = 0;
}

int muv__read_pref_add_set(muv__read_pref_t *pref)
{
    if (pref->set_count == MUV__READ_PREF_SETS_MAX) {
        return MUV_ETOOLARGE;
    }
    pref->set_count++;
    return 0;
}

static int append_tag(muv__read_pref_t *pref, const muv__read_tag_t *tag)
{
    muv__read_tag_t *tags =
        muv__mem_realloc_array(pref->tags, pref->tag_count + (size_t)1, sizeof(*tags));

    if (tags == NULL) {
        return MUV_ENOMEM;
    }
    pref->tags = tags;
    tags[pref->tag_count] = *tag;
    pref->tag_count++;
    return 0;
}

int muv__read_pref_add_tag(muv__read_pref_t *pref, const char *key, size_t key_length,
                           const char *value, size_t value_length)
{
    muv__read_tag_t tag;
    char *value_at;

    if (pref->tag_count == MUV__READ_PREF_TAGS_MAX) {
        return MUV_ETOOLARGE;
    }
    if (pref->set_count == 0 || key_length == 0 || memchr(key, '\0', key_length) != NULL ||
        (value_length != 0 && memchr(value, '\0', value_length) != NULL)) {
        return MUV_EINVAL;
    }
    tag.key = muv__mem_zalloc(key_length + value_length + 2);
    if (tag.key == NULL) {
        return MUV_ENOMEM;
    }
    value_at = tag.key + key_length + 1;
    memcpy(tag.key, key, key_length);
    memcpy(value_at, value, value_length);
    tag.value = value_at;
    tag.set = pref->set_count - 1;
    if (append_tag(pref, &tag) != 0) {
        muv__mem_free(tag.key);
        return MUV_ENOMEM;
    }
    return 0;
}

int muv__read_pref_copy(muv__read_pref_t *to, const muv__read_pref_t *from)
{
    muv__read_pref_t copy = {.mode = from->mode, .max_staleness_s = from->max_staleness_s};

    for (uint32_t i = 0; i < from->tag_count; i++) {
        const muv__read_tag_t *tag = &from->tags[i];
        int rc;

        copy.set_count = tag->set + 1;
        rc = muv__read_pref_add_tag(&copy, tag->key, strlen(tag->key), tag->value,
                                    strlen(tag->value));
        if (rc != 0) {
            muv__read_pref_done(&copy);
            return rc;
        }
    }
    copy.set_count = from->set_count;
    *to = copy;
    return 0;
}

/* "key:value": the first ':' divides, a value may contain more of them. */
static int add_pair(muv__read_pref_t *pref, const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);

    if (colon == NULL) {
        return MUV_EINVAL;
    }
    return muv__read_pref_add_tag(pref, text, (size_t)(colon - text), colon + 1,
                                  length - (size_t)(colon - text) - 1);
}

int muv__read_pref_add_text(muv__read_pref_t *pref, const char *text, size_t length)
{
    uint32_t set_count = pref->set_count;
    uint32_t tag_count = pref->tag_count;
    int rc = muv__read_pref_add_set(pref);

    while (rc == 0 && length > 0) {
        const char *comma = memchr(text, ',', length);
        size_t pair_length = comma == NULL ? length : (size_t)(comma - text);

        rc = add_pair(pref, text, pair_length);
        if (comma == NULL) {
            break;
        }
        text = comma + 1;
        length -= pair_length + 1;
        if (length == 0 && rc == 0) {
            rc = MUV_EINVAL; /* Nothing behind the last comma. */
        }
    }
    if (rc != 0) {
        pref->set_count = set_count;
        drop_tags(pref, tag_count);
    }
    return rc;
}

int muv__read_pref_set_max_staleness(muv__read_pref_t *pref, int64_t max_staleness_s)
{
    if (max_staleness_s == -1) {
        pref->max_staleness_s = 0;
        return 0;
    }
    if (max_staleness_s <= 0 || max_staleness_s > INT32_MAX) {
        return MUV_EINVAL;
    }
    pref->max_staleness_s = (int32_t)max_staleness_s;
    return 0;
}

int muv__read_pref_is_valid(const muv__read_pref_t *pref)
{
    return pref->mode != MUV__READ_PRIMARY || (pref->tag_count == 0 && pref->max_staleness_s == 0);
}

static void write_set(const muv__read_pref_t *pref, uint32_t set, uint32_t *tag_at, muv__buf_t *buf)
{
    char key[11];
    size_t key_length = muv__bson_index_key(key, set);
    muv__bson_mark_t mark = muv__bson_begin_document(buf, key, key_length);

    while (*tag_at < pref->tag_count && pref->tags[*tag_at].set == set) {
        const muv__read_tag_t *tag = &pref->tags[*tag_at];

        muv__bson_utf8(buf, tag->key, strlen(tag->key), tag->value, strlen(tag->value));
        ++*tag_at;
    }
    muv__bson_end(buf, mark);
}

void muv__read_pref_write(const muv__read_pref_t *pref, muv__buf_t *buf)
{
    const char *mode;

    MUV__ASSERT(pref->mode >= MUV__READ_PRIMARY && pref->mode <= MUV__READ_NEAREST);
    mode = muv__read_mode_names[pref->mode];
    muv__bson_utf8(buf, MUV__KEY("mode"), mode, strlen(mode));
    if (pref->set_count > 0) {
        muv__bson_mark_t mark = muv__bson_begin_array(buf, MUV__KEY("tags"));
        uint32_t tag_at = 0;

        for (uint32_t set = 0; set < pref->set_count; set++) {
            write_set(pref, set, &tag_at, buf);
        }
        muv__bson_end(buf, mark);
    }
    if (pref->max_staleness_s > 0) {
        muv__bson_int32(buf, MUV__KEY("maxStalenessSeconds"), pref->max_staleness_s);
    }
}
