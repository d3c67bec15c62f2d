/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of collections. */
#include "client/read.h"

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

/* Where a collection is, and what it inherits. */
typedef struct place {
    muv_client_t *client;
    const char *database;
    muv__concerns_t *concerns;
    int64_t timeout_ms;
} place_t;

static int check(muv_client_t *client, const char *database, const char *name,
                 const muv_collection_opts_t *opts)
{
    size_t name_length = name == NULL ? 0 : strlen(name);

    if (!muv__database_name_is_valid(database)) {
        return muv__client_refuse(client, MUV_EINVAL, "database: not a valid name");
    }
    if (name_length == 0 || name[0] == '.' || name_length + strlen(database) + 1 > NAMESPACE_MAX) {
        return muv__client_refuse(client, MUV_EINVAL, "name: not a valid collection name");
    }
    return muv__check_timeout(client, opts->timeout_ms);
}

static void set_names(muv_collection_t *collection, const char *database, const char *name)
{
    char *text = (char *)(collection + 1);

    collection->database_length = strlen(database);
    collection->name_length = strlen(name);
    memcpy(text, database, collection->database_length + 1);
    collection->database = text;
    text += collection->database_length + 1;
    memcpy(text, name, collection->name_length + 1);
    collection->name = text;
}

static int new_collection(const place_t *place, const char *name, const muv_collection_opts_t *opts,
                          muv_collection_t **ret)
{
    static const muv_collection_opts_t defaults = {0};
    muv_client_t *client = place->client;
    muv_collection_t *collection;
    int status;

    opts = opts == NULL ? &defaults : opts;
    status = check(client, place->database, name, opts);
    if (status != 0) {
        return status;
    }
    collection = muv__mem_zalloc(sizeof(*collection) + strlen(place->database) + strlen(name) + 2);
    if (collection == NULL) {
        return muv__client_refuse(client, MUV_ENOMEM, "%s", muv_error_text(MUV_ENOMEM));
    }
    status = muv__concerns_override(place->concerns, opts->read_concern, opts->write_concern,
                                    opts->read_preference, &client->refusal, &collection->concerns);
    if (status != 0) {
        muv__mem_free(collection);
        return status;
    }
    collection->client = client;
    collection->timeout_ms = opts->timeout_ms != 0 ? opts->timeout_ms : place->timeout_ms;
    set_names(collection, place->database, name);
    *ret = collection;
    return 0;
}

int muv_collection_new(muv_client_t *client, const char *database, const char *name,
                       const muv_collection_opts_t *opts, muv_collection_t **ret)
{
    place_t place;

    if (client == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    place = (place_t){client, database, client->concerns, 0};
    return new_collection(&place, name, opts, ret);
}

int muv_database_collection(muv_database_t *database, const char *name,
                            const muv_collection_opts_t *opts, muv_collection_t **ret)
{
    place_t place;

    if (database == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    place = (place_t){database->client, database->name, database->concerns, database->timeout_ms};
    return new_collection(&place, name, opts, ret);
}

void muv_collection_free(muv_collection_t *collection)
{
    if (collection != NULL) {
        muv__concerns_release(collection->concerns);
        muv__mem_free(collection);
    }
}
