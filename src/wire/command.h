/* SPDX-License-Identifier: Apache-2.0 */
/* Encode a command once, send it as often as needed. The *stable prefix* holds what the caller
 * gave; the *volatile tail* (session, read preference, time left, ...) is appended for each attempt
 * and cut off again for the next. Layout of the buffer:
 *
 *   header 16 | flags 4 | kind 0x00 | body: prefix ... tail ... NUL | [kind 0x01, size, identifier]
 *
 * The documents of a sequence are not copied: they leave as a second part of the message. */
#ifndef MUV__COMMAND_H
#define MUV__COMMAND_H

#include <stdint.h>

#include "base/bson_writer.h"
#include "base/buf.h"
#include "base/span.h"

/* A command document may exceed maxBsonObjectSize by this much, so that a user document of exactly
 * that size still fits (OP_MSG specification). */
#define MUV__COMMAND_OVERHEAD (16 * 1024)

#define MUV__MESSAGE_MAX_PARTS 2

typedef struct muv__command {
    muv__buf_t buf;
    size_t prefix_size; /* Offset in the buffer where the tail begins; 0 until sealed. */
} muv__command_t;

/* A run of whole BSON documents that leaves as a kind 1 section. */
typedef struct muv__sequence {
    const char *id; /* "documents", "updates", ... */
    muv__span_t documents;
} muv__sequence_t;

/* A message ready to be written. Parts point into the command's buffer and the caller's run. */
typedef struct muv__message {
    muv__span_t parts[MUV__MESSAGE_MAX_PARTS];
    uint32_t count;
} muv__message_t;

/* `max_size` bounds header, body and tail in bytes. */
void muv__command_init(muv__command_t *command, size_t max_size);
/* The same, with memory of the owner's to begin with (muv__buf_init_home()). */
void muv__command_init_home(muv__command_t *command, size_t max_size, uint8_t *home,
                            size_t home_size);
void muv__command_done(muv__command_t *command);

/* Start a new command: write its elements to `command->buf` with muv__bson_*() and seal it. */
void muv__command_begin(muv__command_t *command);

/* End of the stable prefix. Returns 0, MUV_ENOMEM or MUV_ETOOLARGE (then begin anew). */
int muv__command_seal(muv__command_t *command);

/* Cut off an earlier tail; then write the new one to `command->buf`. */
void muv__command_rewind(muv__command_t *command);

/* Close the body, patch lengths, flags and request id, and list the parts. `sequence` may be NULL.
 * Returns 0, MUV_ENOMEM or MUV_ETOOLARGE (also when the message exceeds INT32_MAX). */
int muv__command_finish(muv__command_t *command, int32_t request_id, uint32_t flags,
                        const muv__sequence_t *sequence, muv__message_t *message);

/* The command document as it stands, tail included, after muv__command_finish(). */
muv__span_t muv__command_body(const muv__command_t *command);

#endif
