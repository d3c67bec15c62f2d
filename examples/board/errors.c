/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors; see errors.h. */
#include "errors.h"

/* Codes of the server (error_codes.yml). */
enum {
    BAD_VALUE = 2,
    MAX_TIME_MS_EXPIRED = 50,
    SHUTDOWN_IN_PROGRESS = 91,
    PRIMARY_STEPPED_DOWN = 189,
    NOT_WRITABLE_PRIMARY = 10107,
    DUPLICATE_KEY = 11000,
    INTERRUPTED_AT_SHUTDOWN = 11600,
    INTERRUPTED_BY_STATE_CHANGE = 11602,
    REGEX_INVALID = 51091
};

static const problem_t invalid = {400, "validation", "The request does not fit"};
static const problem_t bad_regex = {400, "bad_regex", "The regular expression is invalid"};
static const problem_t missing = {404, "not_found", "There is no such document"};
static const problem_t duplicate = {409, "duplicate", "The name is taken"};
static const problem_t busy = {503, "busy", "Too many requests are waiting"};
static const problem_t late = {503, "timeout", "The database did not answer in time"};
static const problem_t away = {503, "unavailable", "The database cannot be reached"};
static const problem_t closing = {503, "closing", "The service is shutting down"};
static const problem_t other = {500, "internal", "Something went wrong"};

static const problem_t *server_problem(const muv_error_t *error, bool searching)
{
    switch (error->server_code) {
    case DUPLICATE_KEY: return &duplicate;
    case MAX_TIME_MS_EXPIRED: return &late;
    case REGEX_INVALID: return &bad_regex;
    case BAD_VALUE: return searching ? &bad_regex : &other;
    case SHUTDOWN_IN_PROGRESS:
    case PRIMARY_STEPPED_DOWN:
    case NOT_WRITABLE_PRIMARY:
    case INTERRUPTED_AT_SHUTDOWN:
    case INTERRUPTED_BY_STATE_CHANGE: return &away;
    default: return muv_error_has_label(error, "RetryableWriteError") ? &away : &other;
    }
}

const problem_t *errors_find(const muv_error_t *error, bool searching)
{
    switch (error->code) {
    case MUV_EVALIDATION: return &invalid;
    case MUV_ENOTFOUND:
    case MUV_ESTALE: return &missing;
    case MUV_EQUEUEFULL:
    case MUV_ENOMEM: return &busy;
    case MUV_ETIMEOUT:
    case MUV_EWAITQUEUE:
    case MUV_ENETTIMEOUT: return &late;
    case MUV_ESELECTION:
    case MUV_EPOOLCLEARED:
    case MUV_EPOOLCLOSED:
    case MUV_ENETWORK:
    case MUV_EDNS: return &away;
    case MUV_ECLOSED:
    case MUV_ECANCELED: return &closing;
    case MUV_ESERVER:
    case MUV_EWRITE: return server_problem(error, searching);
    default: return &other;
    }
}

void errors_fields(json_t *fields, const muv_verrors_t *errors)
{
    for (size_t i = 0; i < muv_verrors_count(errors); i++) {
        const muv_verror_t *error = muv_verrors_get(errors, i);

        json_string(fields, error->path, error->message);
    }
}
