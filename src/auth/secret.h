/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that holds passwords and keys, and is wiped when it is given back. */
#ifndef MUV__SECRET_H
#define MUV__SECRET_H

#include <stddef.h>
#include <stdint.h>

typedef struct muv__secret {
    uint8_t *data; /* NULL: nothing is held. */
    size_t size;
} muv__secret_t;

/* `size` bytes, zeroed; at least one byte is allocated. Returns 0 or MUV_ENOMEM. */
int muv__secret_alloc(muv__secret_t *secret, size_t size);

/* Wipe and free. Safe on a zeroed or ended one. */
void muv__secret_done(muv__secret_t *secret);

#endif
