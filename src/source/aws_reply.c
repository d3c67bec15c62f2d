/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields there must be, and of what kind. */
#include "source/aws_reply.h"

#include "auth/secret.h"
#include "source/aws_date.h"
#include "source/json_fields.h"
#include "source/text.h"

#include "muv/error.h"

#include <string.h>

typedef struct keys {
    muv__secret_t id;
    muv__secret_t secret;
    muv__secret_t token;
    int64_t expires_s;
    int has_end;
} keys_t;

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return MUV_EINVAL;
}

/* 1 when the member is there and is not null; what is there twice counts, too. */
static int has(const muv__json_value_t *object, const char *name)
{
    muv__json_value_t value;
    int found = muv__json_member(object, name, &value);

    return found < 0 || (found == 1 && value.kind != MUV__JSON_NULL);
}

/* A member that must be there. */
static int read_key(const muv__json_value_t *object, const char *name, muv__secret_t *ret)
{
    muv__json_value_t value;
    int rc = MUV_EINVAL;

    if (muv__json_member(object, name, &value) == 1) {
        rc = muv__json_text(&value, ret);
    }
    if (rc == 0 && !muv__source_is_token(muv__span(ret->data, ret->size - 1))) {
        rc = MUV_EINVAL;
    }
    return rc;
}

/* Seconds since 1970 (STS), or a date. */
static int read_end(const muv__json_value_t *object, int64_t *ret_s)
{
    muv__secret_t text = {.data = NULL};
    muv__json_value_t value;
    int rc;

    if (muv__json_member(object, "Expiration", &value) != 1) {
        return MUV_EINVAL;
    }
    if (value.kind == MUV__JSON_NUMBER) {
        return muv__json_whole(&value, ret_s);
    }
    rc = muv__json_text(&value, &text);
    if (rc == 0 && !muv__aws_date_read((const char *)text.data, ret_s)) {
        rc = MUV_EINVAL;
    }
    muv__secret_done(&text);
    return rc;
}

static int read_keys(const muv__json_value_t *object, const char *token_name, keys_t *ret,
                     const char **ret_why)
{
    int rc = read_key(object, "AccessKeyId", &ret->id);

    *ret_why = "no valid AccessKeyId";
    if (rc == 0) {
        *ret_why = "no valid SecretAccessKey";
        rc = read_key(object, "SecretAccessKey", &ret->secret);
    }
    if (rc == 0 && has(object, token_name)) {
        *ret_why = "no valid session token";
        rc = read_key(object, token_name, &ret->token);
    }
    ret->has_end = has(object, "Expiration");
    if (rc == 0 && ret->has_end) {
        *ret_why = "no valid Expiration";
        rc = read_end(object, &ret->expires_s);
    }
    return rc;
}

static int make_credentials(const keys_t *keys, muv__credentials_t **ret)
{
    muv__credentials_t values = {
        .passing = !keys->has_end,
        .expires_s = keys->has_end ? keys->expires_s : MUV__CREDENTIALS_NEVER,
        .aws = {.access_key_id = (const char *)keys->id.data,
                .secret_access_key = (const char *)keys->secret.data,
                .session_token = (const char *)keys->token.data},
    };

    return muv__credentials_new(&values, ret);
}

/* Go down by one name if it is there. */
static void descend(muv__json_value_t *object, const char *name)
{
    (void)muv__json_member(object, name, object);
}

/* The object that holds the keys. */
static int find_keys(muv__span_t body, const char *token_name, muv__json_value_t *ret,
                     const char **ret_why)
{
    muv__json_value_t code;

    if (!muv__json_object(body, ret)) {
        return refuse(ret_why, "no JSON object");
    }
    if (strcmp(token_name, MUV__AWS_REPLY_TOKEN) == 0) {
        if (has(ret, "Code") &&
            (muv__json_member(ret, "Code", &code) != 1 || !muv__json_is(&code, "Success"))) {
            return refuse(ret_why, "a Code other than Success");
        }
        return 0;
    }
    descend(ret, "AssumeRoleWithWebIdentityResponse");
    descend(ret, "AssumeRoleWithWebIdentityResult");
    if (muv__json_member(ret, "Credentials", ret) != 1) {
        return refuse(ret_why, "no Credentials");
    }
    return 0;
}

int muv__aws_reply_read(muv__span_t body, const char *token_name, muv__credentials_t **ret,
                        const char **ret_why)
{
    keys_t keys = {.has_end = 0};
    muv__json_value_t object;
    int rc = find_keys(body, token_name, &object, ret_why);

    if (rc == 0) {
        rc = read_keys(&object, token_name, &keys, ret_why);
    }
    if (rc == 0) {
        rc = make_credentials(&keys, ret);
    }
    muv__secret_done(&keys.id);
    muv__secret_done(&keys.secret);
    muv__secret_done(&keys.token);
    return rc;
}
