/* SPDX-License-Identifier: Apache-2.0 */
/* What the members of a cluster share: who is primary since which term, who belongs to it, its
 * clock, and the errors that members answer with in states that forbid a command. */
#include "support/mock_set.h"

#include "support/check.h"
#include "support/mock_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- Life ------------------------------------------------------------------------------------- */

muv_mock_t *mock_new_cluster(uv_loop_t *loop, const mock_cluster_opts_t *opts)
{
    bool mongos = opts->mongos || opts->services > 0;
    muv_mock_t *mock = mock__new(loop, opts->members > 0 ? opts->members : 1);
    mock__set_t *set = &mock->set;

    set->lively = true;
    set->streams = !opts->polling && opts->services == 0;
    set->gossips = !opts->no_cluster_time;
    set->labels = !opts->no_labels;
    set->retires_sessions = opts->no_sessions;
    set->version = 1;
    set->term = 1;
    set->max_wire_version = opts->max_wire_version;
    set->seconds = 1700000000;
    set->increment = 1;
    set->services = opts->services;
    if (!mongos) {
        mock->set_name = mock__copy_text(opts->set_name != NULL ? opts->set_name : "rs0");
    }
    for (int i = 0; i < mock->member_count; i++) {
        mock->members[i].role = mongos ? MOCK_MONGOS : i == 0 ? MOCK_PRIMARY : MOCK_SECONDARY;
        mock->members[i].elected_in = i == 0 ? 1 : 0;
    }
    return mock;
}

void mock__set_restart(mock__member_t *member)
{
    uint8_t bytes[12] = {0x9a};

    member->mock->set.processes++;
    bytes[10] = (uint8_t)(member->mock->set.processes >> 8);
    bytes[11] = (uint8_t)member->mock->set.processes;
    bson_oid_init_from_data(&member->process, bytes);
    member->counter = 0;
}

void mock__set_changed(muv_mock_t *mock, int member)
{
    for (int i = 0; i < mock->member_count; i++) {
        if (member == MOCK_ANY || member == i) {
            mock->members[i].counter++;
        }
    }
    mock__stream_wake(mock, member);
}

/* --- Elections -------------------------------------------------------------------------------- */

int mock_primary(const muv_mock_t *mock)
{
    int primary = -1;

    for (int i = 0; i < mock->member_count; i++) {
        const mock__member_t *member = &mock->members[i];
        if (member->role == MOCK_PRIMARY &&
            (primary < 0 || member->elected_in > mock->members[primary].elected_in)) {
            primary = i;
        }
    }
    return primary;
}

static void demote_primaries(muv_mock_t *mock)
{
    for (int i = 0; i < mock->member_count; i++) {
        if (mock->members[i].role == MOCK_PRIMARY) {
            mock->members[i].role = MOCK_SECONDARY;
        }
    }
}

void mock_elect(muv_mock_t *mock, int member)
{
    demote_primaries(mock);
    mock->members[member].role = MOCK_PRIMARY;
    mock->members[member].elected_in = ++mock->set.term;
    mock->members[member].state_code = 0;
    mock__set_changed(mock, MOCK_ANY);
}

void mock_step_down(muv_mock_t *mock, int code)
{
    int primary = mock_primary(mock);

    if (primary < 0) {
        fail_msg("mock: no primary can step down");
    }
    mock->members[primary].state_code = code;
    demote_primaries(mock);
    mock__set_changed(mock, MOCK_ANY);
}

void mock_set_state_error(muv_mock_t *mock, int member, int code)
{
    mock->members[member].state_code = code;
    mock__set_changed(mock, member);
}

/* --- Members ---------------------------------------------------------------------------------- */

int mock_join(muv_mock_t *mock, mock_role_t role)
{
    mock__member_t *member = mock__member_add(mock);

    member->role = role;
    mock->set.version++;
    mock__set_changed(mock, MOCK_ANY);
    return member->index;
}

void mock_leave(muv_mock_t *mock, int member)
{
    mock->members[member].left = true;
    mock->members[member].role = MOCK_GHOST;
    mock->set.version++;
    mock__set_changed(mock, MOCK_ANY);
}

void mock_set_tags(muv_mock_t *mock, int member, const char *json)
{
    bson_destroy(mock->members[member].tags);
    mock->members[member].tags = bson_from(json);
    mock__set_changed(mock, member);
}

void mock_set_lag(muv_mock_t *mock, int member, int64_t lag_ms)
{
    mock->members[member].lag_ms = lag_ms;
    mock__set_changed(mock, member);
}

void mock_set_delay(muv_mock_t *mock, int member, uint32_t delay_ms)
{
    mock->members[member].delay_ms = delay_ms;
}

/* --- Errors ----------------------------------------------------------------------------------- */

static const struct {
    int code;
    const char *name;
    bool refuses_all; /* And not only writes. */
    bool retryable;   /* A write that fails with it gets RetryableWriteError. */
} codes[] = {
    {2, "BadValue", false, false},
    {6, "HostUnreachable", false, true},
    {7, "HostNotFound", false, true},
    {89, "NetworkTimeout", false, true},
    {91, "ShutdownInProgress", true, true},
    {100, "UnsatisfiableWriteConcern", false, false},
    {189, "PrimarySteppedDown", true, true},
    {262, "ExceededTimeLimit", false, true},
    {462, "IngressRequestRateLimitExceeded", false, false},
    {9001, "SocketException", false, true},
    {10058, "LegacyNotPrimary", false, true},
    {10107, "NotWritablePrimary", false, true},
    {11600, "InterruptedAtShutdown", true, true},
    {11602, "InterruptedDueToReplStateChange", true, true},
    {13435, "NotPrimaryNoSecondaryOk", false, true},
    {13436, "NotPrimaryOrSecondary", true, true},
};

static size_t find_code(int code)
{
    size_t i = 0;

    while (i < MUV__COUNT_OF(codes) && codes[i].code != code) {
        i++;
    }
    return i;
}

const char *mock__code_name(int code)
{
    size_t i = find_code(code);

    return i < MUV__COUNT_OF(codes) ? codes[i].name : "UnknownError";
}

static bool refuses_all(int code)
{
    size_t i = find_code(code);

    return i < MUV__COUNT_OF(codes) && codes[i].refuses_all;
}

bool mock__code_is_retryable(int code)
{
    size_t i = find_code(code);

    return i < MUV__COUNT_OF(codes) && codes[i].retryable;
}

const char *mock__label_of(const muv_mock_t *mock, const mock_request_t *request, int code)
{
    bool ends = strcmp(request->name, "commitTransaction") == 0 ||
                strcmp(request->name, "abortTransaction") == 0;

    if (mock->set.lively && !mock->set.labels) {
        return NULL;
    }
    if (!mock__code_is_retryable(code) || !bson_has_field(request->body, "txnNumber")) {
        return NULL;
    }
    return bson_has_field(request->body, "autocommit") && !ends ? "TransientTransactionError"
                                                                : "RetryableWriteError";
}

static void append_error(bson_t *reply, const mock__member_t *member, int code, const char *label)
{
    bson_t labels;

    BSON_APPEND_INT32(reply, "ok", 0);
    BSON_APPEND_UTF8(reply, "errmsg", text_of("the mock says %s", mock__code_name(code)));
    BSON_APPEND_INT32(reply, "code", code);
    BSON_APPEND_UTF8(reply, "codeName", mock__code_name(code));
    if (label != NULL) {
        bson_append_array_begin(reply, "errorLabels", -1, &labels);
        BSON_APPEND_UTF8(&labels, "0", label);
        bson_append_array_end(reply, &labels);
    }
    mock__append_topology_version(reply, member);
}

void mock__set_error(muv_mock_t *mock, const mock_request_t *request, int code, bson_t *reply)
{
    append_error(reply, &mock->members[request->member], code, mock__label_of(mock, request, code));
}

bool mock__is_write(const char *command)
{
    static const char *const writes[] = {
        "insert",           "update",          "delete",        "findAndModify",
        "findandmodify",    "bulkWrite",       "create",        "drop",
        "dropDatabase",     "dropIndexes",     "createIndexes", "commitTransaction",
        "abortTransaction", "renameCollection"};

    for (size_t i = 0; i < MUV__COUNT_OF(writes); i++) {
        if (strcmp(writes[i], command) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_read(const char *command)
{
    static const char *const reads[] = {"find",     "aggregate",       "count",      "getMore",
                                        "distinct", "listCollections", "listIndexes"};

    for (size_t i = 0; i < MUV__COUNT_OF(reads); i++) {
        if (strcmp(reads[i], command) == 0) {
            return true;
        }
    }
    return false;
}

/* A getMore continues what was allowed. */
static bool may_read(const mock_request_t *request)
{
    bson_iter_t iter;
    bson_iter_t mode;

    return strcmp(request->name, "getMore") == 0 ||
           (bson_iter_init(&iter, request->body) &&
            bson_iter_find_descendant(&iter, "$readPreference.mode", &mode) &&
            BSON_ITER_HOLDS_UTF8(&mode) && strcmp(bson_iter_utf8(&mode, NULL), "primary") != 0);
}

bool mock__set_refuses(muv_mock_t *mock, const mock_request_t *request, bson_t *reply)
{
    const mock__member_t *member = &mock->members[request->member];
    int code = 0;

    if (!mock->set.lively || strcmp(request->name, "hello") == 0) {
        return false;
    }
    if (refuses_all(member->state_code)) {
        code = member->state_code;
    } else if (member->role == MOCK_PRIMARY || member->role == MOCK_MONGOS) {
        code = mock__is_write(request->name) ? member->state_code : 0;
    } else if (mock__is_write(request->name)) {
        code = member->state_code != 0 ? member->state_code : 10107;
    } else if (is_read(request->name)) {
        bool has_data = member->role == MOCK_SECONDARY || member->role == MOCK_HIDDEN ||
                        member->role == MOCK_PASSIVE;
        code = !has_data ? 13436 : may_read(request) ? 0 : 13435;
    }
    if (code != 0) {
        mock__set_error(mock, request, code, reply);
    }
    return code != 0;
}

static void interrupt(mock__conn_t *conn, mock__job_t *job, int code)
{
    const mock__member_t *member = &conn->mock->members[conn->member];
    bson_t *body = bson_new();

    append_error(body, member, code,
                 job->retryable && conn->mock->set.labels && mock__code_is_retryable(code)
                     ? "RetryableWriteError"
                     : NULL);
    mock__set_append_time(conn->mock, body);
    mock__frame_t frame = {.body = body,
                           .message_id = conn->mock->next_message_id++,
                           .response_to = mock__load_i32(job->bytes + 8)};
    free(job->bytes);
    job->bytes = mock__message_write(&frame, &job->size);
    job->held = false;
    bson_destroy(body);
}

unsigned mock_interrupt_held(muv_mock_t *mock, int member, int code)
{
    unsigned count = 0;

    for (mock__conn_t *conn = mock->conns; conn != NULL; conn = conn->next) {
        mock__job_t *job = conn->member == member ? conn->first_job : NULL;
        while (job != NULL && !(job->held && job->size >= MOCK__HEADER_SIZE)) {
            job = job->next;
        }
        if (job != NULL) {
            interrupt(conn, job, code);
            count++;
            mock__conn_pump(conn);
        }
    }
    return count;
}

/* --- Cluster time ----------------------------------------------------------------------------- */

void mock_set_cluster_time(muv_mock_t *mock, uint32_t seconds, uint32_t increment)
{
    mock->set.seconds = seconds;
    mock->set.increment = increment;
}

void mock__set_take_time(muv_mock_t *mock, const mock_request_t *request)
{
    mock__set_t *set = &mock->set;
    bson_iter_t iter;
    bson_iter_t time;
    uint32_t seconds;
    uint32_t increment;

    if (bson_iter_init(&iter, request->body) &&
        bson_iter_find_descendant(&iter, "$clusterTime.clusterTime", &time) &&
        BSON_ITER_HOLDS_TIMESTAMP(&time)) {
        bson_iter_timestamp(&time, &seconds, &increment);
        if (seconds > set->seconds || (seconds == set->seconds && increment > set->increment)) {
            mock_set_cluster_time(mock, seconds, increment);
        }
    }
    if (mock__is_write(request->name)) {
        set->increment++;
    }
}

void mock__set_append_time(const muv_mock_t *mock, bson_t *reply)
{
    static const uint8_t hash[20];
    const mock__set_t *set = &mock->set;
    bson_t time;
    bson_t signature;

    if (!set->gossips || bson_has_field(reply, "$clusterTime")) {
        return;
    }
    if (!bson_has_field(reply, "operationTime")) {
        BSON_APPEND_TIMESTAMP(reply, "operationTime", set->seconds, set->increment);
    }
    bson_append_document_begin(reply, "$clusterTime", -1, &time);
    BSON_APPEND_TIMESTAMP(&time, "clusterTime", set->seconds, set->increment);
    bson_append_document_begin(&time, "signature", -1, &signature);
    BSON_APPEND_BINARY(&signature, "hash", BSON_SUBTYPE_BINARY, hash, sizeof hash);
    BSON_APPEND_INT64(&signature, "keyId", 0);
    bson_append_document_end(&time, &signature);
    bson_append_document_end(reply, &time);
}
