/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded. */
#include "source/aws_form.h"

#include "source/text.h"

#include <string.h>

static void append_text(muv__buf_t *buf, const char *text)
{
    muv__buf_append(buf, text, strlen(text));
}

void muv__aws_form_begin(const char *role_arn, const char *session_name, muv__buf_t *ret)
{
    append_text(ret, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=");
    muv__source_encode(ret, muv__span(role_arn, strlen(role_arn)));
    append_text(ret, "&RoleSessionName=");
    muv__source_encode(ret, muv__span(session_name, strlen(session_name)));
}

void muv__aws_form_token(muv__span_t token, muv__buf_t *ret)
{
    static const char name[] = "&WebIdentityToken=";

    if (muv__buf_reserve(ret, sizeof(name) + 3 * token.size)) {
        append_text(ret, name);
        muv__source_encode(ret, token);
    }
}
