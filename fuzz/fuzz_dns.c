/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of name servers. Input: a byte of options, a message as it comes from the network.
 *
 * Options: 1 TXT instead of SRV, 2 the name of the connection string is a short one. What c-ares
 * takes, the walk over times to live takes too, with as many records. Its hosts are judged and its
 * text is read as options, as a client does; an accepted host lies below the domain, and a record
 * that is refused leaves the connection string as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/select.h>

#include <ares.h>

#include "net/dns_answer.h"
#include "topology/srv.h"
#include "uri/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x) ((x) ? (void)0 : abort())

enum { TXT = 16, SRV = 33 };

static void check_hosts(const struct ares_srv_reply *at, const char *name, const char *domain,
                        int count)
{
    for (; at != NULL; at = at->next) {
        muv__host_t host;
        const char *reason = NULL;

        count--;
        if (muv__srv_host(name, at->host, at->port, &host, &reason) == 0) {
            size_t length = strlen(host.name);

            REQUIRE(host.kind == MUV__HOST_NAME && host.port == at->port);
            REQUIRE(length > strlen(domain) &&
                    strcmp(host.name + length - strlen(domain), domain) == 0);
        } else {
            REQUIRE(reason != NULL);
        }
    }
    REQUIRE(count == 0);
}

static void check_text(const struct ares_txt_ext *at, const char *name)
{
    char text[128] = "mongodb+srv://";
    muv_error_t error;
    muv__uri_t *uri;

    (void)strncat(text, name, 100);
    REQUIRE(muv__uri_new(text, strlen(text), &error, &uri) == 0);
    REQUIRE(muv__uri_finish(uri, &error) == 0);
    for (; at != NULL; at = at->next) {
        muv__options_t before = uri->options;

        if (muv__uri_resolve(uri, uri->hosts, 1, (const char *)at->txt, at->length, &error) != 0) {
            REQUIRE(memcmp(&uri->options, &before, sizeof before) == 0);
            REQUIRE(error.message[0] != '\0');
        } else {
            REQUIRE((uri->options.set & ~(UINT64_C(1) << MUV__OPTION_AUTH_SOURCE |
                                          UINT64_C(1) << MUV__OPTION_REPLICA_SET |
                                          UINT64_C(1) << MUV__OPTION_LOAD_BALANCED)) == 0);
        }
    }
    muv__uri_free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t options = size > 0 ? data[0] : 0;
    size_t length = size > 0 ? size - 1 : 0;
    uint8_t *copy = malloc(length == 0 ? 1 : length);
    const char *name = (options & 2) != 0 ? "mongo.local" : "cluster.example.com";
    struct ares_srv_reply *srv = NULL;
    struct ares_txt_ext *txt = NULL;
    uint32_t ttl_s = UINT32_MAX;
    int count;

    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, data + 1, length);
    }
    count = muv__dns_lowest_ttl(copy, length, (options & 1) != 0 ? TXT : SRV, &ttl_s);
    REQUIRE(count > 0 ? ttl_s <= INT32_MAX : ttl_s == UINT32_MAX);
    if ((options & 1) != 0) {
        if (ares_parse_txt_reply_ext(copy, (int)length, &txt) == ARES_SUCCESS) {
            REQUIRE(count >= 0);
            check_text(txt, name);
        }
        ares_free_data(txt);
    } else {
        if (ares_parse_srv_reply(copy, (int)length, &srv) == ARES_SUCCESS) {
            check_hosts(srv, name, (options & 2) != 0 ? ".mongo.local" : ".example.com", count);
        }
        ares_free_data(srv);
    }
    free(copy);
    return 0;
}
