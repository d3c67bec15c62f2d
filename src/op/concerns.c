/* SPDX-License-Identifier: Apache-2.0 */
/* Inheritance of read concern, write concern and read preference. */
#include "op/concerns.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"

muv__concerns_t *muv__concerns_new(const muv__read_concern_t *read_concern,
                                   const muv__write_concern_t *write_concern,
                                   const muv__read_pref_t *read_pref)
{
    muv__concerns_t *concerns = muv__mem_zalloc(sizeof(*concerns));

    if (concerns == NULL) {
        return NULL;
    }
    concerns->refs = 1;
    concerns->read_concern = *read_concern;
    concerns->write_concern = *write_concern;
    if (muv__read_pref_copy(&concerns->read_pref, read_pref) != 0) {
        muv__mem_free(concerns);
        return NULL;
    }
    return concerns;
}

void muv__concerns_release(muv__concerns_t *concerns)
{
    if (concerns != NULL && --concerns->refs == 0) {
        muv__read_pref_done(&concerns->read_pref);
        muv__mem_free(concerns);
    }
}

static int override_read_concern(muv__concerns_t *concerns, const muv_read_concern_t *given,
                                 muv_error_t *reterr)
{
    if (given == NULL || given->level == NULL) {
        return 0;
    }
    if (muv__read_concern_set_level(&concerns->read_concern, given->level, strlen(given->level)) !=
        0) {
        return muv__error_set(reterr, MUV_EINVAL, "read_concern.level: empty or too long");
    }
    return 0;
}

static int override_w(muv__write_concern_t *concern, const muv_write_concern_t *given)
{
    if (given->w_tag != NULL) {
        return muv__write_concern_set_tag(concern, given->w_tag, strlen(given->w_tag));
    }
    return given->w == 0 ? 0
                         : muv__write_concern_set_w(concern, given->w == MUV_ZERO ? 0 : given->w);
}

static int override_write_concern(muv__concerns_t *concerns, const muv_write_concern_t *given,
                                  muv_error_t *reterr)
{
    muv__write_concern_t *concern = &concerns->write_concern;

    if (given == NULL) {
        return 0;
    }
    /* A write concern replaces the inherited one as a whole (Read/Write Concern specification). */
    memset(concern, 0, sizeof(*concern));
    if (override_w(concern, given) != 0) {
        return muv__error_set(reterr, MUV_EINVAL, "write_concern.w: negative, empty or too long");
    }
    if (given->wtimeout_ms != 0 &&
        muv__write_concern_set_wtimeout(concern, given->wtimeout_ms) != 0) {
        return muv__error_set(reterr, MUV_EINVAL, "write_concern.wtimeout_ms: negative");
    }
    if (given->journal != MUV_UNSET) {
        muv__write_concern_set_journal(concern, given->journal == MUV_YES);
    }
    if (!muv__write_concern_is_valid(concern)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "write_concern: w 0 and journal contradict each other");
    }
    return 0;
}

static int add_tag_set(muv__read_pref_t *pref, const muv__bson_iter_t *set)
{
    muv__bson_iter_t tag;
    int status = muv__read_pref_add_set(pref);

    if (status != 0 || !muv__bson_iter_child(set, &tag)) {
        return status != 0 ? status : MUV_EINVAL;
    }
    while (status == 0 && muv__bson_iter_next(&tag)) {
        status =
            tag.type == MUV__BSON_UTF8
                ? muv__read_pref_add_tag(pref, tag.key, tag.key_length, muv__bson_iter_text(&tag),
                                         muv__bson_iter_text_length(&tag))
                : MUV_EINVAL;
    }
    return status;
}

static int add_tag_sets(muv__read_pref_t *pref, const bson_t *tag_sets)
{
    muv__bson_iter_t set;
    int status = 0;

    if (tag_sets == NULL) {
        return 0;
    }
    if (!muv__bson_iter_init(&set, bson_get_data(tag_sets), tag_sets->len)) {
        return MUV_EINVAL;
    }
    while (status == 0 && muv__bson_iter_next(&set)) {
        status = add_tag_set(pref, &set);
    }
    return status;
}

static int override_read_preference(muv__concerns_t *concerns, const muv_read_preference_t *given,
                                    muv_error_t *reterr)
{
    muv__read_pref_t *pref = &concerns->read_pref;
    int status;

    if (given == NULL || given->mode == 0) {
        return 0;
    }
    if (given->mode < 0 || given->mode > MUV_READ_NEAREST) {
        return muv__error_set(reterr, MUV_EINVAL, "read_preference.mode: unknown");
    }
    muv__read_pref_done(pref);
    memset(pref, 0, sizeof(*pref));
    pref->mode = (int8_t)(given->mode - MUV_READ_PRIMARY);
    status = add_tag_sets(pref, given->tag_sets);
    if (status == MUV_ENOMEM) {
        return muv__error_code(reterr, status);
    }
    if (status != 0) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "read_preference.tag_sets: not an array of documents of strings");
    }
    if (given->max_staleness_seconds != 0 &&
        muv__read_pref_set_max_staleness(pref, given->max_staleness_seconds) != 0) {
        return muv__error_set(reterr, MUV_EINVAL, "read_preference.max_staleness_seconds: invalid");
    }
    if (!muv__read_pref_is_valid(pref)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "read_preference: mode primary takes neither tags nor staleness");
    }
    return 0;
}

int muv__concerns_override(muv__concerns_t *base, const muv_read_concern_t *read_concern,
                           const muv_write_concern_t *write_concern,
                           const muv_read_preference_t *read_preference, muv_error_t *reterr,
                           muv__concerns_t **ret)
{
    muv__concerns_t *concerns;
    int status;

    if (read_concern == NULL && write_concern == NULL && read_preference == NULL) {
        *ret = muv__concerns_retain(base);
        return 0;
    }
    concerns = muv__concerns_new(&base->read_concern, &base->write_concern, &base->read_pref);
    if (concerns == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    status = override_read_concern(concerns, read_concern, reterr);
    if (status == 0) {
        status = override_write_concern(concerns, write_concern, reterr);
    }
    if (status == 0) {
        status = override_read_preference(concerns, read_preference, reterr);
    }
    if (status != 0) {
        muv__concerns_release(concerns);
        return status;
    }
    *ret = concerns;
    return 0;
}
