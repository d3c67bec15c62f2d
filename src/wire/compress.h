/* SPDX-License-Identifier: Apache-2.0 */
/* From a whole OP_MSG to an OP_COMPRESSED, in steps of bounded work. Layout (OP_COMPRESSED):
 *
 *   header 16, opcode 2012 | original opcode | size of what follows its header | compressor | data
 *
 * Who compresses what is not decided here. The way back is wire/inflate.h. */
#ifndef MUV__COMPRESS_H
#define MUV__COMPRESS_H

#include <stdint.h>

#include "base/buf.h"
#include "wire/command.h"
#include "wire/header.h"

/* Compressor ids as they stand in messages. */
enum { MUV__COMPRESS_NOOP = 0, MUV__COMPRESS_SNAPPY = 1, MUV__COMPRESS_ZLIB = 2 };
enum { MUV__COMPRESS_ZSTD = 3 };

#define MUV__COMPRESSED_HEADER_SIZE (MUV__HEADER_SIZE + 9)

/* Bytes compressed in one step. */
#define MUV__COMPRESS_STEP (256 * 1024)

enum { MUV__COMPRESS_DONE = 1, MUV__COMPRESS_MORE = 0 };

/* May a command of this name be compressed? Not those of the handshake, nor those whose content is
 * a secret, whose size would tell something of it (OP_COMPRESSED). */
int muv__compress_allowed(const char *command);

/* The state of the libraries; used for one message after the other, because making it anew costs
 * more than compressing a small message. */
typedef struct muv__compressor muv__compressor_t;

/* Take the one in `*kept`, or make a new one; NULL when out of memory. Giving it back keeps it when
 * none is kept, and else frees it. */
muv__compressor_t *muv__compressor_take(muv__compressor_t **kept);
void muv__compressor_give(muv__compressor_t **kept, muv__compressor_t *compressor);

/* NULL is allowed. */
void muv__compressor_free(muv__compressor_t *compressor);

/* Begin with a message. `id` is one of the three, `level` zlib's (-1 to 9; the others ignore it).
 * `message` and `out` [borrow] stay as they are until the end; `out` is overwritten. */
void muv__compressor_begin(muv__compressor_t *compressor, uint8_t id, int level,
                           const muv__message_t *message, muv__buf_t *out);

/* The message as it was given. */
const muv__message_t *muv__compressor_message(const muv__compressor_t *compressor);

/* Go on. Returns DONE (the message is in `out`), MORE, MUV_ENOMEM, or MUV_ETOOLARGE when it exceeds
 * the maximum of `out`; after an error `out` holds nothing of use. */
int muv__compressor_step(muv__compressor_t *compressor);

#endif
