/* SPDX-License-Identifier: Apache-2.0 */
/* How long one slice of a login's key derivation holds the loop, in CPU time of its thread:
 *
 *     bench_pbkdf2 [ROUNDS]
 *
 * derives keys as a server with many iterations makes a client do, slice by slice, and prints for
 * each hash the median and the longest slice. The slice is a count of iterations, so this is a
 * figure of the machine; the longest of many also holds what the system did meanwhile.
 */
#include "bench_common.h"

#include "auth/pbkdf2.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLICES_A_ROUND = 50 };

static void fail(const char *what)
{
    fprintf(stderr, "bench_pbkdf2: %s\n", what);
    exit(1);
}

static void derive(muv__hash_t hash, bench_hist_t *slices, int64_t *longest_ns)
{
    muv__pbkdf2_t pbkdf2;

    if (muv__pbkdf2_init(&pbkdf2, hash, muv__span("pencil", 6), muv__span("sixteen bytes...", 16),
                         SLICES_A_ROUND * MUV__PBKDF2_SLICE + 1) != 0) {
        fail("OpenSSL refuses the hash");
    }
    for (int i = 0; i < SLICES_A_ROUND; i++) {
        int64_t start_ns = bench_thread_cpu_ns();
        int status = muv__pbkdf2_work(&pbkdf2, MUV__PBKDF2_SLICE);
        int64_t slice_ns = bench_thread_cpu_ns() - start_ns;

        if (status != (i + 1 == SLICES_A_ROUND)) {
            fail("a slice is not what it should be");
        }
        bench_hist_add(slices, slice_ns);
        *longest_ns = slice_ns > *longest_ns ? slice_ns : *longest_ns;
    }
    muv__pbkdf2_done(&pbkdf2);
}

static void report(const char *name, muv__hash_t hash, unsigned long rounds)
{
    static bench_hist_t slices;
    int64_t longest_ns = 0;

    slices = (bench_hist_t){0};
    for (unsigned long i = 0; i < rounds; i++) {
        derive(hash, &slices, &longest_ns);
    }
    printf("\"%s\": {\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}", name,
           bench_hist_percentile_us(&slices, 0.50), bench_hist_percentile_us(&slices, 0.99),
           (double)longest_ns / 1e3);
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 20;

    if (argc > 2 || rounds < 1 || rounds > 100000) {
        fprintf(stderr, "usage: bench_pbkdf2 [ROUNDS]\n");
        return 2;
    }
    printf("{\"iterations\": %d, ", MUV__PBKDF2_SLICE);
    report("sha_1", MUV__HASH_SHA_1, rounds);
    printf(", ");
    report("sha_256", MUV__HASH_SHA_256, rounds);
    printf("}\n");
    return 0;
}
