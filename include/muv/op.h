/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: everything that was started and will call back. They can be cancelled, have one
 * deadline, and form a tree. A muv_op_t is valid until its callback has returned. */
#ifndef MUV_OP_H
#define MUV_OP_H

#include "muv/client.h"
#include "muv/error.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* End an operation with MUV_ECANCELED (`in_doubt` says whether a write may have been applied). Its
 * callback comes later, from the loop. Children are cancelled too. A healthy connection is kept:
 * the late reply is dropped when it comes. Cancelling twice, or an operation that has ended and
 * waits for its callback, does nothing. */
MUV_API void muv_op_cancel(muv_op_t *op);

/* The client an operation belongs to. */
MUV_API muv_client_t *muv_op_client(const muv_op_t *op);

typedef struct muv_op_opts {
    int64_t timeout_ms;         /* One deadline for the operation and all its children. */
    muv_op_t *parent;           /* [borrow] */
    muv_session_t *session;     /* [borrow] */
    int8_t finish_when_stopped; /* MUV_YES: ended from outside, the composite counts as finished,
                                 * so that one that waits for its user ends too. */
} muv_op_opts_t;

/* Open a composite: commands and composites are started under it by naming it as their `.parent`.
 * Its deadline, session and cancel go down to them. It completes once, when muv_op_finish() was
 * called and all children have called back, also without any child.
 *
 * The first error wins and becomes the composite's: that of a child (when its callback has returned
 * and did not call muv_op_absorb_error()), the one given to muv_op_finish(), or the composite's own
 * end by cancel, timeout or close. Errors do not stop the other children. Under a composite that
 * was ended from outside nothing new can be started: start calls return MUV_ECLOSED.
 *
 * opts    [borrow] NULL: defaults.
 * ret_op  [borrow] Not NULL. Valid until `cb` returns.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK. */
MUV_API MUV_CHECK int muv_op_begin(muv_client_t *client, const muv_op_opts_t *opts, muv_done_cb cb,
                                   void *data, muv_op_t **ret_op);

/* No more children will be started under the composite. Must be called once for each.
 *
 * error  [borrow] NULL: success, unless the composite was ended from outside. */
MUV_API void muv_op_finish(muv_op_t *op, const muv_error_t *error);

/* Called inside the callback of a child that failed: its error does not go up to the parent. */
MUV_API void muv_op_absorb_error(muv_op_t *op);

/* Hang a pointer of the layer above on an operation, for functions that are given the operation
 * only: `key` is an address that nobody else has. The last call counts; muv_op_context() gives NULL
 * when the operation is NULL or its pointer was set with another key. */
MUV_API void muv_op_set_context(muv_op_t *op, const void *key, void *context);
MUV_API void *muv_op_context(const muv_op_t *op, const void *key);

/* The first error that has reached a composite so far, or NULL. A child's callback may ask, to stop
 * early. */
MUV_API const muv_error_t *muv_op_error(const muv_op_t *op);

MUV_END_DECLS

#endif
