/* SPDX-License-Identifier: Apache-2.0 */
/* What is logged: the least severe level of each component, how much of a document, and where to.
 * Read from the environment and overruled by the program (Logging specification). Messages are made
 * and written above; nothing here does either. */
#ifndef MUV__LOG_H
#define MUV__LOG_H

#include "muv/error.h"
#include "muv/log.h"

#define MUV__LOG_MAX_DOCUMENT_LENGTH 1000

typedef struct muv__log_config {
    int8_t levels[MUV_LOG_COMPONENTS]; /* 0: nothing. */
    size_t max_document_length;        /* SIZE_MAX: no limit. */
    const char *path;                  /* [borrow] "stderr", "stdout", or a file. Never NULL. */
} muv__log_config_t;

/* The value of an environment variable, or NULL. */
typedef const char *(*muv__log_get_t)(const char *name, void *data);

/* What the environment says. Borrowed values must live as long as the configuration. */
void muv__log_config_read(muv__log_config_t *config, muv__log_get_t get, void *data);

/* Let what is set in `opts` win. Returns 0, or MUV_EINVAL with the option named and nothing
 * changed. */
int muv__log_config_override(muv__log_config_t *config, const muv_log_opts_t *opts,
                             muv_error_t *reterr);

/* Is anything logged at all? */
int muv__log_config_is_on(const muv__log_config_t *config);

static inline int muv__log_wants(const muv__log_config_t *config, int component, int level)
{
    return level <= config->levels[component];
}

#endif
