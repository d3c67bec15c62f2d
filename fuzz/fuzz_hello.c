/* SPDX-License-Identifier: Apache-2.0 */
/* Hello replies and error replies from hostile servers, against a topology of two seeds.
 *
 * The input is a run of steps: one byte (bits 0-3: which server, bit 4: an operation's error
 * instead of a check, bit 5: a failed check), two bytes of length, and that many bytes of BSON. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "topology/selection.h"
#include "topology/topology.h"

#define MAX_STEPS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(muv__topology_t *topology)
{
    unsigned effects;

    while (muv__topology_next_effect(topology, &effects) != NULL) {
        MUV__ASSERT(effects != 0);
    }
}

static void check_snapshot(const muv__topology_snapshot_t *snapshot, uint64_t random)
{
    muv__read_pref_t nearest = {.mode = MUV__READ_NEAREST, .max_staleness_s = 90};
    muv__selection_criteria_t criteria = {.read_preference = &nearest,
                                          .heartbeat_interval_us = 10000000};
    const muv__snapshot_entry_t *entry = NULL;
    unsigned primaries = 0;
    char text[512];

    for (uint32_t i = 0; i < snapshot->server_count; i++) {
        primaries += snapshot->servers[i].description->type == MUV__SERVER_RS_PRIMARY;
    }
    MUV__ASSERT(snapshot->type == MUV__TOPOLOGY_RS_WITH_PRIMARY ? primaries == 1 : primaries == 0);
    muv__topology_snapshot_text(snapshot, text, sizeof(text));
    MUV__ASSERT(memchr(text, '\0', sizeof(text)) != NULL);
    if (muv__selection_pick(snapshot, &criteria, random, &entry, NULL) == 0 && entry != NULL) {
        MUV__ASSERT(!entry->server->removed);
    }
}

static void apply(muv__topology_t *topology, muv__topology_server_t *server, uint8_t kind,
                  const uint8_t *bytes, size_t size)
{
    muv__server_description_t *description;
    unsigned effects;
    int rc;

    if ((kind & 0x10) != 0) {
        muv_error_t error = {.code = MUV_ESERVER, .reply = bytes, .reply_size = (uint32_t)size};
        muv__topology_failure_t failure = {.error = &error, .handshaken = 1};

        rc = muv__topology_on_failure(topology, server, &failure, 1, &effects);
        MUV__ASSERT(rc == 0);
        return;
    }
    rc = (kind & 0x20) != 0
             ? muv__server_description_unknown(MUV_ENETTIMEOUT, "timeout", NULL, 1, &description)
             : muv__server_description_parse(bytes, size, 1, &description);
    MUV__ASSERT(rc == 0);
    MUV__ASSERT(muv__server_description_equal(description, description));
    rc = muv__topology_on_check(topology, server, description, 1000, &effects);
    MUV__ASSERT(rc == 0);
    muv__server_description_release(description);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    muv__host_t seeds[2];
    muv__topology_config_t config = {.seeds = seeds, .seed_count = 2};
    muv__topology_t topology;
    unsigned effects;
    size_t at = 0;

    if (muv__host_parse("a:27017", 7, &seeds[0]) != 0 ||
        muv__host_parse("b:27017", 7, &seeds[1]) != 0 ||
        muv__topology_init(&topology, &config, 0) != 0) {
        return 0;
    }
    (void)muv__topology_start(&topology, 0, &effects);
    for (int step = 0; step < MAX_STEPS && size - at >= 3; step++) {
        const muv__topology_snapshot_t *snapshot = topology.snapshot;
        uint8_t kind = data[at];
        size_t length = data[at + 1] | (size_t)data[at + 2] << 8;

        at += 3;
        if (length > size - at) {
            length = size - at;
        }
        if (snapshot->server_count == 0) {
            break;
        }
        apply(&topology, snapshot->servers[(kind & 0xfU) % snapshot->server_count].server, kind,
              data + at, length);
        drain(&topology);
        check_snapshot(topology.snapshot, kind);
        at += length;
    }
    (void)muv__topology_close(&topology);
    drain(&topology);
    muv__topology_done(&topology);
    return 0;
}
