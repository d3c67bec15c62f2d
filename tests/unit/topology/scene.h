/* SPDX-License-Identifier: Apache-2.0 */
/* A topology under test with its effects and events written down as text. */
#ifndef MUV_TESTS_UNIT_TOPOLOGY_SCENE_H
#define MUV_TESTS_UNIT_TOPOLOGY_SCENE_H

#include "topology/topology.h"

#define SCENE_LOG_SIZE 8192

typedef struct scene {
    muv__topology_t topology;
    char log[SCENE_LOG_SIZE]; /* One line for each event and for each server's effects. */
    int ready;                /* The topology was made. */
} scene_t;

/* Hosts separated by commas; `set_name` NULL: none. Returns what the topology returns. */
int scene_start(scene_t *scene, const char *hosts, const char *set_name, int direct);
int scene_start_load_balanced(scene_t *scene, const char *host);
void scene_end(scene_t *scene);

/* Forget what was logged. */
void scene_clear_log(scene_t *scene);

/* [borrow] NULL when the address is not there. */
muv__topology_server_t *scene_server(const scene_t *scene, const char *address);
const muv__server_description_t *scene_description(const scene_t *scene, const char *address);

/* A reply in extended JSON, with "ok: 1, maxWireVersion: 21" added. Effects go to the log. */
int scene_reply(scene_t *scene, const char *address, const char *json, int64_t rtt_us);

/* A check that failed without a reply. */
int scene_check_failed(scene_t *scene, const char *address, int code);

/* An operation's error on an established connection; `json` NULL: no reply. */
int scene_operation_failed(scene_t *scene, const char *address, int code, const char *json);

/* A description from a whole reply. [own] */
muv__server_description_t *scene_parse(const char *json, int64_t now_us);

/* The replies that tests start from. */
#define SCENE_PRIMARY(hosts)                                                                       \
    "{\"isWritablePrimary\": true, \"setName\": \"rs\", \"hosts\": " hosts "}"
#define SCENE_SECONDARY(hosts) "{\"secondary\": true, \"setName\": \"rs\", \"hosts\": " hosts "}"
#define SCENE_STANDALONE "{\"isWritablePrimary\": true}"
#define SCENE_MONGOS "{\"isWritablePrimary\": true, \"msg\": \"isdbgrid\"}"

#endif
