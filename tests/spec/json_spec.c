/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, reading and walking of specification files. */
#include "spec/json_spec.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 1024
#define FILES_MAX 1000

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

const char *json_spec_root(void)
{
    static char root[PATH_SIZE];
    const char *given = getenv("MUV_SPECS");
    const char *source = getenv("MUV_SOURCE_DIR");

    if (given != NULL && given[0] != '\0') {
        return given;
    }
#ifdef MUV_SPECS_DEFAULT
    if (is_folder(MUV_SPECS_DEFAULT)) {
        return MUV_SPECS_DEFAULT;
    }
#endif
    (void)snprintf(root, sizeof(root), "%s/../shared/specs", source == NULL ? "." : source);
    return root;
}

static void join(char path[PATH_SIZE], const char *folder, const char *file)
{
    int length = snprintf(path, PATH_SIZE, "%s/%s%s%s", json_spec_root(), folder,
                          file == NULL ? "" : "/", file == NULL ? "" : file);

    if (length < 0 || length >= PATH_SIZE) {
        (void)fprintf(stderr, "json_spec: path too long\n");
        abort();
    }
}

bool json_spec_available(const char *folder)
{
    char path[PATH_SIZE];

    join(path, folder, NULL);
    if (is_folder(path)) {
        return true;
    }
    (void)printf("SKIPPED: no specification files in %s (set MUV_SPECS)\n", path);
    return false;
}

static bson_t *read_json(const char *path)
{
    bson_error_t error;
    bson_json_reader_t *reader = bson_json_reader_new_from_file(path, &error);
    bson_t *doc = bson_new();
    int rc;

    if (reader == NULL) {
        (void)printf("FAIL %s: %s\n", path, error.message);
        bson_destroy(doc);
        return NULL;
    }
    rc = bson_json_reader_read(reader, doc, &error);
    bson_json_reader_destroy(reader);
    if (rc != 1) {
        (void)printf("FAIL %s: %s\n", path, rc < 0 ? error.message : "the file is empty");
        bson_destroy(doc);
        return NULL;
    }
    return doc;
}

/* ---- Walking ---- */

static void count(json_spec_tally_t *tally, json_spec_result_t result)
{
    tally->cases++;
    tally->passed += result == JSON_SPEC_PASS;
    tally->failed += result == JSON_SPEC_FAIL;
    tally->skipped += result == JSON_SPEC_SKIP;
}

static void run_cases(json_spec_case_t *spec_case, json_spec_case_fn run, void *data,
                      json_spec_tally_t *tally)
{
    bson_iter_t tests;
    bson_iter_t item;

    if (!json_spec_find(spec_case->file_doc, "tests", &tests) ||
        !bson_iter_recurse(&tests, &item)) {
        count(tally, json_spec_fail(spec_case, "no array named tests"));
        return;
    }
    while (bson_iter_next(&item)) {
        bson_t doc;

        if (!json_spec_child(&item, &doc)) {
            count(tally, json_spec_fail(spec_case, "a test that is no document"));
            continue;
        }
        spec_case->doc = &doc;
        spec_case->description = json_spec_text(&doc, "description");
        if (spec_case->description == NULL) {
            spec_case->description = "(no description)";
        }
        count(tally, run(spec_case, data));
    }
}

static void run_file(const char *folder, const char *file, bool whole, json_spec_case_fn run,
                     void *data, json_spec_tally_t *tally)
{
    char path[PATH_SIZE];
    json_spec_case_t spec_case = {.folder = folder, .file = file, .description = ""};
    bson_t *doc;

    join(path, folder, file);
    doc = read_json(path);
    tally->files++;
    if (doc == NULL) {
        count(tally, JSON_SPEC_FAIL);
        return;
    }
    spec_case.file_doc = doc;
    spec_case.doc = doc;
    if (whole) {
        const char *description = json_spec_text(doc, "description");

        spec_case.description = description == NULL ? "" : description;
        count(tally, run(&spec_case, data));
    } else {
        run_cases(&spec_case, run, data, tally);
    }
    bson_destroy(doc);
}

static int is_json(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

/* One line for tools/conformance.py, which adds up what all programs ran. */
static void report(const char *folder, const json_spec_tally_t *tally)
{
    const char *path = getenv("MUV_SPEC_REPORT");
    FILE *file = path == NULL ? NULL : fopen(path, "a");

    if (file != NULL) {
        (void)fprintf(file, "%s\t%u\t%u\t%u\t%u\t%u\n", folder, tally->files, tally->cases,
                      tally->passed, tally->failed, tally->skipped);
        (void)fclose(file);
    }
}

static void run_folder(const char *folder, bool whole, json_spec_case_fn run, void *data,
                       json_spec_tally_t *tally)
{
    char path[PATH_SIZE];
    struct dirent **entries = NULL;
    json_spec_tally_t own = {0, 0, 0, 0, 0};
    int entry_count;

    join(path, folder, NULL);
    entry_count = scandir(path, &entries, is_json, alphasort);
    for (int i = 0; i < entry_count; i++) {
        run_file(folder, entries[i]->d_name, whole, run, data, &own);
        free(entries[i]);
    }
    free(entries);
    (void)printf("%-40s %3u files, %4u cases: %4u passed, %u failed, %u left out\n", folder,
                 own.files, own.cases, own.passed, own.failed, own.skipped);
    report(folder, &own);
    tally->files += own.files;
    tally->cases += own.cases;
    tally->passed += own.passed;
    tally->failed += own.failed;
    tally->skipped += own.skipped;
}

void json_spec_run(const char *folder, json_spec_case_fn run, void *data, json_spec_tally_t *tally)
{
    run_folder(folder, false, run, data, tally);
}

void json_spec_run_files(const char *folder, json_spec_case_fn run, void *data,
                         json_spec_tally_t *tally)
{
    run_folder(folder, true, run, data, tally);
}

/* ---- Results ---- */

json_spec_result_t json_spec_fail(const json_spec_case_t *spec_case, const char *format, ...)
{
    va_list arguments;

    (void)printf("FAIL %s/%s: %s: ", spec_case->folder, spec_case->file, spec_case->description);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)printf("\n");
    return JSON_SPEC_FAIL;
}

json_spec_result_t json_spec_skip(const json_spec_case_t *spec_case, const char *reason)
{
    (void)printf("left out %s/%s: %s: %s\n", spec_case->folder, spec_case->file,
                 spec_case->description, reason);
    return JSON_SPEC_SKIP;
}

/* ---- Fields ---- */

bool json_spec_find(const bson_t *doc, const char *path, bson_iter_t *ret)
{
    bson_iter_t iter;

    return bson_iter_init(&iter, doc) && bson_iter_find_descendant(&iter, path, ret) &&
           !BSON_ITER_HOLDS_NULL(ret);
}

const char *json_spec_text(const bson_t *doc, const char *path)
{
    bson_iter_t iter;

    return json_spec_find(doc, path, &iter) && BSON_ITER_HOLDS_UTF8(&iter)
               ? bson_iter_utf8(&iter, NULL)
               : NULL;
}

bool json_spec_bool(const bson_t *doc, const char *path, bool absent)
{
    bson_iter_t iter;

    return json_spec_find(doc, path, &iter) ? bson_iter_as_bool(&iter) : absent;
}

int64_t json_spec_int(const bson_t *doc, const char *path, int64_t absent)
{
    bson_iter_t iter;

    return json_spec_find(doc, path, &iter) ? bson_iter_as_int64(&iter) : absent;
}

bool json_spec_child(const bson_iter_t *iter, bson_t *ret)
{
    const uint8_t *data = NULL;
    uint32_t size = 0;

    if (BSON_ITER_HOLDS_DOCUMENT(iter)) {
        bson_iter_document(iter, &size, &data);
    } else if (BSON_ITER_HOLDS_ARRAY(iter)) {
        bson_iter_array(iter, &size, &data);
    }
    return data != NULL && bson_init_static(ret, data, size);
}

const char *json_spec_json(const bson_t *doc)
{
    static char texts[4][512];
    static unsigned next;
    char *text = texts[next++ % 4];
    char *json = bson_as_relaxed_extended_json(doc, NULL);

    (void)snprintf(text, sizeof(texts[0]), "%s", json == NULL ? "(invalid BSON)" : json);
    bson_free(json);
    return text;
}
