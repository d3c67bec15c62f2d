/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a caller's struct: the same table and checks as for the string, but what would be a
 * warning there is an error here, because the caller's program is wrong. */
#include "uri/uri.h"

#include "base/error.h"

#include <string.h>

/* Caller's text has the same bound as the string it could have stood in. */
static int check_text(const char *what, const char *text, muv_error_t *reterr)
{
    size_t length;

    if (text == NULL) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: NULL", what);
    }
    length = strlen(text);
    if (length > MUV__URI_SIZE_MAX || !muv__text_is_utf8(text, length)) {
        return muv__error_set(reterr, MUV_EINVAL, "%s: too long or not UTF-8", what);
    }
    return 0;
}

static int find_option(const char *name, muv_error_t *reterr, muv__option_t *ret)
{
    int rc = check_text("option", name, reterr);

    if (rc != 0) {
        return rc;
    }
    *ret = muv__option_find(name, strlen(name));
    if (*ret == MUV__OPTION_UNKNOWN) {
        return muv__error_set(reterr, MUV_EINVAL, "%.40s: unknown option", name);
    }
    return 0;
}

static int result(muv__option_t option, muv__verdict_t verdict, muv_error_t *reterr)
{
    if (verdict.code == 0 && verdict.reason == NULL) {
        return 0;
    }
    return muv__error_set(reterr, verdict.code == 0 ? MUV_EINVAL : verdict.code, "%s: %s",
                          muv__option_row(option)->name, verdict.reason);
}

int muv__uri_set_text(muv__uri_t *uri, const char *name, const char *value, muv_error_t *reterr)
{
    muv__option_t option;
    int rc = find_option(name, reterr, &option);

    if (rc == 0) {
        rc = check_text(muv__option_row(option)->name, value, reterr);
    }
    if (rc != 0) {
        return rc;
    }
    return result(option,
                  muv__options_parse(&uri->options, &uri->strings, option, value, strlen(value)),
                  reterr);
}

int muv__uri_set_int(muv__uri_t *uri, const char *name, int64_t value, muv_error_t *reterr)
{
    muv__option_t option;
    int rc = find_option(name, reterr, &option);

    if (rc != 0) {
        return rc;
    }
    return result(option, muv__options_set_int(&uri->options, option, value), reterr);
}

int muv__uri_set_bool(muv__uri_t *uri, const char *name, int value, muv_error_t *reterr)
{
    muv__option_t option;
    int rc = find_option(name, reterr, &option);

    if (rc != 0) {
        return rc;
    }
    return result(option, muv__options_set_bool(&uri->options, option, value), reterr);
}

int muv__uri_set_property(muv__uri_t *uri, const char *key, const char *value, muv_error_t *reterr)
{
    muv__option_t option = MUV__OPTION_AUTH_MECHANISM_PROPERTIES;
    const char *name = muv__option_row(option)->name;
    int rc = check_text(name, key, reterr);

    if (rc == 0) {
        rc = check_text(name, value, reterr);
    }
    if (rc != 0) {
        return rc;
    }
    return result(option, muv__options_set_property(&uri->options, &uri->strings, key, value),
                  reterr);
}

int muv__uri_set_user(muv__uri_t *uri, const char *username, const char *password,
                      muv_error_t *reterr)
{
    const char *new_username;
    const char *new_password = NULL;
    int rc = check_text("username", username, reterr);

    if (rc == 0 && password != NULL) {
        rc = check_text("password", password, reterr);
    }
    if (rc == 0 && username[0] == '\0') {
        rc = muv__error_set(reterr, MUV_EINVAL, "username: empty");
    }
    if (rc != 0) {
        return rc;
    }
    new_username = muv__strings_keep(&uri->strings, username, strlen(username));
    if (password != NULL) {
        new_password = muv__strings_keep(&uri->strings, password, strlen(password));
    }
    if (new_username == NULL || (password != NULL && new_password == NULL)) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    uri->username = new_username;
    uri->password = new_password;
    return 0;
}

int muv__uri_set_read_pref(muv__uri_t *uri, const muv__read_pref_t *pref, muv_error_t *reterr)
{
    muv__read_pref_t copy;
    int rc = muv__read_pref_copy(&copy, pref);

    if (rc != 0) {
        return muv__error_code(reterr, rc);
    }
    muv__read_pref_done(&uri->options.read_pref);
    uri->options.read_pref = copy;
    uri->options.set |= UINT64_C(1) << MUV__OPTION_READ_PREFERENCE;
    return 0;
}
