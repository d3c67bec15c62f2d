/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as mongod sends them, with their labels. */
#include "node.h"

#include <string.h>

static const struct {
    int32_t code;
    const char *name;
    bool state;     /* Comes with topologyVersion. */
    bool retryable; /* Gets RetryableWriteError. */
} codes[] = {
    {2, "BadValue", false, false},
    {6, "HostUnreachable", false, true},
    {7, "HostNotFound", false, true},
    {14, "TypeMismatch", false, false},
    {20, "IllegalOperation", false, false},
    {43, "CursorNotFound", false, false},
    {50, "MaxTimeMSExpired", false, false},
    {59, "CommandNotFound", false, false},
    {64, "WriteConcernFailed", false, false},
    {66, "ImmutableField", false, false},
    {89, "NetworkTimeout", false, true},
    {91, "ShutdownInProgress", true, true},
    {100, "UnsatisfiableWriteConcern", false, false},
    {189, "PrimarySteppedDown", true, true},
    {225, "TransactionTooOld", false, false},
    {262, "ExceededTimeLimit", false, true},
    {462, "IngressRequestRateLimitExceeded", false, false},
    {9001, "SocketException", false, true},
    {10107, "NotWritablePrimary", true, true},
    {11000, "DuplicateKey", false, false},
    {11600, "InterruptedAtShutdown", true, true},
    {11602, "InterruptedDueToReplStateChange", true, true},
    {13435, "NotPrimaryNoSecondaryOk", true, true},
    {13436, "NotPrimaryOrSecondary", true, true},
};

static size_t index_of(int32_t code)
{
    for (size_t i = 0; i < MUV__COUNT_OF(codes); i++) {
        if (codes[i].code == code) {
            return i;
        }
    }
    return MUV__COUNT_OF(codes);
}

const char *rs_code_name(int32_t code)
{
    size_t i = index_of(code);

    return i < MUV__COUNT_OF(codes) ? codes[i].name : "UnknownError";
}

static bool is_state_code(int32_t code)
{
    size_t i = index_of(code);

    return i < MUV__COUNT_OF(codes) && codes[i].state;
}

static bool is_retryable_code(int32_t code)
{
    size_t i = index_of(code);

    return i < MUV__COUNT_OF(codes) && codes[i].retryable;
}

bool rs_is_retryable(const rs_job_t *job)
{
    return job->session != RS_NONE && job->txn_number >= 0 && rs_is_write(job->name);
}

static void append_label(bson_t *labels, uint32_t *count, const char *label)
{
    char text[16];
    const char *key;
    size_t length = bson_uint32_to_string((*count)++, &key, text, sizeof text);

    (void)bson_append_utf8(labels, key, (int)length, label, -1);
}

static void append_labels(rs_job_t *job, int32_t code, const char *const *more, unsigned more_count)
{
    bson_t labels;
    uint32_t count = 0;

    bson_init(&labels);
    if (rs_is_retryable(job) && is_retryable_code(code)) {
        append_label(&labels, &count, "RetryableWriteError");
        if (job->wrote == 0 && !job->repeated) {
            append_label(&labels, &count, "NoWritesPerformed");
        }
    }
    for (unsigned i = 0; i < more_count && more[i] != NULL; i++) {
        append_label(&labels, &count, more[i]);
    }
    if (count != 0) {
        BSON_APPEND_ARRAY(job->reply, "errorLabels", &labels);
    }
    bson_destroy(&labels);
}

void rs_fail_job_labelled(rs_job_t *job, int32_t code, const char *message,
                          const char *const *labels, unsigned label_count)
{
    bson_destroy(job->reply);
    job->reply = bson_new();
    if (is_state_code(code)) {
        rs_append_topology_version(job->node, job->reply);
    }
    BSON_APPEND_DOUBLE(job->reply, "ok", 0);
    BSON_APPEND_UTF8(job->reply, "errmsg", message);
    BSON_APPEND_INT32(job->reply, "code", code);
    BSON_APPEND_UTF8(job->reply, "codeName", rs_code_name(code));
    append_labels(job, code, labels, label_count);
}

void rs_fail_job(rs_job_t *job, int32_t code, const char *message)
{
    rs_fail_job_labelled(job, code, message, NULL, 0);
}

void rs_append_write_concern_error(rs_job_t *job, int32_t code, const char *message)
{
    bson_t error;
    bson_t info;

    BSON_APPEND_DOCUMENT_BEGIN(job->reply, "writeConcernError", &error);
    BSON_APPEND_INT32(&error, "code", code);
    BSON_APPEND_UTF8(&error, "codeName", rs_code_name(code));
    BSON_APPEND_UTF8(&error, "errmsg", message);
    if (code == 64) {
        BSON_APPEND_DOCUMENT_BEGIN(&error, "errInfo", &info);
        BSON_APPEND_BOOL(&info, "wtimeout", true);
        bson_append_document_end(&error, &info);
    }
    bson_append_document_end(job->reply, &error);
    if (is_state_code(code)) {
        rs_append_topology_version(job->node, job->reply);
    }
    append_labels(job, code, NULL, 0);
}

bool rs_check_txn(rs_job_t *job)
{
    rs_node_t *node = job->node;
    const rs_record_t *record;
    int64_t highest = -1;

    if (!rs_is_retryable(job)) {
        return true;
    }
    record = rs_image_session(&node->image, job->session);
    if (job->session >= node->active_capacity) {
        uint32_t capacity = job->session * 2 + 64;

        node->active_txn = sim_resize(node->active_txn, capacity * sizeof *node->active_txn);
        for (uint32_t i = node->active_capacity; i < capacity; i++) {
            node->active_txn[i] = -1;
        }
        node->active_capacity = capacity;
    }
    highest = record != NULL ? record->txn_number : -1;
    highest = node->active_txn[job->session] > highest ? node->active_txn[job->session] : highest;
    if (job->txn_number < highest) {
        node->set->counts.too_old++;
        rs_fail_job(job, 225, "the session has already begun a later transaction number");
        return false;
    }
    node->active_txn[job->session] = job->txn_number;
    return true;
}
