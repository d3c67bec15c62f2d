/* SPDX-License-Identifier: Apache-2.0 */
/* OP_MSG: flag bits, one body section (kind 0), any number of document sequences (kind 1), an
 * optional CRC-32C (OP_MSG specification). The check takes a message while it is arriving, so that
 * the work on a large reply is spread over the reads that bring it. */
#ifndef MUV__MSG_H
#define MUV__MSG_H

#include <stdint.h>

#include "base/bson_check.h"
#include "base/span.h"
#include "wire/header.h"
#include "wire/wire_error.h"

enum {
    MUV__MSG_CHECKSUM_PRESENT = 1 << 0,
    MUV__MSG_MORE_TO_COME = 1 << 1,
    MUV__MSG_EXHAUST_ALLOWED = 1 << 16
};

/* Bits 0 to 15 are required: an unknown one must be refused; unknown ones above are ignored. */
#define MUV__MSG_REQUIRED_MASK UINT32_C(0x0000ffff)
#define MUV__MSG_KNOWN_REQUIRED                                                                    \
    ((uint32_t)MUV__MSG_CHECKSUM_PRESENT | (uint32_t)MUV__MSG_MORE_TO_COME)

enum { MUV__SECTION_BODY = 0, MUV__SECTION_SEQUENCE = 1 };

#define MUV__MSG_SECTIONS_AT (MUV__HEADER_SIZE + 4)

/* A whole, checked message. Views into the receive memory. */
typedef struct muv__msg {
    muv__header_t header;
    uint32_t flags;
    muv__span_t body;
    muv__span_t sections; /* All sections, for muv__msg_next_sequence(). */
} muv__msg_t;

typedef struct muv__msg_sequence {
    const char *id; /* NUL terminated. */
    muv__span_t documents;
} muv__msg_sequence_t;

enum { MUV__MSG_CHECK_DONE = 1, MUV__MSG_CHECK_MORE = 0, MUV__MSG_CHECK_BAD = -1 };

/* Progress of the check of one message. */
typedef struct muv__msg_check {
    uint32_t at;           /* Offset in the message of what comes next. */
    uint32_t sequence_end; /* Inside a sequence: its end; else 0. */
    uint32_t document;     /* Inside a document: its offset; else 0. */
    uint32_t body;         /* Offset of the body document; 0 until it was met. */
    uint32_t id_at;        /* In a sequence's identifier: where its NUL is looked for; else 0. */
    uint32_t crc;
    uint32_t crc_at; /* Bytes already summed. */
    muv__wire_error_t error;
    muv__bson_check_t bson;
} muv__msg_check_t;

void muv__msg_check_init(muv__msg_check_t *check);

/* Go on with the first `avail` bytes of the message of `length` bytes present (avail <= length, and
 * `length` is at least that of a header).
 * Returns one of the three values; with BAD, `check->error` says why. */
int muv__msg_check_step(muv__msg_check_t *check, const uint8_t *message, uint32_t length,
                        uint32_t avail);

/* The view of a message whose check is done. */
muv__msg_t muv__msg_view(const muv__msg_check_t *check, const uint8_t *message, uint32_t length);

/* Iterate the document sequences; `*position` starts at 0. Returns 1 on a sequence. */
int muv__msg_next_sequence(const muv__msg_t *msg, size_t *position, muv__msg_sequence_t *sequence);

#endif
