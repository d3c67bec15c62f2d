/* SPDX-License-Identifier: Apache-2.0 */
/* A cursor on the server, below a job: find, getMore, killCursors. It knows nothing of documents:
 * whoever owns it gets each reply, and says when the next one is wanted. */
#ifndef MUV__ODM_RUN_FETCH_H
#define MUV__ODM_RUN_FETCH_H

#include "odm/run_job.h"
#include "odm/run_page.h"

typedef struct muv__run_fetch muv__run_fetch_t;

/* A read preference that lives as long as its arena: jobs need it after the start call, too. */
typedef struct muv__preference {
    int8_t mode; /* 0: inherited. */
    int32_t max_staleness_seconds;
    muv__span_t tag_sets; /* Empty: none. */
} muv__preference_t;

/* `from` NULL: inherited. Returns 0 or MUV_ENOMEM. */
int muv__preference_copy(const muv_read_preference_t *from, muv__arena_t *arena,
                         muv__preference_t *ret);

struct muv__run_fetch {
    muv__job_t *job;
    const char *collection;
    const muv__preference_t *preference; /* Of the find; NULL: inherited. */
    muv_op_t *op;                        /* The command in progress, or NULL. */
    int64_t cursor_id;
    uint32_t server_id;
    muv_session_t *session; /* [own] Of getMore and killCursors; NULL: none was used. */
    muv_pin_t *pin;         /* [own] Likewise; only behind a load balancer. */
    int64_t max_time_ms;    /* Of the find; 0: none. */
    int32_t batch_size;     /* Of getMore; 0: the server's. */
    uint8_t closed;         /* No reply is wanted any more. */

    /* Write the find. */
    muv_render_cb render;
    /* A reply came; its errors are the job's already. `reply` is borrowed. Not called after
     * muv__run_fetch_close(), nor for failures. */
    void (*on_page)(muv__run_fetch_t *fetch, const muv_reply_t *reply,
                    const muv__page_head_t *head);
    void *owner;
};

/* Send the find. `job`, `collection`, `preference`, `render`, `on_page` and `owner` are set;
 * `render` gets the fetch. Returns 0 or a code, with the refusal noted. */
int muv__run_fetch_start(muv__run_fetch_t *fetch);

/* May more documents come, that were not asked for yet? */
static inline int muv__fetch_has_more(const muv__run_fetch_t *fetch)
{
    return fetch->cursor_id != 0 && fetch->op == NULL && !fetch->closed;
}

/* Send a getMore: muv__fetch_has_more() holds. A failure ends the job. */
void muv__run_fetch_more(muv__run_fetch_t *fetch);

/* No more is wanted: drop the command in progress, and kill the cursor if it is open. Also when the
 * job has ended. */
void muv__run_fetch_close(muv__run_fetch_t *fetch);

#endif
