/* SPDX-License-Identifier: Apache-2.0 */
/* Codes and, where there is no code, texts of state-change errors. */
#include "topology/state_change.h"

#include "base/bson_view.h"
#include "base/compiler.h"
#include "base/server_code.h"

#include <string.h>

static int is_state_change_code(int64_t code)
{
    static const int32_t codes[] = {
        MUV__CODE_INTERRUPTED_AT_SHUTDOWN,     MUV__CODE_INTERRUPTED_DUE_TO_REPL_STATE_CHANGE,
        MUV__CODE_NOT_PRIMARY_OR_SECONDARY,    MUV__CODE_PRIMARY_STEPPED_DOWN,
        MUV__CODE_SHUTDOWN_IN_PROGRESS,        MUV__CODE_NOT_WRITABLE_PRIMARY,
        MUV__CODE_NOT_PRIMARY_NO_SECONDARY_OK, MUV__CODE_LEGACY_NOT_PRIMARY};

    for (size_t i = 0; i < MUV__COUNT_OF(codes); i++) {
        if (codes[i] == code) {
            return 1;
        }
    }
    return 0;
}

static int contains(const char *text, size_t length, const char *part)
{
    size_t part_length = strlen(part);

    for (size_t at = 0; at + part_length <= length; at++) {
        if (memcmp(text + at, part, part_length) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Only for replies without a code. "not master or secondary" contains "not master": all three are
 * state changes, and none is a shutdown. */
static int is_state_change_text(const char *text, size_t length)
{
    return contains(text, length, "node is recovering") || contains(text, length, "not master");
}

typedef struct found_error {
    int64_t code;
    const char *text;
    size_t text_length;
    int has_code;
} found_error_t;

static void judge(const found_error_t *found, muv__state_change_t *change)
{
    if (found->has_code ? !is_state_change_code(found->code)
                        : !is_state_change_text(found->text, found->text_length)) {
        return;
    }
    change->is_state_change = 1;
    change->code = (int32_t)found->code;
    if (found->code == MUV__CODE_INTERRUPTED_AT_SHUTDOWN ||
        found->code == MUV__CODE_SHUTDOWN_IN_PROGRESS) {
        change->is_shutdown = 1;
    }
}

static void read_error_field(const muv__bson_iter_t *iter, found_error_t *found)
{
    if (MUV__BSON_KEY_IS(iter, "code")) {
        found->has_code = muv__bson_iter_as_int64(iter, &found->code);
    } else if (MUV__BSON_KEY_IS(iter, "errmsg") && iter->type == MUV__BSON_UTF8) {
        found->text = muv__bson_iter_text(iter);
        found->text_length = muv__bson_iter_text_length(iter);
    }
}

static void read_write_concern_error(const muv__bson_iter_t *value, muv__state_change_t *change)
{
    found_error_t found = {0, "", 0, 0};
    muv__bson_iter_t iter;

    if (value->type != MUV__BSON_DOCUMENT || !muv__bson_iter_child(value, &iter)) {
        return;
    }
    while (muv__bson_iter_next(&iter)) {
        read_error_field(&iter, &found);
    }
    judge(&found, change);
}

void muv__state_change_read(const uint8_t *reply, size_t size, muv__state_change_t *ret)
{
    found_error_t found = {0, "", 0, 0};
    muv__bson_iter_t iter;
    int ok = 0;

    memset(ret, 0, sizeof(*ret));
    (void)muv__bson_iter_init(&iter, reply, size);
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "ok")) {
            ok = muv__bson_iter_is_true(&iter);
        } else if (MUV__BSON_KEY_IS(&iter, "topologyVersion")) {
            muv__topology_version_read(&iter, &ret->topology_version);
        } else if (MUV__BSON_KEY_IS(&iter, "writeConcernError")) {
            read_write_concern_error(&iter, ret);
        } else {
            read_error_field(&iter, &found);
        }
    }
    if (!ok) {
        judge(&found, ret);
    }
}
