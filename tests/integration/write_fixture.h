/* SPDX-License-Identifier: Apache-2.0 */
/* Writes in tests: documents from text, and outcomes as one line of text. */
#ifndef MUV_TESTS_INTEGRATION_WRITE_FIXTURE_H
#define MUV_TESTS_INTEGRATION_WRITE_FIXTURE_H

#include "integration/client_fixture.h"

#define WRITTEN_DOCUMENTS 64

/* The outcome of a write. Zeroed before the start; written_clear() ends it.
 *
 * Its text is "ok" or "EWRITE 11000" (with the server's code, and "in doubt"), then what is not
 * zero or empty: "; unacknowledged", "; inserted 2", "; matched 1", "; modified 1", "; deleted 1",
 * "; upserted [0] {..}", "; [3] 11000 text" for each write error, "; concern 64 text" for each
 * write concern error; "; no result" when there is none. */
typedef struct written {
    client_fixture_t *f;
    muv_op_t *op;
    bool done;
    muv_error_t error;
    char text[2048];
    char ids[512]; /* Of an insert: the ids of the first documents, as "1 2 3 ". */
} written_t;

/* The muv_write_cb of all writes; data is a written_t. */
void on_written(muv_op_t *op, const muv_error_t *error, const muv_write_result_t *result,
                void *data);

/* Around a start call: no callback may come from inside. */
void begin_write(client_fixture_t *f, written_t *w);
void end_write(client_fixture_t *f, int code);

/* Wait for the outcome and compare its text. */
void await_written(written_t *w, const char *text);

/* Documents {"_id": 0}, {"_id": 1}, ..., each padded to `size` bytes (0: not). [own]
 * free_documents() them. */
bson_t **numbered_documents(size_t count, size_t size);
/* Documents from a JSON array; the count goes to `ret_count`. */
bson_t **documents_from(const char *json, size_t *ret_count);
void free_documents(bson_t **documents, size_t count);

/* Insert from a JSON array and wait. */
void insert_and_await(client_fixture_t *f, const char *json, const muv_insert_many_opts_t *opts,
                      const char *text);

/* A mock's handler that answers an insert with the number of its documents. */
void answer_insert(const mock_request_t *request, bson_t *reply, mock_step_t *step, void *data);

/* The number of documents in the i-th insert that arrived, and the `_id` of its first one. */
size_t sent_count(client_fixture_t *f, int index);
int64_t sent_first_id(client_fixture_t *f, int index);

#endif
