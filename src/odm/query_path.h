/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of queries and updates: from typed handles or from names to stored names. Both ways give
 * the same stored path, and the field that operands are converted for. */
#ifndef MUV__ODM_QUERY_PATH_H
#define MUV__ODM_QUERY_PATH_H

#include "muv/error.h"

#include "odm/schema.h"

#define MUV__QUERY_PATH_SIZE 2048
#define MUV__QUERY_SEGMENTS 64

/* What a path may hold besides names. */
enum {
    MUV__PATH_POSITIONS = 1 << 0, /* Numbers. */
    MUV__PATH_MATCHED = 1 << 1    /* $, $[], $[name]: updates. */
};

/* One segment of a name. */
typedef struct muv__segment {
    const char *at;
    size_t length;
} muv__segment_t;

/* Where a query's walk begins and what it has found so far. */
typedef struct muv__query_path {
    const muv_schema_t *schema; /* Of the struct that the walk begins in. */
    const muv__field_t *field;  /* The last one; NULL: nothing yet. */
    int element;                /* Behind a position: an element of the list `field`. */
    int foreign;                /* Begun on an element of a list: `text` is empty. */
    size_t length;
    char text[MUV__QUERY_PATH_SIZE]; /* Stored names joined by ".". */
    char label[96];                  /* Names of members for messages, cut. */
} muv__query_path_t;

/* Cut a name at "__" and ".". Returns the number of segments, the last of which may be empty, or -1
 * when there are too many. */
int muv__name_split(const char *name, size_t length, muv__segment_t *segments);

static inline int muv__segment_is(const muv__segment_t *segment, const char *text)
{
    return strlen(text) == segment->length && memcmp(segment->at, text, segment->length) == 0;
}

/* Walk from the beginning of a struct. Return 0 or MUV_EINVAL with "Model.path: ...". */
int muv__path_of_segments(muv__query_path_t *path, const muv_schema_t *schema,
                          const muv__segment_t *segments, int count, unsigned allowed,
                          muv_error_t *reterr);
int muv__path_of_handle(muv__query_path_t *path, const muv_schema_t *schema,
                        const muv_path_t *handle, unsigned allowed, muv_error_t *reterr);

/* A name of a field without operators. */
int muv__path_of_name(muv__query_path_t *path, const muv_schema_t *schema, const char *name,
                      size_t length, unsigned allowed, muv_error_t *reterr);

/* Stand on the elements of a list of plain values: a path without text. */
void muv__path_of_elements(muv__query_path_t *path, const muv_schema_t *schema,
                           const muv__field_t *list);

/* Is it a whole list (and not an element of one)? The kind of one value: an element's for lists. */
static inline int muv__path_is_list(const muv__query_path_t *path)
{
    return path->field->kind == MUV_KIND_LIST && !path->element;
}

static inline unsigned muv__path_kind(const muv__query_path_t *path)
{
    return path->field->kind == MUV_KIND_LIST ? path->field->element : path->field->kind;
}

/* Fill `reterr` with "Model.label: ...". Returns MUV_EINVAL. */
MUV__PRINTF(3, 4)
int muv__path_fail(const muv__query_path_t *path, muv_error_t *reterr, const char *format, ...);

#endif
