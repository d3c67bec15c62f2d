/* SPDX-License-Identifier: Apache-2.0 */
/* The tree that both spellings of conditions become: groups of entries that must all hold. An entry
 * is one key of the document that is sent. Conditions on one field are merged into one entry where
 * both are operator documents with different operators; otherwise the field's entries clash and go
 * into an $and. Values are encoded already; everything lives in one arena. */
#ifndef MUV__ODM_FILTER_H
#define MUV__ODM_FILTER_H

#include "muv/error.h"
#include "muv/odm/condition.h"

#include "base/buf.h"
#include "base/span.h"
#include "odm/arena.h"
#include "odm/query_path.h"

#define MUV__FILTER_MAX_TERMS 10000u
#define MUV__FILTER_MAX_DEPTH 32

enum {
    MUV__TERM_PLAIN = 1,    /* path: value */
    MUV__TERM_OPERATORS,    /* path: {$gt: ..., $lt: ...} */
    MUV__TERM_ALTERNATIVES, /* $or or $nor over groups */
};

typedef struct muv__term muv__term_t;

/* Entries that must all hold. */
typedef struct muv__group {
    muv__term_t *first;
    muv__term_t *last;
    struct muv__group *next; /* Of the same alternatives. */
    uint32_t count;          /* Of entries. */
} muv__group_t;

struct muv__term {
    muv__term_t *next;
    muv__term_t *more; /* Operators: further documents of operators of the same entry. */
    const char *path;
    uint32_t path_length;
    uint32_t hash;
    uint8_t kind;
    uint8_t type;      /* Plain: of the value. */
    uint8_t clash;     /* Goes into $and. */
    muv__span_t value; /* Plain: raw value. Operators: a BSON document. */
    muv__group_t *groups;
};

/* What conditions are compiled with. */
typedef struct muv__filter {
    muv__arena_t *arena;
    muv_error_t *reterr;
    const muv_schema_t *schema; /* Of the struct that paths begin in. */
    const muv__field_t *list;   /* Set: conditions are on plain elements of this list. */
    uint32_t terms;
    int depth;
} muv__filter_t;

/* Add a condition to a group. Returns 0, MUV_EINVAL, MUV_EVALIDATION, MUV_ENOMEM or MUV_ETOOLARGE
 * with an error. */
int muv__filter_add(muv__filter_t *filter, muv__group_t *group, const muv_condition_t *condition);

/* The condition on the elements of the list at `path`, as the document that $elemMatch and $pull
 * take, appended to `buf` as the element `key`. */
int muv__filter_write_elements(muv__filter_t *filter, const muv__query_path_t *path,
                               const muv_condition_t *condition, const char *key, muv__buf_t *buf);

/* Append the group as one BSON document. `buf` keeps its errors. */
void muv__group_write(const muv__group_t *group, muv__buf_t *buf);

/* A deep copy. Returns 0 or the arena's error. */
int muv__group_copy(const muv__group_t *group, muv__arena_t *arena, muv__group_t *ret);

/* --- between the files of the filter -----------------------------------------------------------*/

/* A term without place yet; NULL with an error. `path` is copied. */
muv__term_t *muv__term_new(muv__filter_t *filter, uint8_t kind, const char *path, size_t length);

/* Put a term into a group, merging it where that is possible. */
int muv__group_add(muv__filter_t *filter, muv__group_t *group, muv__term_t *term);

/* The term of one condition on one field: filter_term.c. */
int muv__filter_add_field(muv__filter_t *filter, muv__group_t *group, const muv__query_path_t *path,
                          unsigned op, int negated, const muv_operand_t *operand);

/* The string form: string_filter.c. */
int muv__filter_add_named(muv__filter_t *filter, muv__group_t *group, const char *name,
                          const muv_operand_t *operand);

/* Not what `term` says, as one term: `ret` is NULL when that takes a $nor. */
int muv__term_negate(muv__filter_t *filter, const muv__term_t *term, muv__term_t **ret);

/* Would the server take this document for operators? A DBRef is a value. */
int muv__is_operators(const uint8_t *document, size_t size);

/* Fill the filter's error from a code of arena or buffer. */
int muv__filter_fail(muv__filter_t *filter, int code);

#endif
