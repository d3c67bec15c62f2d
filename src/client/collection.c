/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of collections. */
#include "client/client_inner.h"

#include <string.h>

#include "base/mem.h"

#define DATABASE_NAME_MAX 63
#define NAMESPACE_MAX 255

int muv__database_name_is_valid(const char *name)
{
    size_t length;

    if (name == NULL) {
        return 0;
    }
    length = strlen(name);
    if (strcmp(name, "$external") == 0) {
        return 1;
    }
    return length >= 1 && length <= DATABASE_NAME_MAX && strpbrk(name, "/\\ \"$.") == NULL;
}

int muv_collection_new(muv_client_t *client, const char *database, const char *name,
                       const muv_collection_opts_t *opts, muv_collection_t **ret)
{
    static const muv_collection_opts_t defaults = {0};
    muv_collection_t *collection;
    size_t name_length;
    char *text;
    int status;

    if (client == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    if (!muv__database_name_is_valid(database)) {
        return muv__client_refuse(client, MUV_EINVAL, "database: not a valid name");
    }
    name_length = name == NULL ? 0 : strlen(name);
    if (name_length == 0 || name[0] == '.' || name_length + strlen(database) + 1 > NAMESPACE_MAX) {
        return muv__client_refuse(client, MUV_EINVAL, "name: not a valid collection name");
    }
    collection = muv__mem_zalloc(sizeof(*collection) + strlen(database) + name_length + 2);
    if (collection == NULL) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    opts = opts == NULL ? &defaults : opts;
    status = muv__concerns_override(client->concerns, opts->read_concern, opts->write_concern,
                                    opts->read_preference, &client->refusal, &collection->concerns);
    if (status != 0) {
        muv__mem_free(collection);
        return status;
    }
    collection->timeout_ms = opts->timeout_ms;
    text = (char *)(collection + 1);
    collection->client = client;
    collection->database_length = strlen(database);
    collection->name_length = name_length;
    memcpy(text, database, collection->database_length + 1);
    collection->database = text;
    text += collection->database_length + 1;
    memcpy(text, name, name_length + 1);
    collection->name = text;
    *ret = collection;
    return 0;
}

void muv_collection_free(muv_collection_t *collection)
{
    if (collection != NULL) {
        muv__concerns_release(collection->concerns);
        muv__mem_free(collection);
    }
}
