/* SPDX-License-Identifier: Apache-2.0 */
/* Brings bytes to a reader as a socket would, in pieces of the test's choice, takes all messages
 * after each, and fails the test when a message that came whole was copied. */
#ifndef MUV_TESTS_UNIT_WIRE_FEED_H
#define MUV_TESTS_UNIT_WIRE_FEED_H

#include "wire/reader.h"

/* What came out; equal whatever the pieces were. */
typedef struct transcript {
    uint32_t message_count;
    uint32_t sequence_count;
    uint32_t digest; /* Of headers, flags, bodies, identifiers and documents. */
    int status;      /* MUV__READER_MORE, BAD, BLOCKED; MUV__READER_BAD also without memory. */
    muv__wire_error_t error;
} transcript_t;

typedef struct feed {
    muv__chunk_pool_t *pool;
    muv__reader_t reader;
    transcript_t transcript;
    size_t fed;      /* Bytes of the stream given to the reader. */
    size_t consumed; /* Bytes of the stream that came out as messages. */
    muv__chunk_t *last_chunk;
    muv__msg_t last;
} feed_t;

void feed_init(feed_t *feed, muv__chunk_pool_t *pool, uint32_t max_message_size);
void feed_done(feed_t *feed);

/* Give `size` bytes, in one read where there is room. */
void feed_piece(feed_t *feed, const uint8_t *bytes, size_t size);

/* Ask for messages without giving bytes. */
void feed_again(feed_t *feed);

/* A whole input with a new reader: the first `split` bytes in one piece and the others in a second;
 * or in pieces of `step` bytes. */
transcript_t feed_split(muv__chunk_pool_t *pool, const uint8_t *bytes, size_t size, size_t split);
transcript_t feed_steps(muv__chunk_pool_t *pool, const uint8_t *bytes, size_t size, size_t step);

void check_same_transcript(const char *name, size_t split, const transcript_t *actual,
                           const transcript_t *expected);

#endif
