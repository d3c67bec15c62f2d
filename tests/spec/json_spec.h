/* SPDX-License-Identifier: Apache-2.0 */
/* Loader of the official specification files, shared by all spec tests. It finds the files, reads
 * their JSON, walks over the cases, counts, and prints one line for each folder and one for each
 * case that failed or was left out; what a case means is the adapter's business. With
 * $MUV_SPEC_REPORT the numbers are also appended to that file, for tools/conformance.py.
 *
 * The files are looked for when the test runs: in $MUV_SPECS, else in the place compiled in as
 * MUV_SPECS_DEFAULT, else in "../shared/specs" as seen from $MUV_SOURCE_DIR or the current folder.
 * When they are absent the test says so and is skipped, never passed. */
#ifndef MUV_TESTS_SPEC_JSON_SPEC_H
#define MUV_TESTS_SPEC_JSON_SPEC_H

#include <bson/bson.h>
#include <stdbool.h>

/* What `main` returns when there is nothing to run. */
#define JSON_SPEC_EXIT_SKIPPED 77

typedef enum json_spec_result { JSON_SPEC_PASS, JSON_SPEC_FAIL, JSON_SPEC_SKIP } json_spec_result_t;

typedef struct json_spec_tally {
    unsigned files;
    unsigned cases;
    unsigned passed;
    unsigned failed;
    unsigned skipped;
} json_spec_tally_t;

typedef struct json_spec_case {
    const char *folder;      /* As given to json_spec_run(). */
    const char *file;        /* Name without the folder. */
    const char *description; /* Of the case; the file's for a file that is one case. */
    const bson_t *file_doc;  /* The whole file. */
    const bson_t *doc;       /* The case. */
} json_spec_case_t;

typedef json_spec_result_t (*json_spec_case_fn)(const json_spec_case_t *spec_case, void *data);

/* The folder with all specifications. Static memory. */
const char *json_spec_root(void);

/* Is there such a folder under the root? Prints a line with SKIPPED when not. */
bool json_spec_available(const char *folder);

/* Run all elements of "tests" in all *.json of one folder, by file name; subfolders are not
 * entered. A file that cannot be read, or has no such array, counts as a failed case. Prints the
 * folder's line and adds to `tally`. */
void json_spec_run(const char *folder, json_spec_case_fn run, void *data, json_spec_tally_t *tally);

/* The same where each file is one case (SDAM, server selection): `doc` is `file_doc`. */
void json_spec_run_files(const char *folder, json_spec_case_fn run, void *data,
                         json_spec_tally_t *tally);

/* Print why a case failed, or is left out, and return the matching result. */
json_spec_result_t json_spec_fail(const json_spec_case_t *spec_case, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
json_spec_result_t json_spec_skip(const json_spec_case_t *spec_case, const char *reason);

/* Readers of fields; `path` may be dotted. A JSON null counts as absent. */
bool json_spec_find(const bson_t *doc, const char *path, bson_iter_t *ret);
const char *json_spec_text(const bson_t *doc, const char *path);
bool json_spec_bool(const bson_t *doc, const char *path, bool absent);
int64_t json_spec_int(const bson_t *doc, const char *path, int64_t absent);

/* Make a document of the sub-document or array an iterator stands on. [borrow] from the iterator.
 */
bool json_spec_child(const bson_iter_t *iter, bson_t *ret);

/* A document as JSON for messages. Static memory, the four last results live. */
const char *json_spec_json(const bson_t *doc);

#endif
