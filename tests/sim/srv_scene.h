/* SPDX-License-Identifier: Apache-2.0 */
/* A client of mongodb+srv:// in virtual time: mongos at localhost.test.build.10gen.cc, ports 27017
 * to 27020, as the prose tests of the specifications want them. */
#ifndef MUV_TESTS_SIM_SRV_SCENE_H
#define MUV_TESTS_SIM_SRV_SCENE_H

#include "scene.h"

#define SRV_DOMAIN "test.build.10gen.cc"
#define SRV_TARGET "localhost." SRV_DOMAIN
#define SRV_1 "_mongodb._tcp.test1." SRV_DOMAIN
#define SRV_3 "_mongodb._tcp.test3." SRV_DOMAIN
#define TXT_1 "test1." SRV_DOMAIN

/* How long an answer of the name server takes, and what polling waits at least. */
#define SRV_DELAY (2 * SIM_MS)
#define SRV_MINUTE (60 * SIM_SECOND)

/* A world with the servers and no records, without a client. */
void srv_world(scene_t *scene);

/* "mongodb+srv://<name>/?tls=false<options>" */
void srv_open_at(scene_t *scene, const char *name, const char *options,
                 const muv_client_opts_t *opts);

/* The same in one: the name is test1. */
void srv_open(scene_t *scene, const char *options, const muv_client_opts_t *opts);

/* SRV records at the target's ports ("27017 27018"), with a time to live. */
void srv_ports(scene_t *scene, const char *name, const char *ports, uint32_t ttl_s);

/* Run {ping: 1} to its end, which must be a success. */
void srv_ping(scene_t *scene);

/* The ports of the servers that the topology has now, in order: "27017 27018". Static memory. */
const char *srv_servers(const scene_t *scene);
#define CHECK_SERVERS(scene, expected) assert_string_equal(srv_servers(scene), expected)

#endif
