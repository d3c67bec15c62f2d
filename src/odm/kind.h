/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of fields are: their C types, and how one value of each is read from BSON, written
 * and compared. Embedded documents and lists are put together from these in decode.c, encode.c and
 * diff.c. */
#ifndef MUV__ODM_KIND_H
#define MUV__ODM_KIND_H

#include "muv/odm/types.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "odm/schema.h"

/* Any list, whatever it holds. */
typedef struct muv__list_view {
    void *data;
    uint32_t count;
    uint32_t capacity;
} muv__list_view_t;

/* Lists have many types and one layout: copying the bytes keeps to the aliasing rules. */
static inline muv__list_view_t muv__list_load(const void *list)
{
    muv__list_view_t view;

    memcpy(&view, list, sizeof(view));
    if (view.data == NULL) {
        view.count = 0;
    }
    return view;
}

static inline void muv__list_store(void *list, muv__list_view_t view)
{
    memcpy(list, &view, sizeof(view));
}

/* Size and alignment of the member of a scalar kind or a reference; 0 for every other kind. */
uint32_t muv__kind_size(unsigned kind);
uint32_t muv__kind_alignment(unsigned kind);

/* The kind's name as MongoEngine's users know it: "string"; "value" for unknown ones. */
const char *muv__kind_name(unsigned kind);

/* The name of a BSON type in messages. */
const char *muv__bson_type_name(unsigned type);

int muv__kind_is_number(unsigned kind);

/* A value that is nothing by itself: a string, binary or reference without pointer or key. */
int muv__kind_is_void(unsigned kind, const void *member);

/* Read the value that `iter` stands on into a member of `kind`. Numbers convert where nothing is
 * lost. `target` is a reference's. Returns 1, or 0 when the types do not fit. */
int muv__kind_read(unsigned kind, const muv_schema_t *target, const muv__bson_iter_t *iter,
                   void *member);

/* Write a member as the element `key`. References without a key of their own take that of their
 * document. Returns 0, or MUV_EVALIDATION for a reference to a document without key. */
int muv__kind_write(unsigned kind, const muv__field_t *field, const void *member, const char *key,
                    size_t length, muv__buf_t *buf);

/* Do two members of one kind hold the same value? Doubles by their bits: -0 and 0 differ. */
int muv__kind_equal(unsigned kind, const void *a, const void *b);

/* The key of a reference, its document's if it has none itself. Returns 1 or 0. */
int muv__ref_key(const muv_ref_t *ref, muv_value_t *ret);

/* Put a scalar value into a member of `kind`; integers of both widths fit each other when in range.
 * Returns 1, or 0 when it does not fit. */
int muv__value_to_member(const muv_value_t *value, unsigned kind, void *member);

/* The value of a scalar member. */
muv_value_t muv__value_of_member(unsigned kind, const void *member);

#endif
