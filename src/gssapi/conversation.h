/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a GSSAPI login (RFC 4752 over Kerberos): tokens of the server in, tokens of
 * ours out. It knows no command and no connection; the steps block, and so are jobs for another
 * thread (muv__net_work() in net/net.h).
 *
 *   START --ours--> CONTEXT --more of them--> CONTEXT --it stands--> LAYERS --our choice--> LAST
 *   any but LAST -- a step fails --> FAILED
 *
 * LAYERS: the server offers ways to protect the messages that follow; "none" has to be among them,
 * and is what we choose, along with the name that we want to act as. TLS does the rest. */
#ifndef MUV__GSSAPI_CONVERSATION_H
#define MUV__GSSAPI_CONVERSATION_H

#include <stdint.h>

#include "base/span.h"
#include "gssapi/kerberos.h"

/* No token of Kerberos is larger. */
#define MUV__GSSAPI_MAX_TOKEN (64 * 1024)

typedef struct muv__gssapi muv__gssapi_t;

/* Texts are copied. Returns 0 or MUV_ENOMEM. */
int muv__gssapi_new(const muv__krb5_names_t *names, muv__gssapi_t **ret);

/* Wipe and free a muv__gssapi_t whose step is not running. NULL is allowed. */
void muv__gssapi_free(void *gssapi);

/* What the next step works on: the server's token; without one the first step makes ours. Copied.
 * Returns 0, MUV_ENOMEM or MUV_ETOOLARGE. */
int muv__gssapi_put(muv__gssapi_t *gssapi, muv__span_t token);

/* One step of a muv__gssapi_t. Blocks. Not after the last one, and not after a failure. */
void muv__gssapi_run(void *gssapi);

/* What the step brought. */
typedef struct muv__gssapi_result {
    const char *why;   /* Not NULL: it failed. [borrow] As long as the conversation. */
    muv__span_t token; /* For the server; may be empty. [borrow] Until the next step. */
    int8_t last;       /* The server has to end the exchange with its answer to it. */
} muv__gssapi_result_t;

muv__gssapi_result_t muv__gssapi_result(const muv__gssapi_t *gssapi);

#endif
