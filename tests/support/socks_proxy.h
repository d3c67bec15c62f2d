/* SPDX-License-Identifier: Apache-2.0 */
/* A SOCKS5 proxy on the test's loop. It reaches this machine only: addresses of it, and one name
 * that nobody else can resolve. */
#ifndef MUV_TESTS_SUPPORT_SOCKS_PROXY_H
#define MUV_TESTS_SUPPORT_SOCKS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

/* The name that leads to `mapped_port` of this machine, whatever port is asked for. */
#define SOCKS_PROXY_NAME "mapped.invalid"

typedef struct socks_proxy socks_proxy_t;

typedef enum socks_proxy_stage {
    SOCKS_PROXY_NEVER,
    SOCKS_PROXY_GREETED,
    SOCKS_PROXY_PROVED, /* A password was given. */
    SOCKS_PROXY_ASKED
} socks_proxy_stage_t;

typedef struct socks_proxy_opts {
    const char *username; /* [borrow] NULL: everybody may come, and nobody says who they are. */
    const char *password;
    const char *mapped_name; /* [borrow] NULL: SOCKS_PROXY_NAME. */
    int mapped_port;
    uint8_t refuse;             /* What is asked for is refused with this code. */
    socks_proxy_stage_t silent; /* From here on nothing is said any more. */
    socks_proxy_stage_t cut;    /* Here half of the reply is sent, and the connection closed. */
    bool slow;                  /* Each byte of a reply in a turn of its own. */
} socks_proxy_opts_t;

/* [own] End it with socks_proxy_close(); the handles are gone after the loop has run on. */
socks_proxy_t *socks_proxy_new(uv_loop_t *loop, const socks_proxy_opts_t *opts);
void socks_proxy_close(socks_proxy_t *proxy);

/* From now on refuse with this code (0: no more), and be silent from this stage on. */
void socks_proxy_change(socks_proxy_t *proxy, uint8_t refuse, socks_proxy_stage_t silent);

int socks_proxy_port(const socks_proxy_t *proxy);

/* Connections that came; ways that were opened; passwords that were said; names and addresses that
 * were asked for. */
unsigned socks_proxy_accepted(const socks_proxy_t *proxy);
unsigned socks_proxy_opened(const socks_proxy_t *proxy);
unsigned socks_proxy_proofs(const socks_proxy_t *proxy);
unsigned socks_proxy_names(const socks_proxy_t *proxy);
unsigned socks_proxy_addresses(const socks_proxy_t *proxy);

#endif
