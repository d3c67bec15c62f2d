/* SPDX-License-Identifier: Apache-2.0 */
/* Life, comparison and the hand-made kinds of server descriptions. Reading a reply is in hello.c.
 */
#include "topology/server_description.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/mem.h"

#include <string.h>

static int make(muv__server_type_t type, const char *error_text, int64_t now_us,
                muv__server_description_t **ret)
{
    size_t text_size = error_text == NULL ? 0 : strlen(error_text) + 1;
    muv__server_description_t *description = muv__mem_zalloc(sizeof(*description) + text_size);

    if (description == NULL) {
        return MUV_ENOMEM;
    }
    description->references = 1;
    description->type = (uint8_t)type;
    description->max_bson_size_bytes = MUV__DEFAULT_MAX_BSON_SIZE;
    description->max_message_size_bytes = MUV__DEFAULT_MAX_MESSAGE_SIZE;
    description->max_write_batch_count = MUV__DEFAULT_MAX_WRITE_BATCH;
    description->session_timeout_minutes = -1;
    description->last_write_ms = INT64_MIN;
    description->last_update_us = now_us;
    if (error_text != NULL) {
        char *text = (char *)(description + 1);

        memcpy(text, error_text, text_size);
        description->error_text = text;
        description->failed = 1;
    }
    *ret = description;
    return 0;
}

int muv__server_description_unknown(int32_t error_code, const char *error_text,
                                    const muv__topology_version_t *version, int64_t now_us,
                                    muv__server_description_t **ret)
{
    muv__server_description_t *description;

    if (make(MUV__SERVER_UNKNOWN, error_text, now_us, &description) != 0) {
        return MUV_ENOMEM;
    }
    description->error_code = error_code;
    if (version != NULL) {
        description->topology_version = *version;
    }
    *ret = description;
    return 0;
}

int muv__server_description_bare(muv__server_type_t type, int64_t now_us,
                                 muv__server_description_t **ret)
{
    MUV__ASSERT(type == MUV__SERVER_POSSIBLE_PRIMARY || type == MUV__SERVER_LOAD_BALANCER);
    return make(type, NULL, now_us, ret);
}

muv__server_description_t *muv__server_description_retain(muv__server_description_t *description)
{
    MUV__ASSERT(description->references > 0);
    description->references++;
    return description;
}

void muv__server_description_release(muv__server_description_t *description)
{
    if (description == NULL) {
        return;
    }
    MUV__ASSERT(description->references > 0);
    description->references--;
    if (description->references == 0) {
        muv__mem_free(description);
    }
}

static int text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return strcmp(a, b) == 0;
}

static int lists_equal(const muv__server_description_t *a, const muv__server_description_t *b)
{
    size_t count = (size_t)a->host_count + a->passive_count + a->arbiter_count;

    if (a->host_count != b->host_count || a->passive_count != b->passive_count ||
        a->arbiter_count != b->arbiter_count) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a->hosts[i], b->hosts[i]) != 0) {
            return 0;
        }
    }
    return 1;
}

/* Tags are a set: their order says nothing. */
static int tags_within(const muv__server_description_t *inner,
                       const muv__server_description_t *outer)
{
    muv__bson_iter_t iter;

    if (inner->tags == NULL || !muv__bson_iter_init(&iter, inner->tags, inner->tags_size)) {
        return 1;
    }
    while (muv__bson_iter_next(&iter)) {
        if (iter.type == MUV__BSON_UTF8 &&
            !muv__server_description_has_tag(outer, iter.key, muv__bson_iter_text(&iter))) {
            return 0;
        }
    }
    return 1;
}

static int versions_equal(const muv__topology_version_t *a, const muv__topology_version_t *b)
{
    return a->present == b->present && a->counter == b->counter &&
           memcmp(a->process_id, b->process_id, sizeof(a->process_id)) == 0;
}

static int membership_equal(const muv__server_description_t *a, const muv__server_description_t *b)
{
    return text_equal(a->set_name, b->set_name) && text_equal(a->me, b->me) &&
           text_equal(a->primary, b->primary) && a->has_set_version == b->has_set_version &&
           a->set_version == b->set_version && a->has_election_id == b->has_election_id &&
           memcmp(a->election_id, b->election_id, sizeof(a->election_id)) == 0 &&
           lists_equal(a, b) && tags_within(a, b) && tags_within(b, a);
}

static uint8_t type_without_hint(const muv__server_description_t *description)
{
    return description->type == MUV__SERVER_POSSIBLE_PRIMARY ? MUV__SERVER_UNKNOWN
                                                             : description->type;
}

int muv__server_description_equal(const muv__server_description_t *a,
                                  const muv__server_description_t *b)
{
    return a == b || (type_without_hint(a) == type_without_hint(b) &&
                      a->min_wire_version == b->min_wire_version &&
                      a->max_wire_version == b->max_wire_version &&
                      a->session_timeout_minutes == b->session_timeout_minutes &&
                      a->max_bson_size_bytes == b->max_bson_size_bytes &&
                      a->max_message_size_bytes == b->max_message_size_bytes &&
                      a->max_write_batch_count == b->max_write_batch_count &&
                      versions_equal(&a->topology_version, &b->topology_version) &&
                      text_equal(a->error_text, b->error_text) && membership_equal(a, b));
}

int muv__server_description_has_tag(const muv__server_description_t *description, const char *key,
                                    const char *value)
{
    muv__bson_iter_t iter;
    size_t length = strlen(value);

    return description->tags != NULL &&
           muv__bson_find(description->tags, description->tags_size, key, &iter) &&
           iter.type == MUV__BSON_UTF8 && muv__bson_iter_text_is(&iter, value, length);
}

int muv__topology_version_compare(const muv__topology_version_t *a,
                                  const muv__topology_version_t *b)
{
    if (!a->present || !b->present ||
        memcmp(a->process_id, b->process_id, sizeof(a->process_id)) != 0) {
        return -1;
    }
    return a->counter == b->counter ? 0 : a->counter < b->counter ? -1 : 1;
}

void muv__topology_version_read(const muv__bson_iter_t *value, muv__topology_version_t *ret)
{
    muv__topology_version_t version = {.present = 0};
    muv__bson_iter_t iter;
    int has_process = 0;
    int has_counter = 0;

    memset(ret, 0, sizeof(*ret));
    if (value->type != MUV__BSON_DOCUMENT || !muv__bson_iter_child(value, &iter)) {
        return;
    }
    while (muv__bson_iter_next(&iter)) {
        if (MUV__BSON_KEY_IS(&iter, "processId") && iter.type == MUV__BSON_OID) {
            memcpy(version.process_id, iter.value, sizeof(version.process_id));
            has_process = 1;
        } else if (MUV__BSON_KEY_IS(&iter, "counter")) {
            has_counter = muv__bson_iter_as_int64(&iter, &version.counter);
        }
    }
    if (has_process && has_counter && !iter.bad) {
        version.present = 1;
        *ret = version;
    }
}

const char *muv__server_type_name(muv__server_type_t type)
{
    static const char *const names[] = {"Unknown",   "PossiblePrimary", "Standalone", "Mongos",
                                        "RSPrimary", "RSSecondary",     "RSArbiter",  "RSOther",
                                        "RSGhost",   "LoadBalancer"};

    MUV__ASSERT((size_t)type < sizeof(names) / sizeof(names[0]));
    return names[type];
}
