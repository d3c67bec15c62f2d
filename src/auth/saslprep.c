/* SPDX-License-Identifier: Apache-2.0 */
/* The ASCII shortcut, and libidn's profile with a buffer that grows until the result fits. */
#include "auth/saslprep.h"

#include "muv/error.h"

#include <string.h>

#include <stringprep.h>

/* NFKC makes one character of three bytes into eighteen characters at most (U+FDFA); a result that
 * is larger than this cannot come about. */
#define MAX_GROWTH 16

static int is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return 0;
        }
    }
    return 1;
}

/* (RFC 4013: section 2.3) Of ASCII only the controls are prohibited; nothing is mapped. */
static int prepare_ascii(const char *password, size_t length, muv__secret_t *ret,
                         const char **ret_why)
{
    muv__secret_t secret;

    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)password[i] < 0x20 || password[i] == 0x7f) {
            *ret_why = "the password contains a control character";
            return MUV_EAUTH;
        }
    }
    if (muv__secret_alloc(&secret, length) != 0) {
        return MUV_ENOMEM;
    }
    memcpy(secret.data, password, length);
    *ret = secret;
    return 0;
}

static const char *why_of(int rc)
{
    switch (rc) {
    case STRINGPREP_CONTAINS_UNASSIGNED: return "the password contains an unassigned character";
    case STRINGPREP_CONTAINS_PROHIBITED: return "the password contains a prohibited character";
    case STRINGPREP_BIDI_BOTH_L_AND_RAL:
    case STRINGPREP_BIDI_LEADTRAIL_NOT_RAL:
    case STRINGPREP_BIDI_CONTAINS_PROHIBITED:
        return "the password mixes directions of writing in a prohibited way";
    case STRINGPREP_ICONV_ERROR: return "the password is not valid UTF-8";
    default: return "the password cannot be prepared (SASLprep)";
    }
}

int muv__saslprep(const char *password, muv__secret_t *ret, const char **ret_why)
{
    size_t length = strlen(password);
    size_t capacity = length + 1;
    muv__secret_t secret;
    int rc = STRINGPREP_TOO_SMALL_BUFFER;

    if (is_ascii(password, length)) {
        return prepare_ascii(password, length, ret, ret_why);
    }
    while (rc == STRINGPREP_TOO_SMALL_BUFFER && capacity <= (length + 1) * MAX_GROWTH) {
        if (muv__secret_alloc(&secret, capacity) != 0) {
            return MUV_ENOMEM;
        }
        memcpy(secret.data, password, length + 1);
        rc = stringprep((char *)secret.data, capacity, STRINGPREP_NO_UNASSIGNED,
                        stringprep_saslprep);
        if (rc == STRINGPREP_OK) {
            muv__secret_t prepared;
            size_t size = strlen((char *)secret.data);
            int status = muv__secret_alloc(&prepared, size);

            if (status == 0) {
                memcpy(prepared.data, secret.data, size);
                *ret = prepared;
            }
            muv__secret_done(&secret);
            return status;
        }
        muv__secret_done(&secret);
        capacity *= 2;
    }
    if (rc == STRINGPREP_MALLOC_ERROR) {
        return MUV_ENOMEM;
    }
    *ret_why = why_of(rc);
    return MUV_EAUTH;
}
