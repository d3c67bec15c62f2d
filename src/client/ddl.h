/* SPDX-License-Identifier: Apache-2.0 */
/* What commands on indexes and collections share. */
#ifndef MUV__DDL_H
#define MUV__DDL_H

#include "muv/index.h"

#include "base/server_code.h"
#include "client/write.h"

/* Begin a command on `collection` with its options checked. It is acknowledged whatever the write
 * concern: these commands always answer. `tail` is MUV__TAIL_*. Returns 0 or the code to be
 * returned. */
int muv__ddl_begin(muv_collection_t *collection, const muv_ddl_opts_t *opts, muv__span_t name,
                   unsigned tail, muv__deliver_t deliver, muv_op_t **ret);

/* Write the comment, and start it. */
int muv__ddl_launch(muv_collection_t *collection, const muv_ddl_opts_t *opts, muv_op_t *op,
                    muv_op_t **ret_op);

/* Deliver through op->cb.reply. */
void muv__ddl_deliver_reply(muv_op_t *op);

#endif
