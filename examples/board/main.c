/* SPDX-License-Identifier: Apache-2.0 */
/* A small message board as an HTTP service: libh2o in front, libmuv behind, one loop for both.
 *
 *     board [--uri mongodb://...] [--host 127.0.0.1] [--port 8080] [--workers N]
 *           [--timeout-ms 5000] [--grace-ms 15000] [--max-waiting N]
 *
 * README.md beside this file shows the way through it. */
#include "http.h"
#include "options.h"
#include "worker.h"
#include "workers.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct announcement {
    const options_t *options;
    int port;
} announcement_t;

static void announce(void *data)
{
    const announcement_t *announcement = data;

    (void)printf("board: listening on http://%s:%d/ with %d process%s\n",
                 announcement->options->host, announcement->port,
                 announcement->options->workers > 0 ? announcement->options->workers : 1,
                 announcement->options->workers > 1 ? "es" : "");
    (void)fflush(stdout);
}

static void usage(FILE *to)
{
    (void)fprintf(to,
                  "usage: board [options]\n"
                  "  --uri URI         the database (MUV_TEST_URI, or mongodb://127.0.0.1:27017)\n"
                  "  --host ADDRESS    IPv4 address to listen on (127.0.0.1)\n"
                  "  --port PORT       0: a free one, which is printed (8080)\n"
                  "  --workers N       processes on that port (without: this process alone)\n"
                  "  --timeout-ms MS   deadline of a request (5000)\n"
                  "  --grace-ms MS     how long a stop may take (15000)\n"
                  "  --max-waiting N   operations that wait for a connection (100000)\n");
}

/* Returns the number, or -1 when it is none within [0, max]. */
static int64_t read_number(const char *text, int64_t max)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    return end == text || *end != '\0' || number < 0 || number > max ? -1 : number;
}

/* Returns 0, or the exit code plus one when the program is to end. */
static int read_options(int argc, char **argv, options_t *options)
{
    static const struct option known[] = {
        {"uri", required_argument, NULL, 'u'},
        {"host", required_argument, NULL, 'h'},
        {"port", required_argument, NULL, 'p'},
        {"workers", required_argument, NULL, 'w'},
        {"timeout-ms", required_argument, NULL, 't'},
        {"grace-ms", required_argument, NULL, 'g'},
        {"help", no_argument, NULL, '?'},
        {"max-waiting", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    int option;
    int64_t number = 0;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'u': options->uri = optarg; break;
        case 'h': options->host = optarg; break;
        case 'p': options->port = (int)(number = read_number(optarg, 65535)); break;
        case 'w': options->workers = (int)(number = read_number(optarg, WORKERS_MAX)); break;
        case 't': options->timeout_ms = number = read_number(optarg, 3600000); break;
        case 'g': options->grace_ms = number = read_number(optarg, 3600000); break;
        case 'm': options->max_waiting = (int32_t)(number = read_number(optarg, 1000000)); break;
        default: usage(optopt == 0 ? stdout : stderr); return optopt == 0 ? 1 : 3;
        }
        if (number < 0) {
            (void)fprintf(stderr, "board: not a good number: %s\n", optarg);
            return 3;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 3;
    }
    return 0;
}

int main(int argc, char **argv)
{
    options_t options = {.uri = getenv("MUV_TEST_URI"),
                         .host = "127.0.0.1",
                         .port = 8080,
                         .timeout_ms = 5000,
                         .grace_ms = 15000};
    announcement_t announcement = {.options = &options};
    int ended = read_options(argc, argv, &options);
    int exit_code;
    int fd;

    if (ended != 0) {
        return ended - 1;
    }
    if (options.uri == NULL) {
        options.uri = "mongodb://127.0.0.1:27017";
    }
    (void)signal(SIGPIPE, SIG_IGN);
    /* Bound but not listening, the socket keeps the port for the workers. */
    fd = http_bind(options.host, options.port);
    if (fd < 0) {
        (void)fprintf(stderr, "board: %s:%d: %s\n", options.host, options.port, uv_strerror(fd));
        return EXIT_FAILURE;
    }
    announcement.port = http_bound_port(fd);
    if (options.workers == 0) {
        return worker_run(&options, fd, true, announce, &announcement);
    }
    exit_code = workers_run(&options, announcement.port, announce, &announcement);
    (void)close(fd);
    return exit_code;
}
