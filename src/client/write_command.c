/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and starting write commands. */
#include "client/write.h"

#include "base/error.h"

/* MongoDB 4.4, the first that refuses hints it cannot use. */
#define WIRE_VERSION_HINT 9

int muv__write_begin(muv_collection_t *collection, const muv__write_common_t *common,
                     muv__span_t name, muv__deliver_t deliver, muv_op_t **ret)
{
    muv_op_t *op;
    int status = muv__collection_command_new(collection, common->parent, MUV_COMMAND_WRITE,
                                             MUV__TAIL_WRITE_CONCERN, deliver, &op);

    if (status == 0) {
        status = muv__command_join(op, common->session);
    }
    if (status == 0) {
        status = muv__command_override(op, NULL, common->write_concern, NULL);
    }
    if (status != 0) {
        return status;
    }
    op->unacknowledged = !muv__write_concern_is_acknowledged(&op->concerns->write_concern);
    op->retry = MUV__RETRY_WRITE;
    muv__bson_utf8(muv__op_buf(op), (const char *)name.data, name.size, collection->name,
                   collection->name_length);
    *ret = op;
    return 0;
}

int muv__write_launch(muv_collection_t *collection, const muv__write_common_t *common, muv_op_t *op,
                      muv_op_t **ret_op)
{
    return muv__command_launch(
        op, collection->database, collection->database_length,
        common->timeout_ms != 0 ? common->timeout_ms : collection->timeout_ms, ret_op);
}

static int prepare_with_hint(muv_op_t *op)
{
    if (op->conn->conn.limits.max_wire_version >= WIRE_VERSION_HINT) {
        return 0;
    }
    return muv__error_set(&op->error, MUV_ECOMPAT,
                          "hint: an unacknowledged write with a hint needs MongoDB 4.4");
}

void muv__write_guard_hint(muv_op_t *op, const char *name, const bson_t *document)
{
    if (op->unacknowledged && (name != NULL || document != NULL)) {
        op->prepare = prepare_with_hint;
    }
}
