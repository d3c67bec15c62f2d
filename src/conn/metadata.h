/* SPDX-License-Identifier: Apache-2.0 */
/* The `client` document of the handshake: who connects, from which system, in which cloud. Servers
 * refuse more than 512 bytes, so what matters least is left out first.
 *
 * It reads nothing itself: the environment comes in through a function, the system as texts. */
#ifndef MUV__METADATA_H
#define MUV__METADATA_H

#include "base/buf.h"

#define MUV__METADATA_MAX_SIZE 512
#define MUV__METADATA_MAX_APP_NAME 128

/* The value of an environment variable, or NULL; it stays as long as the metadata is written. */
typedef const char *(*muv__metadata_get_t)(const char *name, void *data);

/* All [borrow]; NULL and "" mean "not known". */
typedef struct muv__metadata {
    const char *app_name;
    const char *driver_name;
    const char *driver_version;
    const char *os_type; /* "Linux" */
    const char *os_name;
    const char *os_version;
    const char *architecture;
    const char *platform; /* Compiler and libraries, free text. */
    muv__metadata_get_t get;
    void *get_data;
    int8_t in_docker; /* /.dockerenv exists. */
} muv__metadata_t;

/* Does the environment name one function service? (SDAM: serverMonitoringMode "auto" polls there.)
 */
int muv__metadata_in_faas(const muv__metadata_t *metadata);

/* Append the element `client`. Errors stick in the buffer. */
void muv__metadata_write(muv__buf_t *buf, const muv__metadata_t *metadata);

#endif
