/* SPDX-License-Identifier: Apache-2.0 */
/* A client whose log is kept as text, one line for a message: "debug connection Connection created
 * serverHost=10.0.0.1 serverPort=27017 driverConnectionId=1". */
#ifndef MUV_TESTS_SIM_KEEPER_H
#define MUV_TESTS_SIM_KEEPER_H

#include "scene.h"

#include "muv/log.h"

#define PAGE_SIZE 65536

typedef struct keeper {
    scene_t scene;
    muv_log_opts_t log;
    muv_client_opts_t opts;
    char page[PAGE_SIZE];
    size_t length;
} keeper_t;

/* With the client still to be opened, by scene_open(&keeper->scene, &keeper->opts) or otherwise;
 * free() it. */
keeper_t *keeper_new(const muv_log_opts_t *log);

/* With a client; keeper_close() ends both. */
keeper_t *keeper_open(const muv_log_opts_t *log);
void keeper_close(keeper_t *keeper);

/* Five seconds. */
void keeper_run(keeper_t *keeper);

void keeper_forget(keeper_t *keeper);

/* On the database "db", and then run. */
void keeper_command(keeper_t *keeper, const char *json);

#define SERVER " serverHost=10.0.0.1 serverPort=27017"
#define CONNECTION "debug connection Connection "

#endif
