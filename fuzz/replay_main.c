/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over its corpus without libFuzzer, so that every compiler and every build
 * checks what fuzzing has found before.
 *
 *   usage: PROGRAM FILE-OR-FOLDER...
 *
 * Each input lies in an allocation of exactly its size: a sanitizer sees a read behind its end. A
 * folder that does not exist holds no inputs; the empty input is always run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static unsigned replayed_count;

static void fail(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

static void replay_bytes(const uint8_t *data, size_t size_bytes)
{
    /* libFuzzer knows 0 and -1 ("do not add to the corpus") and nothing else. */
    int verdict = LLVMFuzzerTestOneInput(data, size_bytes);
    if (verdict != 0 && verdict != -1) {
        fprintf(stderr, "the target returned %d\n", verdict);
        exit(EXIT_FAILURE);
    }
    replayed_count++;
}

static void replay_file(const char *path, size_t size_bytes)
{
    /* Flushed first: when the target aborts, the last line names the input. */
    printf("%s\n", path);
    fflush(stdout);
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size_bytes > 0 ? size_bytes : 1);
    if (file == NULL || data == NULL || fread(data, 1, size_bytes, file) != size_bytes) {
        fail(path);
    }
    fclose(file);
    replay_bytes(data, size_bytes);
    free(data);
}

static void replay_path(const char *path);

static void replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        fail(path);
    }
    for (int i = 0; i < count; i++) {
        char child[4096];
        int length = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (length < 0 || (size_t)length >= sizeof child) {
            errno = ENAMETOOLONG;
            fail(path);
        }
        if (entries[i]->d_name[0] != '.') {
            replay_path(child);
        }
        free(entries[i]);
    }
    free(entries);
}

static void replay_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        if (errno != ENOENT) {
            fail(path);
        }
        printf("%s: no corpus\n", path);
    } else if (S_ISDIR(info.st_mode)) {
        replay_folder(path);
    } else {
        replay_file(path, (size_t)info.st_size);
    }
}

int main(int argc, char **argv)
{
    uint8_t *nothing = calloc(1, 1);
    if (nothing == NULL) {
        fail("calloc");
    }
    replay_bytes(nothing, 0);
    free(nothing);
    for (int i = 1; i < argc; i++) {
        replay_path(argv[i]);
    }
    printf("%u inputs replayed\n", replayed_count);
    return EXIT_SUCCESS;
}
