/* SPDX-License-Identifier: Apache-2.0 */
/* Insert of many documents: a composite whose commands follow one another.
 *
 *   gather documents in the run --> a command takes what its connection's limits allow --> reply
 *        ^                                   ^                                              |
 *        |                                   +----------- the run holds more ---------------+
 *        +-------------------------------- the source holds more ---------------------------+
 *
 *   insert_many.c     start, commands, end
 *   insert_source.c   where the documents come from: the run
 *   insert_slice.c    what of the run one command takes
 *   insert_lists.c    errors that were met
 */
#ifndef MUV__INSERT_MANY_H
#define MUV__INSERT_MANY_H

#include "base/server_code.h"
#include "base/shared_buf.h"
#include "client/write.h"

#define MUV__DATABASE_NAME_MAX 63

/* A reply that the lists of errors point into. */
struct muv__kept_reply {
    muv_reply_t *reply;
};

typedef struct muv__insert_many {
    muv__write_outcome_t outcome; /* First: what the caller sees. */
    muv_op_t *op;                 /* The composite. */
    muv__concerns_t *concerns;    /* Counted. */
    muv__buf_t head;              /* The command's elements, the same for all. */
    char database[MUV__DATABASE_NAME_MAX + 1];
    int8_t ordered;
    int8_t unacknowledged;

    /* Where documents come from. A whole array is in the run from the start. */
    const bson_t *const *borrowed; /* [borrow] Until done; or NULL. */
    muv_next_document_cb next;     /* NULL: there is an array. */
    void *next_data;
    size_t count;                        /* Of the array. */
    size_t batch_bytes;                  /* Gathered for one command. */
    uint8_t exhausted;                   /* No more documents come. */
    uint8_t (*generated)[MUV__OID_SIZE]; /* Ids that borrowed documents got; NULL: none. */

    /* The run. `first` counts as the caller does. */
    muv__shared_buf_t *run;
    uint32_t *offsets;  /* Of a whole array, for its ids; else NULL. */
    size_t gathered;    /* How many documents were put into a run so far. */
    size_t first;       /* The first one that no command has taken. */
    size_t at;          /* Its offset. */
    size_t slice_count; /* What the command in progress takes. */
    size_t slice_size;

    uint8_t stopped;   /* No more commands. */
    uint8_t applied;   /* Something was or may have been. */
    uint8_t in_doubt;  /* Something may have been. */
    muv_error_t error; /* The first one, unless code is 0. */
    muv_write_error_t *write_errors;
    size_t write_errors_capacity;
    muv_write_concern_error_t *concern_errors;
    size_t concern_errors_capacity;
    struct muv__kept_reply *replies;
    size_t reply_count;
    size_t replies_capacity;
} muv__insert_many_t;

/* --- insert_source.c ---------------------------------------------------------------------------*/

/* Copy a whole array into the run. Returns 0, or MUV_EINVAL or MUV_ENOMEM with the refusal noted.
 */
int muv__insert_copy(muv__insert_many_t *insert, const bson_t *const *documents);

/* Gather for at most one turn. Returns 1: there is enough for a command, or all there is; 0: go on
 * in the next turn. Negative: `insert->error` is filled. */
int muv__insert_gather(muv__insert_many_t *insert);

/* Ids for the caller: muv__write_outcome_t.find_id. */
int muv__insert_find_id(const muv__write_outcome_t *outcome, size_t index, muv_bson_value_t *ret);

/* --- insert_slice.c ----------------------------------------------------------------------------*/

/* The command's muv__prepare_t. */
int muv__insert_prepare(muv_op_t *op);

/* --- insert_lists.c ----------------------------------------------------------------------------*/

/* Take what the reply to the command in progress says. */
void muv__insert_take_reply(muv__insert_many_t *insert, muv_op_t *op);

/* A document that was not sent. Returns 0 or MUV_ENOMEM. */
int muv__insert_note_unsent(muv__insert_many_t *insert, size_t index);

/* The first error counts. */
void muv__insert_note_error(muv__insert_many_t *insert, const muv_error_t *error);

void muv__insert_free_lists(muv__insert_many_t *insert);

#endif
