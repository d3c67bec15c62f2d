/* SPDX-License-Identifier: Apache-2.0 */
/* An OCSP responder on the test's loop at 127.0.0.1, built on OpenSSL's own OCSP functions: it
 * answers for whatever certificate of its authority it is asked about, or does what responders
 * should not do. */
#ifndef MUV_TESTS_SUPPORT_OCSP_RESPONDER_H
#define MUV_TESTS_SUPPORT_OCSP_RESPONDER_H

#include <uv.h>

#include "support/certs.h"

typedef struct ocsp_responder ocsp_responder_t;

typedef enum ocsp_act {
    OCSP_ACT_GOOD,
    OCSP_ACT_REVOKED,
    OCSP_ACT_UNKNOWN,
    OCSP_ACT_DELEGATED,    /* Revoked, says somebody whom the authority lets sign. */
    OCSP_ACT_EXPIRED,      /* Revoked, an hour ago and until ten minutes ago. */
    OCSP_ACT_WRONG_SIGNER, /* Revoked, says another authority. */
    OCSP_ACT_TRY_LATER,
    OCSP_ACT_GARBAGE,
    OCSP_ACT_TOO_LARGE,
    OCSP_ACT_HTTP_ERROR,
    OCSP_ACT_HANG,
    OCSP_ACT_CLOSE
} ocsp_act_t;

/* [own] End it with ocsp_responder_close(); the handles are gone after the loop has run on. The
 * authority is borrowed until then. */
ocsp_responder_t *ocsp_responder_new(uv_loop_t *loop, const cert_t *authority);
void ocsp_responder_close(ocsp_responder_t *responder);

/* At first: GOOD. */
void ocsp_responder_act(ocsp_responder_t *responder, ocsp_act_t act);

/* For cert_spec_t.access, in static memory. */
const char *ocsp_responder_access(const ocsp_responder_t *responder);

/* How many questions came; the counter itself, for run_until_count(). */
unsigned ocsp_responder_asked(const ocsp_responder_t *responder);
const unsigned *ocsp_responder_counter(const ocsp_responder_t *responder);

#endif
