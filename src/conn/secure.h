/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between a connection's stream and its reader and requests: the engine of tls/tls_stream.h
 * carried out. A connection without TLS has none of this (conn->secure is NULL).
 *
 *   stream --cipher--> shared space --engine--> the reader's space       (no copy in between)
 *   request --plain--> engine --cipher--> `out` --> stream; what the socket does not take moves to
 *                                                   `flying`, and the rest of the request waits
 *
 * When the handshake is finished and nobody has vouched for the server's certificate, the
 * responders that it names are asked first (secure_ocsp.h); hello follows their answer, or its
 * lack.
 *
 * One step of one handshake is taken in a turn: hundreds of connections that begin at once do not
 * hold up the others. Their bytes are kept until it is their turn. Otherwise work per turn is
 * bounded: a request's next bytes are encrypted when the socket took the ones before, and after so
 * many of them in a turn of its own. */
#ifndef MUV__SECURE_H
#define MUV__SECURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/span.h"
#include "tls/tls_context.h"

struct muv__conn;
struct muv__conn_context;

/* What comes from a stream is used up within the call that brings it: one space serves all
 * connections of a client. */
#define MUV__SECURE_SPACE_BYTES (64 * 1024)

/* So much of a request is encrypted before the socket is asked, and so much in one turn. */
#define MUV__SECURE_PIECE_BYTES (64 * 1024)
#define MUV__SECURE_TURN_BYTES (256 * 1024)

/* Shared by the connections of a client; outlives them. */
typedef struct muv__secure_context {
    muv__tls_context_t *tls;
    muv__list_t line;    /* Connections whose handshakes go on in turns to come. */
    muv__list_t flights; /* Questions to OCSP responders: secure_ocsp.h. */
    uint8_t space[MUV__SECURE_SPACE_BYTES];
} muv__secure_context_t;

typedef struct muv__secure muv__secure_t;

/* Returns 0, MUV_EINVAL (`reterr` names the option) or MUV_ENOMEM. */
int muv__secure_context_new(const muv__tls_options_t *options, muv_error_t *reterr,
                            muv__secure_context_t **ret);
void muv__secure_context_free(muv__secure_context_t *context); /* NULL is allowed. */

/* --- for the files of conn ---------------------------------------------------------------------*/

/* The socket is connected: greet, in a turn to come. Returns 0 (muv__conn_secured() follows, or the
 * connection fails; never inside) or MUV_ENOMEM. */
int muv__secure_begin(struct muv__conn *conn);

/* In a turn of its own: one step of one handshake, if any waits for it. */
void muv__secure_work(struct muv__conn_context *context);

/* `size` cipher bytes lie in the shared space. */
void muv__secure_read(struct muv__conn *conn, size_t size);

/* The stream has ended. */
void muv__secure_ended(struct muv__conn *conn, int status);

/* Reading is no longer paused: decrypt what had been left. */
void muv__secure_go_on(struct muv__conn *conn);

/* Encrypt and write the parts of a request, borrowed until muv__conn_written() if not all of them
 * leave now. Returns `total` (their bytes) if they did, else 0, or a negative code as
 * muv__stream_write(). */
int64_t muv__secure_write(struct muv__conn *conn, const muv__span_t *parts, uint32_t count);

/* The stream has written what had been queued. */
void muv__secure_written(struct muv__conn *conn);

/* The stream is about to be closed: say goodbye if that is possible at once. */
void muv__secure_close(struct muv__conn *conn);

/* The streams are gone. */
void muv__secure_done(struct muv__conn *conn);

#endif
