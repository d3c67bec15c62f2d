/* SPDX-License-Identifier: Apache-2.0 */
/* The c-ares channel of a net, and what all questions to name servers have in common: they are
 * answered in a turn of their own, always, because c-ares may answer inside the call, and they can
 * be cancelled while c-ares still holds a pointer to them. */
#ifndef MUV__UV_DNS_H
#define MUV__UV_DNS_H

#include "net/uv_net.h"

#include <sys/select.h>

#include <ares.h>

typedef struct muv__question {
    muv__list_t link;
    muv__net_t *net;
    void (*deliver)(struct muv__question *question); /* Tell the owner. */
    void (*discard)(struct muv__question *question); /* Free it. */
    uint8_t cancelled;
    uint8_t asked; /* c-ares holds a pointer to it. */
} muv__question_t;

/* A zeroed question enters the net; from now on it ends by being delivered or cancelled. */
void muv__question_begin(muv__question_t *question, muv__net_t *net,
                         void (*deliver)(muv__question_t *question),
                         void (*discard)(muv__question_t *question));

/* The channel for exactly one question, whose answer calls muv__question_answered(). NULL: out of
 * memory. */
ares_channel muv__question_channel(muv__question_t *question);

/* c-ares has called back, or there was no need to ask. The question may be gone afterwards. */
void muv__question_answered(muv__question_t *question);

void muv__question_cancel(muv__question_t *question);

#endif
