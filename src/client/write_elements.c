/* SPDX-License-Identifier: Apache-2.0 */
/* Elements that several write commands have. */
#include "client/write.h"

#include <string.h>

void muv__write_optional_array(muv__buf_t *buf, const char *key, size_t length, const bson_t *array)
{
    if (array != NULL) {
        muv__bson_array(buf, key, length, muv__bson_span(array));
    }
}

static int first_element(const bson_t *document, muv__bson_iter_t *ret)
{
    return muv__bson_iter_init(ret, bson_get_data(document), document->len) &&
           muv__bson_iter_next(ret);
}

void muv__write_wrapped(muv__buf_t *buf, const char *key, size_t length, const bson_t *wrapper)
{
    muv__bson_iter_t iter;

    if (wrapper != NULL && first_element(wrapper, &iter)) {
        muv__bson_value(buf, key, length, iter.type, muv__span(iter.value, iter.value_size));
    }
}

const char *muv__check_wrapped(const bson_t *wrapper, const char *complaint)
{
    muv__bson_iter_t iter;

    if (wrapper == NULL) {
        return NULL;
    }
    return first_element(wrapper, &iter) && !muv__bson_iter_next(&iter) && !iter.bad ? NULL
                                                                                     : complaint;
}

void muv__write_hint(muv__buf_t *buf, const char *name, const bson_t *document)
{
    if (name != NULL) {
        muv__bson_utf8(buf, MUV__KEY("hint"), name, strlen(name));
    } else {
        muv__write_document(buf, MUV__KEY("hint"), document);
    }
}

const char *muv__check_hint(const char *name, const bson_t *document)
{
    return name != NULL && document != NULL ? "hint: both a name and a document" : NULL;
}

/* Sound at its top, and does it have an `_id`? Returns 1, 0, or MUV_EBSON. */
static int has_id(muv__span_t document)
{
    muv__bson_iter_t iter;
    int found = 0;

    if (!muv__bson_iter_init(&iter, document.data, document.size)) {
        return MUV_EBSON;
    }
    while (muv__bson_iter_next(&iter)) {
        found |= MUV__BSON_KEY_IS(&iter, "_id");
    }
    return iter.bad ? MUV_EBSON : found;
}

int muv__write_with_id(muv__buf_t *buf, muv__span_t document, muv_client_t *client)
{
    uint8_t oid[MUV__OID_SIZE];
    int found = has_id(document);

    if (found < 0) {
        return found;
    }
    if (!found) {
        muv__oid_next(&client->oids, muv__net_wall_s(client->net), oid);
        muv__bson_oid(buf, MUV__KEY("_id"), oid);
    }
    muv__buf_append(buf, document.data + 4, document.size - MUV__BSON_EMPTY_SIZE);
    return 0;
}
