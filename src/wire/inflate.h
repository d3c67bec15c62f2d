/* SPDX-License-Identifier: Apache-2.0 */
/* From an OP_COMPRESSED back to the message in it. What its header announces is judged before
 * memory is spent; then the data is decompressed into exactly that much memory, in steps of bounded
 * work. Whatever the data is, no more is written than announced, and less or more is an error.
 *
 * snappy is one block whose library gives no way to stop in the middle: it is done in one step. */
#ifndef MUV__INFLATE_H
#define MUV__INFLATE_H

#include <stdint.h>

#include "base/span.h"
#include "wire/compress.h"
#include "wire/wire_error.h"

/* Bytes taken, and bytes made, in one step at most. */
#define MUV__INFLATE_STEP (256 * 1024)

/* The memory that zstd data may ask for beside its output: what RFC 8878 recommends to support. */
#define MUV__INFLATE_WINDOW_LOG 23

/* What stands between header and data. */
typedef struct muv__envelope {
    uint32_t size; /* Of the message inside, its header included. */
    uint8_t compressor;
} muv__envelope_t;

/* Judge the header of a message of `length` bytes that says OP_COMPRESSED; at least
 * MUV__COMPRESSED_HEADER_SIZE bytes of it are there unless `length` is less. `offered` (not 0) has
 * bit (1 << id) for each compressor that a reply may use. noop, a plain copy that the specification
 * has for tests, may always be used where some other one may. Returns MUV__WIRE_NONE, or why not.
 */
muv__wire_error_t muv__envelope_read(const uint8_t *message, uint32_t length, uint8_t offered,
                                     uint32_t max_message_size, muv__envelope_t *ret);

enum { MUV__INFLATE_DONE = 1, MUV__INFLATE_MORE = 0, MUV__INFLATE_BAD = -1 };

/* The state of the libraries; used for one message after the other. */
typedef struct muv__inflater muv__inflater_t;

/* As muv__compressor_take() and its kin. */
muv__inflater_t *muv__inflater_take(muv__inflater_t **kept);
void muv__inflater_give(muv__inflater_t **kept, muv__inflater_t *inflater);
void muv__inflater_free(muv__inflater_t *inflater);

/* Begin with `data` [borrow], all that follows the envelope, into `size` bytes at `out` [borrow];
 * both stay until the end. */
void muv__inflater_begin(muv__inflater_t *inflater, uint8_t compressor, muv__span_t data,
                         uint8_t *out, uint32_t size);

/* Go on. DONE: exactly `size` bytes were made. BAD: muv__inflater_error() says why. */
int muv__inflater_step(muv__inflater_t *inflater);

/* Bytes made so far; they do not change any more. */
uint32_t muv__inflater_made(const muv__inflater_t *inflater);
muv__wire_error_t muv__inflater_error(const muv__inflater_t *inflater);

#endif
