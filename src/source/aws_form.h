/* SPDX-License-Identifier: Apache-2.0 */
/* The form of AssumeRoleWithWebIdentity. It is sent as a body: addresses end up in logs of proxies,
 * and the token must not. */
#ifndef MUV__AWS_FORM_H
#define MUV__AWS_FORM_H

#include "base/buf.h"
#include "base/span.h"

/* Everything but the token. Failures stick in the buffer. */
void muv__aws_form_begin(const char *role_arn, const char *session_name, muv__buf_t *ret);

/* The token. The room for it is made before, so that the buffer does not move when it holds it. */
void muv__aws_form_token(muv__span_t token, muv__buf_t *ret);

#endif
