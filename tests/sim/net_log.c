/* SPDX-License-Identifier: Apache-2.0 */
/* Clients' logs in the simulated world, which has no files: the path "page" is the text that a test
 * has announced, and lines to anywhere else are dropped. */
#include "net/net.h"

#include <string.h>

#include "base/mem.h"
#include "net_sim.h"

struct muv__net_log {
    int8_t kept;
};

static char *page;
static size_t page_size;
static size_t page_used;

void sim_log_page(char *text, size_t size)
{
    page = text;
    page_size = size;
    page_used = 0;
    if (text != NULL) {
        text[0] = '\0';
    }
}

muv__net_log_t *muv__net_log_open(const char *path)
{
    muv__net_log_t *log = muv__mem_zalloc(sizeof(*log));

    if (log != NULL) {
        log->kept = strcmp(path, "page") == 0 && page != NULL;
    }
    return log;
}

void muv__net_log_write(muv__net_log_t *log, const void *bytes, size_t size)
{
    if (log->kept && size < page_size - page_used) {
        memcpy(page + page_used, bytes, size);
        page_used += size;
        page[page_used] = '\0';
    }
}

void muv__net_log_flush(muv__net_log_t *log)
{
    (void)log;
}

void muv__net_log_close(muv__net_log_t *log)
{
    muv__mem_free(log);
}
