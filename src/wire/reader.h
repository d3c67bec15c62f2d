/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in, whole checked messages out. Sans-I/O: the owner asks where to read, says how much came,
 * and takes messages until there is none.
 *
 * A message that arrives whole is never copied: its view points into the client's current chunk. A
 * message cut by the end of a read moves once into a chunk of its own, where the rest follows. Less
 * than header and flags waits in the reader itself: an idle connection holds no receive memory, and
 * nothing is allocated for a message before its length, opcode and flags were checked.
 *
 * A compressed message is collected like a plain one, and its content is made in a chunk of its own
 * or, when it is small, in the client's current one. Memory for both is asked for at once, when its
 * header is there: two messages that hold one half each would wait for each other for ever. */
#ifndef MUV__READER_H
#define MUV__READER_H

#include <stdint.h>

#include "base/chunk.h"
#include "wire/inflate.h"
#include "wire/msg.h"

/* Room behind a large message, so that the last read comes back short: libuv reads again whenever a
 * buffer was filled exactly. */
#define MUV__READER_SLACK 1024

/* The least room offered to a read. */
#define MUV__READER_MIN_SPACE (16 * 1024)

enum {
    MUV__READER_MESSAGE = 1,
    MUV__READER_MORE = 0,
    MUV__READER_BAD = -1,
    MUV__READER_BLOCKED = -2, /* The memory budget is used up: stop reading, ask again later. */
    MUV__READER_AGAIN = -3 /* A step of a compressed message is done: let others work, ask again. */
};

typedef struct muv__reader {
    muv__chunk_pool_t *pool;
    muv__chunk_t *chunk; /* Counted while bytes of it wait to be parsed or completed. */
    uint32_t start;      /* Offset in the chunk of the first byte not yet handed out. */
    uint32_t end;        /* Offset behind the last byte read. */
    uint32_t max_message_size;
    muv__wire_error_t error;
    uint8_t own;       /* The chunk belongs to this reader alone: reads go on behind `end`. */
    uint8_t begun;     /* `check` has begun with the message at `start`. */
    uint8_t held;      /* Bytes in `head`. */
    uint8_t offered;   /* Compressors a message may use, see muv__envelope_read(). */
    uint8_t inflating; /* The message at `start` is whole and being decompressed. */
    uint8_t given;     /* `made` was handed out; it is let go with the next call. */
    uint8_t head[MUV__COMPRESSED_HEADER_SIZE];
    muv__msg_check_t check;
    muv__chunk_t *made;        /* Counted: where a compressed message is being made, ... */
    uint32_t made_start;       /* ...at this offset, ... */
    uint32_t made_size;        /* ...so many bytes in all, ... */
    uint32_t made_checked;     /* ...of which so many were given to `check`. */
    muv__inflater_t *inflater; /* While there is something left to decompress. */
    muv__inflater_t **kept;    /* [borrow] Where the client keeps a free one. */
} muv__reader_t;

/* `max_message_size` in bytes. */
void muv__reader_init(muv__reader_t *reader, muv__chunk_pool_t *pool, uint32_t max_message_size);
void muv__reader_done(muv__reader_t *reader);

/* From here on compressed messages are taken, too. `offered` is not 0, see muv__envelope_read();
 * `kept` [borrow] must live as long as the reader. */
void muv__reader_take_compressed(muv__reader_t *reader, uint8_t offered, muv__inflater_t **kept);

/* Where the next read may put how many bytes. Returns NULL when out of memory. Nothing else may use
 * the pool's current chunk between this and muv__reader_commit(). */
uint8_t *muv__reader_space(muv__reader_t *reader, size_t *ret_size);

/* `size` bytes were read into that space; 0 is allowed. */
void muv__reader_commit(muv__reader_t *reader, size_t size);

/* The next message. MESSAGE: `msg` is a view into `*ret_chunk` (borrowed; retain the chunk to keep
 * the view beyond the next call on this reader or pool). MORE: read more. BAD: `reader->error`; the
 * connection must be closed. BLOCKED, AGAIN: see above; the reader wants no bytes. */
int muv__reader_next(muv__reader_t *reader, muv__msg_t *msg, muv__chunk_t **ret_chunk);

/* Bytes of an unfinished message that have arrived. */
size_t muv__reader_partial_size(const muv__reader_t *reader);

#endif
