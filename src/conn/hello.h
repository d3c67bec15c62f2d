/* SPDX-License-Identifier: Apache-2.0 */
/* The hello command as it is sent: its name, and what only the first one of a connection carries
 * (MongoDB Handshake specification). What its reply says is topology's business. */
#ifndef MUV__HELLO_H
#define MUV__HELLO_H

#include "base/buf.h"
#include "topology/server_description.h"

struct muv__metadata;

/* How the first hello of each connection of a client speaks. */
typedef struct muv__hello_options {
    const struct muv__metadata *metadata; /* [borrow] */
    int8_t server_api;                    /* A serverApi is declared. */
    int8_t load_balanced;                 /* loadBalanced=true. */
    uint8_t compressor_count;
    const uint8_t *compressors; /* [borrow] MUV__COMPRESSOR_*, in the order of preference. */
} muv__hello_options_t;

/* The elements that name the command. `hello_ok`: the server is known to understand `hello`. */
void muv__hello_write_name(muv__buf_t *buf, int hello_ok);

/* The elements that make it awaitable (SDAM: streaming protocol): the server answers when its
 * topologyVersion is another one than `version`, or after `max_await_ms`. */
void muv__hello_write_await(muv__buf_t *buf, const muv__topology_version_t *version,
                            int64_t max_await_ms);

/* All elements of the first hello, `$db` included. Errors stick in the buffer. */
void muv__hello_write_first(muv__buf_t *buf, const muv__hello_options_t *options);

#endif
