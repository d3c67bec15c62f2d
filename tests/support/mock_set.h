/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a mock with a life of their own: a replica set with terms, elections, tags, lag and
 * members that come and go; several mongos; services behind a load balancer; and fail points.
 *
 * A mock_new_cluster() differs from the plain mocks of mock.h in that its members answer hellos
 * that wait (topologyVersion, maxAwaitTimeMS, exhaust), gossip cluster time, and refuse what their
 * state forbids: a secondary answers a write with 10107 and a read without a read preference with
 * 13435. Whatever changes a hello is pushed at once to those who wait for it. A script entry with a
 * body of its own wins over fail points, these over the state of the member, and that over handlers
 * and the ordinary reply. */
#ifndef MUV_TESTS_SUPPORT_MOCK_SET_H
#define MUV_TESTS_SUPPORT_MOCK_SET_H

#include "support/mock.h"

/* All zero but `members`: a current replica set "rs0"; member 0 is its primary. */
typedef struct mock_cluster_opts {
    const char *set_name; /* [borrow] */
    int members;          /* 1 to 8. */
    bool mongos;          /* Each member is a mongos of one cluster. */
    int services;         /* Not 0: member 0 is a load balancer in front of so many mongos; each
                           * connection gets the next one. */
    bool polling;         /* No topologyVersion, as before 4.4: hellos are answered at once. */
    bool no_cluster_time;
    bool no_labels;           /* Errors carry no RetryableWriteError. */
    bool no_sessions;         /* No logicalSessionTimeoutMinutes. */
    int32_t max_wire_version; /* 0: 21. */
} mock_cluster_opts_t;

muv_mock_t *mock_new_cluster(uv_loop_t *loop, const mock_cluster_opts_t *opts);

/* --- Elections -------------------------------------------------------------------------------- */

/* The member is the primary of a new term, and works; the one before is a secondary. */
void mock_elect(muv_mock_t *mock, int member);

/* The primary is a secondary, and there is none. It answers what its clients ask with `code`: 10107
 * for writes only, 11600, 11602, 13436, 189 or 91 for every command but hello. */
void mock_step_down(muv_mock_t *mock, int code);

/* The same error for any member, its role unchanged. 0: it works again. */
void mock_set_state_error(muv_mock_t *mock, int member, int code);

/* Replies that are held back for this member become errors with this code and go out. Returns how
 * many there were. */
unsigned mock_interrupt_held(muv_mock_t *mock, int member, int code);

/* The primary as the set sees it, or -1. */
int mock_primary(const muv_mock_t *mock);

/* --- Members ---------------------------------------------------------------------------------- */

/* A new member listens and belongs to the set: the number of the member. */
int mock_join(muv_mock_t *mock, mock_role_t role);

/* The member is not in the configuration any more; it still answers, as a ghost. */
void mock_leave(muv_mock_t *mock, int member);

void mock_set_tags(muv_mock_t *mock, int member, const char *json);

/* Its last write is so much older than that of the set. */
void mock_set_lag(muv_mock_t *mock, int member, int64_t lag_ms);

/* Every reply of the member takes so much longer. */
void mock_set_delay(muv_mock_t *mock, int member, uint32_t delay_ms);

/* Hellos that wait for this member's next change now. */
unsigned mock_waiting_hellos(const muv_mock_t *mock, int member);

/* Push the hello as it is to all who wait for it. */
void mock_push_hello(muv_mock_t *mock, int member);

/* --- Cluster time ----------------------------------------------------------------------------- */

/* The time that replies carry; it grows with every write and with what clients know. */
void mock_set_cluster_time(muv_mock_t *mock, uint32_t seconds, uint32_t increment);

/* --- Fail points ------------------------------------------------------------------------------ */

/* The same documents as mongod's: {"mode": ..., "data": {"failCommands": [...], ...}} with mode
 * "alwaysOn", {"times": N} or {"skip": N}, and data of appName, blockConnection, blockTimeMS,
 * closeConnection, errorCode, errorLabels, writeConcernError and, here only, "reply": a document
 * whose fields are added to the error. Several may be set: the first one that fits and is not used
 * up serves. A client can send configureFailPoint too; that replaces those of its member. */
void mock_fail_point(muv_mock_t *mock, int member, const char *json);
void mock_fail_points_off(muv_mock_t *mock);

/* How often a fail point has acted. */
unsigned mock_fail_point_hits(const muv_mock_t *mock);

#endif
