/* SPDX-License-Identifier: Apache-2.0 */
/* What read operations share: the options that several commands take, checked and written in one
 * way, and commands on a database. */
#ifndef MUV__READ_H
#define MUV__READ_H

#include "muv/database.h"
#include "muv/find.h"

#include "client/client_inner.h"
#include "client/cursor.h"

struct muv_database {
    muv_client_t *client;
    muv__concerns_t *concerns;
    int64_t timeout_ms; /* 0: the client's. */
    size_t name_length;
    char name[]; /* With NUL. */
};

/* Which collection or database a command is about, and what it inherits. */
typedef struct muv__target {
    muv_client_t *client;
    muv__concerns_t *concerns;
    const char *database;
    size_t database_length;
    const char *collection; /* NULL: the database as a whole. */
    size_t collection_length;
    int64_t timeout_ms;
} muv__target_t;

muv__target_t muv__target_of_collection(const muv_collection_t *collection);
muv__target_t muv__target_of_database(const muv_database_t *database);

/* A command on the target: its concerns, and which of them the command takes (MUV__TAIL_*). The
 * deliver function is the kind's. Fails as muv__op_new(). */
int muv__target_command_new(const muv__target_t *target, muv_op_t *parent, uint8_t kind,
                            unsigned tail, muv__deliver_t deliver, muv_op_t **ret);

/* Start it. `timeout_ms` 0: the target's. */
int muv__target_command_launch(const muv__target_t *target, muv_op_t *op, int64_t timeout_ms,
                               muv_op_t **ret_op);

/* Options that most read commands have. */
typedef struct muv__read_fields {
    const char *hint;
    const bson_t *hint_document;
    const bson_t *comment;
    const bson_t *collation;
    const bson_t *let;
    int64_t max_time_ms;
} muv__read_fields_t;

/* Returns 0, or MUV_EINVAL with the refusal noted. */
int muv__read_fields_check(muv_client_t *client, const muv__read_fields_t *fields);
int muv__check_comment(muv_client_t *client, const bson_t *comment);
int muv__check_batch_size(muv_client_t *client, int32_t batch_size);
/* (CSOT: negative timeouts are errors; MUV_INFINITE is none.) */
int muv__check_timeout(muv_client_t *client, int64_t timeout_ms);
int muv__check_not_negative(muv_client_t *client, const char *name, int64_t value);

/* All but maxTimeMS, which belongs to the tail: the caller sets op->max_time_ms. */
void muv__read_fields_write(muv__buf_t *buf, const muv__read_fields_t *fields);

/* The only element of `document` under the key "comment"; nothing when it is empty. */
void muv__write_comment(muv__buf_t *buf, muv__span_t document);

/* An optional document, or a flag that was set. */
void muv__write_document(muv__buf_t *buf, const char *key, size_t length, const bson_t *document);
void muv__write_flag(muv__buf_t *buf, const char *key, size_t length, int8_t flag);

/* --- find_command.c ----------------------------------------------------------------------------*/

int muv__find_check(muv_client_t *client, const muv_find_opts_t *opts);
void muv__find_write(muv__buf_t *buf, const muv_collection_t *collection, const bson_t *filter,
                     const muv_find_opts_t *opts);

#endif
