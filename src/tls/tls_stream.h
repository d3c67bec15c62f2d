/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS connection as a machine between cipher bytes and plain bytes. Sans-I/O: what came from
 * the peer is fed in, what has to go to the peer gathers in `out`.
 *
 *   HANDSHAKE --finished--> READY --close_notify of the peer--> ENDED
 *        |                    |
 *        +------------------ FAILED (bad certificate, bad record, alert, memory, revocation)
 *
 * The owner writes what is in `out` after every call, also after one that failed: an alert tells
 * the peer why. One call decrypts or encrypts at most MUV__TLS_STEP_BYTES; a handshake step costs
 * at most one signature, one key exchange and the verification of one chain.
 *
 * Suspended in: HANDSHAKE and READY, for cipher bytes. */
#ifndef MUV__TLS_STREAM_H
#define MUV__TLS_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/host.h"
#include "base/span.h"
#include "tls/tls_context.h"
#include "tls/tls_ocsp.h"
#include "tls/tls_ocsp_query.h"

typedef struct muv__tls muv__tls_t;

/* The most plain bytes that one call decrypts or encrypts. */
#define MUV__TLS_STEP_BYTES (256 * 1024)

/* The most that gathers in `out`: one such call in records, or a flight of the handshake. */
#define MUV__TLS_MAX_OUT_BYTES (1024 * 1024)

/* A handshake for which a server sends more is none: chains have some ten KiB. */
#define MUV__TLS_MAX_HANDSHAKE_BYTES (512 * 1024)

/* An engine about to greet `host`. `wall_s` (since 1970) is the time for which certificates are
 * verified. Returns 0 or MUV_ENOMEM. */
int muv__tls_new(muv__tls_context_t *context, const muv__host_t *host, int64_t wall_s,
                 muv__tls_t **ret);
void muv__tls_free(muv__tls_t *tls); /* NULL is allowed. */

/* Cipher bytes came. Borrowed until they were used up (muv__tls_unread() is 0) or muv__tls_keep()
 * has copied the rest; nothing may be fed before that. */
void muv__tls_feed(muv__tls_t *tls, muv__span_t cipher);
size_t muv__tls_unread(const muv__tls_t *tls);

/* Copy what was fed and is still unread. Returns 0 or MUV_ENOMEM. */
int muv__tls_keep(muv__tls_t *tls);

/* Go on with the handshake, the first time before anything was fed. Returns 1 when it is finished,
 * 0 when more cipher bytes are needed, or MUV_ETLS or MUV_ENOMEM. */
int muv__tls_handshake(muv__tls_t *tls, muv_error_t *reterr);

/* Decrypt into `plain`. Returns how many bytes there are; less than `size` (and less than
 * MUV__TLS_STEP_BYTES) only when all that was fed is used up. Or MUV_ETLS, MUV_ENOMEM, or
 * MUV_ENETWORK: the peer has ended the connection properly. What came before that is given first.
 */
int64_t muv__tls_read(muv__tls_t *tls, uint8_t *plain, size_t size, muv_error_t *reterr);

/* Encrypt. Returns how many bytes were taken: all, or MUV__TLS_STEP_BYTES. Or MUV_ETLS or
 * MUV_ENOMEM. */
int64_t muv__tls_write(muv__tls_t *tls, muv__span_t plain, muv_error_t *reterr);

/* Tell the peer that nothing more will come (close_notify), if there is a way. */
void muv__tls_shutdown(muv__tls_t *tls);

/* The transport has ended: say what that means. Returns MUV_ENETWORK, always; a stream that ends
 * without close_notify is a truncated one. */
int muv__tls_ended(const muv__tls_t *tls, muv_error_t *reterr);

/* Cipher bytes for the peer. The owner takes and resets it. */
muv__buf_t *muv__tls_out(muv__tls_t *tls);

/* --- revocation --------------------------------------------------------------------------------*/

/* The handshake is finished. Returns 1 when nobody has vouched for the server's certificate and it
 * names responders: the owner may ask them, and says nothing to the server until it has called
 * muv__tls_settle(). Returns 0 when there is nothing to settle. */
int muv__tls_question(muv__tls_t *tls, muv__ocsp_query_t *ret);

/* Judge an answer to that question. GOOD and REVOKED are remembered for the connections to come. */
muv__ocsp_verdict_t muv__tls_judge(muv__tls_t *tls, muv__span_t response, int64_t wall_s);

/* There was none, or none that says anything: nobody is to ask again for a while. */
void muv__tls_unanswered(muv__tls_t *tls, int64_t wall_s);

/* The question is settled. Returns 0, or MUV_ETLS for REVOKED; anything else may go on (OCSP
 * Support: soft fail). */
int muv__tls_settle(muv__tls_t *tls, muv__ocsp_status_t status, muv_error_t *reterr);

/* 1 when it cannot go on; the next call says why. */
int muv__tls_failed(const muv__tls_t *tls);

/* 1 when the handshake was a short one. */
int muv__tls_resumed(const muv__tls_t *tls);

#endif
