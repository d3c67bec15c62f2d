/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of retrying. */
#include "op/retry.h"

#include "muv/command.h"

#include "base/bson_view.h"
#include "base/server_code.h"

#define US_PER_MS 1000
#define BACKOFF_BASE_MS 100
#define BACKOFF_MAX_MS 10000

static int is_network_error(int code)
{
    return code == MUV_ENETWORK || code == MUV_ENETTIMEOUT || code == MUV_EDNS;
}

static int is_retryable_read_code(int32_t code)
{
    switch (code) {
    case MUV__CODE_HOST_UNREACHABLE:
    case MUV__CODE_HOST_NOT_FOUND:
    case MUV__CODE_NETWORK_TIMEOUT:
    case MUV__CODE_SHUTDOWN_IN_PROGRESS:
    case MUV__CODE_READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET:
    case MUV__CODE_PRIMARY_STEPPED_DOWN:
    case MUV__CODE_EXCEEDED_TIME_LIMIT:
    case MUV__CODE_SOCKET_EXCEPTION:
    case MUV__CODE_NOT_WRITABLE_PRIMARY:
    case MUV__CODE_INTERRUPTED_AT_SHUTDOWN:
    case MUV__CODE_INTERRUPTED_DUE_TO_REPL_STATE_CHANGE:
    case MUV__CODE_NOT_PRIMARY_NO_SECONDARY_OK:
    case MUV__CODE_NOT_PRIMARY_OR_SECONDARY: return 1;
    default: return 0;
    }
}

static int is_overload(const muv_error_t *error)
{
    return (error->labels & MUV_LABEL_SYSTEM_OVERLOADED) != 0;
}

/* Commands of which nothing is known may read and write. */
static int may_retry_overload(const muv__retry_rules_t *rules, uint8_t command)
{
    switch (command) {
    case MUV_COMMAND_READ: return rules->retry_reads;
    case MUV_COMMAND_WRITE: return rules->retry_writes;
    default: return rules->retry_reads && rules->retry_writes;
    }
}

/* An error that is no reply: the connection broke, or there was none. */
static int is_retryable_outside(const muv_error_t *error)
{
    return is_network_error(error->code) || error->code == MUV_EPOOLCLEARED;
}

static int is_retryable(const muv__retry_rules_t *rules, const muv__attempt_t *attempt)
{
    const muv_error_t *error = attempt->error;

    if (is_overload(error)) {
        return (error->labels & MUV_LABEL_RETRYABLE) != 0 &&
               may_retry_overload(rules, attempt->command);
    }
    switch (attempt->retry) {
    case MUV__RETRY_READ:
        return rules->retry_reads &&
               (is_retryable_outside(error) || is_retryable_read_code(error->server_code));
    case MUV__RETRY_WRITE:
        return rules->retry_writes && (error->labels & MUV_LABEL_RETRYABLE_WRITE) != 0;
    default: return 0;
    }
}

muv__op_again_t muv__retry_judge(const muv__retry_rules_t *rules, const muv__attempt_t *attempt,
                                 muv__retry_count_t *count)
{
    uint32_t most = attempt->has_timeout ? UINT32_MAX : 1;

    if (attempt->stage == MUV__ATTEMPT_SELECTING || !is_retryable(rules, attempt)) {
        return MUV__AGAIN_NO;
    }
    count->overloaded |= (uint8_t)is_overload(attempt->error);
    /* From the first overload error on its own limit counts all retries (Client Backpressure). */
    if (count->overloaded) {
        most = rules->max_adaptive_retries;
    }
    if (count->retries >= most) {
        return MUV__AGAIN_NO;
    }
    count->retries++;
    return is_overload(attempt->error) ? MUV__AGAIN_LATER : MUV__AGAIN_NOW;
}

static int64_t base_of(const muv_error_t *error)
{
    muv__bson_iter_t iter;
    int64_t base_ms;

    if (error->reply != NULL &&
        muv__bson_find(error->reply, error->reply_size, "baseBackoffMS", &iter) &&
        iter.type != MUV__BSON_BOOL && muv__bson_iter_as_int64(&iter, &base_ms) && base_ms > 0) {
        return base_ms;
    }
    return BACKOFF_BASE_MS;
}

int64_t muv__retry_backoff_us(uint32_t retries, const muv_error_t *error, uint32_t jitter)
{
    int64_t wait_ms = base_of(error);

    for (uint32_t i = 0; i < retries && wait_ms < BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS;
    return (int64_t)(((uint64_t)wait_ms * US_PER_MS * jitter) >> 32);
}

int muv__retry_is_write_code(int32_t code)
{
    return is_retryable_read_code(code) &&
           code != MUV__CODE_READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET;
}

uint32_t muv__retry_labels(const muv__retry_rules_t *rules, const muv__attempt_t *attempt)
{
    if (attempt->retry != MUV__RETRY_WRITE || !rules->retry_writes ||
        (attempt->stage == MUV__ATTEMPT_REPLIED && !attempt->unlabelled)) {
        return 0;
    }
    return is_retryable_outside(attempt->error) ||
                   muv__retry_is_write_code(attempt->error->server_code)
               ? MUV_LABEL_RETRYABLE_WRITE
               : 0;
}

int muv__retry_shows_attempt(const muv__attempt_t *attempt)
{
    return attempt->stage == MUV__ATTEMPT_BROKEN ||
           (attempt->stage == MUV__ATTEMPT_REPLIED &&
            (attempt->error->labels & MUV_LABEL_NO_WRITES_PERFORMED) == 0);
}

int muv__reply_leaves_doubt(const muv_error_t *error, int several)
{
    /* Overloaded servers refuse before they begin; others say it with the label. */
    if ((error->labels & (MUV_LABEL_NO_WRITES_PERFORMED | MUV_LABEL_SYSTEM_OVERLOADED)) != 0) {
        return 0;
    }
    switch (error->server_code) {
    case MUV__CODE_HOST_UNREACHABLE:
    case MUV__CODE_HOST_NOT_FOUND:
    case MUV__CODE_MAX_TIME_MS_EXPIRED:
    case MUV__CODE_NETWORK_TIMEOUT:
    case MUV__CODE_SHUTDOWN_IN_PROGRESS:
    case MUV__CODE_PRIMARY_STEPPED_DOWN:
    case MUV__CODE_EXCEEDED_TIME_LIMIT:
    case MUV__CODE_SOCKET_EXCEPTION:
    case MUV__CODE_INTERRUPTED_AT_SHUTDOWN:
    case MUV__CODE_INTERRUPTED_DUE_TO_REPL_STATE_CHANGE: return 1;
    case MUV__CODE_NOT_WRITABLE_PRIMARY:
    case MUV__CODE_NOT_PRIMARY_NO_SECONDARY_OK:
    case MUV__CODE_NOT_PRIMARY_OR_SECONDARY:
    case MUV__CODE_LEGACY_NOT_PRIMARY: return several; /* The first of them may have been done. */
    default: return 0;
    }
}
