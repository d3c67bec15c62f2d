/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions (Driver Sessions, Causal Consistency and Snapshot Reads specifications).
 *
 * Every acknowledged command is part of a session. Without one given it is part of an implicit
 * session that libmuv takes from its pool for the command, or for the life of its cursor, and that
 * costs nothing. An explicit session, given as `.session` of an operation or of a composite (whose
 * children inherit it), is causally consistent by default: an operation sees what earlier ones of
 * the same session saw and did. An unacknowledged write is part of no session; starting one with an
 * explicit session is refused.
 *
 * Operations of one session run one after the other: start the next one when the one before has
 * called back. libmuv does not hold them back; the server's answers would be in no defined order.
 */
#ifndef MUV_SESSION_H
#define MUV_SESSION_H

#include "muv/error.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

typedef struct muv_session_opts {
    int8_t causal_consistency; /* causalConsistency, default MUV_YES; MUV_NO with `snapshot`. */
    int8_t snapshot;           /* All reads see the data of one moment. Not with causal consistency;
                                * servers of MongoDB 5.0 and later. */
    uint64_t snapshot_time;    /* snapshotTime: that moment, as muv_session_snapshot_time() gave it,
                                * instead of the first read's. With `snapshot` only. */
    int64_t default_timeout_ms; /* defaultTimeoutMS of commitTransaction, abortTransaction and
                                 * withTransaction. */
} muv_session_opts_t;

/* Start a session. No network: the server learns of it with the first command.
 *
 * opts  [borrow] NULL: defaults.
 * ret   [own]    End it with muv_session_end().
 *
 * Returns 0, MUV_EINVAL (snapshot with causal consistency, snapshot_time without snapshot),
 * MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; muv_client_refusal() says why. That the server has no
 * sessions is told by the first operation (MUV_ECOMPAT). */
MUV_API MUV_CHECK int muv_session_start(muv_client_t *client, const muv_session_opts_t *opts,
                                        muv_session_t **ret);

/* End a session: its identifier goes back to the pool when the last operation and cursor that use
 * it have ended. Starting operations with an ended session is misuse. NULL is allowed. May be
 * called after the client was closed. */
MUV_API void muv_session_end(muv_session_t *session);

/* Inside the callback of an operation: a session for commands that must go on in the one it ran in
 * (the getMore and killCursors of layers that send their own). An explicit session is given out
 * once more and lasts until it was ended as often; an implicit one becomes a session without causal
 * consistency, if the reply has left a cursor open.
 *
 * ret  [own] muv_session_end(). NULL: there is none to go on in; `.session` may be left out.
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_op_take_session(muv_op_t *op, muv_session_t **ret);

/* The session's lsid: {id: UUID}. [borrow] As long as the session. NULL before its first command
 * was sent (identifiers are taken when a connection is there). */
MUV_API const bson_t *muv_session_id(muv_session_t *session);

/* The highest $clusterTime this session has seen. [borrow] Until the next operation of the session
 * calls back. NULL: none. */
MUV_API const bson_t *muv_session_cluster_time(muv_session_t *session);

/* Let the session know of a $clusterTime of another one (advanceClusterTime). Older ones change
 * nothing. It is not checked: a wrong one makes the server refuse the commands of the session.
 * Returns 0, or MUV_EINVAL (no `clusterTime` of type timestamp in it, or more than 512 bytes). */
MUV_API MUV_CHECK int muv_session_advance_cluster_time(muv_session_t *session,
                                                       const bson_t *cluster_time);

/* The operationTime of the session's last operation: seconds in the upper half, increment in the
 * lower one. 0: none. */
MUV_API uint64_t muv_session_operation_time(const muv_session_t *session);

/* Let the session wait for the operationTime of another one (advanceOperationTime). */
MUV_API void muv_session_advance_operation_time(muv_session_t *session, uint64_t operation_time);

/* The moment that a snapshot session reads at, in `*ret`: that of its first read, 0 before it.
 * Returns 0, or MUV_EINVAL when the session is no snapshot session. */
MUV_API MUV_CHECK int muv_session_snapshot_time(const muv_session_t *session, uint64_t *ret);

MUV_END_DECLS

#endif
