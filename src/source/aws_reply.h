/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of AWS out of the JSON documents that its endpoints answer with. */
#ifndef MUV__AWS_REPLY_H
#define MUV__AWS_REPLY_H

#include "auth/credentials.h"
#include "base/span.h"

/* ECS and EC2: the keys lie in the document itself. */
#define MUV__AWS_REPLY_TOKEN "Token"

/* STS: they lie in "Credentials", which lies in the document or (as AWS really sends it) in a
 * result in a response. */
#define MUV__AWS_REPLY_SESSION_TOKEN "SessionToken"

/* Read one. Keys without an end are `passing`: nobody says how long they may be kept.
 *
 * token_name  One of the two above.
 * ret         [own] Wiped with its last holder; no other copy is left.
 * ret_why     What is wrong, as "the reply has ..."; static text that quotes nothing.
 *
 * Returns 0, MUV_ENOMEM, or MUV_EINVAL with `ret_why`. */
int muv__aws_reply_read(muv__span_t body, const char *token_name, muv__credentials_t **ret,
                        const char **ret_why);

#endif
