/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/support/must_fail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(void (*body)(void *data), void *data, int output)
{
    const struct rlimit no_core = {0, 0};

    /* cmocka then ends a failing test with abort() instead of going on to the next one; the default
     * action, because cmocka's own handler for the signal would go on too. */
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
    (void)signal(SIGABRT, SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (dup2(output, STDERR_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) {
        _exit(2);
    }
    body(data);
    _exit(0);
}

bool fails_with(void (*body)(void *data), void *data, const char *text)
{
    char seen[8192] = "";
    size_t size = 0;
    int ends[2];
    int status = 0;

    (void)fflush(NULL);
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        run_child(body, data, ends[1]);
    }
    (void)close(ends[1]);
    ssize_t count = 1;
    while (size < sizeof seen - 1 && count > 0) {
        count = read(ends[0], seen + size, sizeof seen - 1 - size);
        size += count > 0 ? (size_t)count : 0;
    }
    (void)close(ends[0]);
    seen[size] = '\0';
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return false;
    }
    bool failed = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    if (!failed || strstr(seen, text) == NULL) {
        (void)fprintf(stderr, "status %#x, expected to see \"%s\" in:\n%s\n", (unsigned)status,
                      text, seen);
        return false;
    }
    return true;
}
