/* SPDX-License-Identifier: Apache-2.0 */
/* What the stub server answers: one complete request in, the bytes of its reply out. No sockets. */
#ifndef BENCH_STUB_REPLY_H
#define BENCH_STUB_REPLY_H

#include "stub_bson.h"

/* What hello announces; a longer message ends its connection. */
enum { STUB_MESSAGE_BYTES_MAX = 48000000, STUB_DOCUMENT_BYTES_MAX = 16777216 };

/* Build the canned replies. Once, before the first request. */
void stub_reply_setup(void);

/* Append the reply to `msg` (exactly one message of `len` bytes) to `out`; nothing is appended for
 * a request that wants none. Returns 0, or -1 when the message is broken: close the connection. */
int stub_reply(const uint8_t *msg, size_t len, int32_t connection_id, stub_buf_t *out);

#endif
