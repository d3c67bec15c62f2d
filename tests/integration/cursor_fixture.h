/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors in tests: a server with numbered documents, and a reader that records what its consumers
 * said. */
#ifndef MUV_TESTS_INTEGRATION_CURSOR_FIXTURE_H
#define MUV_TESTS_INTEGRATION_CURSOR_FIXTURE_H

#include "integration/client_fixture.h"

/* What the mock answers to find, aggregate, listCollections and getMore: documents {"_id": 0},
 * {"_id": 1}, ... in batches. The cursor's number is 77 until the last document was sent. */
typedef struct numbers {
    int64_t total;
    int64_t batch;
    int64_t next;
    size_t pad_bytes; /* A string of that length in each document. */
} numbers_t;

void serve_numbers(client_fixture_t *f, numbers_t *numbers);

typedef struct reader {
    client_fixture_t *f;
    muv_cursor_t *cursor;
    muv_op_t *op;
    muv_error_t error; /* Of what ended last. */
    bool done;
    char *text;      /* The last document, values or names as JSON. */
    int64_t count;   /* Documents seen; or what was counted. */
    int64_t last_id; /* `_id` of the last one, -1: none. */
    muv_documents_t *documents;
    /* What on_document does; NULL: MUV_CONTINUE. */
    int (*act)(struct reader *reader);
    void (*then)(struct reader *reader); /* At the end of any other callback. */
} reader_t;

void open_reader(reader_t *r, client_fixture_t *f);
/* Close the cursor and free what was kept. */
void close_reader(reader_t *r);

/* Around a start call: no callback may come from inside. */
void begin_call(reader_t *r);
void end_call(reader_t *r);
void begin_find(reader_t *r, const muv_find_opts_t *opts);
void begin_each(reader_t *r, const muv_cursor_each_opts_t *opts);
void begin_next(reader_t *r, const muv_cursor_next_opts_t *opts);
void begin_collect(reader_t *r, const muv_cursor_collect_opts_t *opts);

/* The callbacks; data is the reader. */
void on_cursor(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor, void *data);
void on_counted(muv_op_t *op, const muv_error_t *error, int64_t count, void *data);
void on_values(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply, void *data);
void on_end(muv_op_t *op, const muv_error_t *error, void *data);

/* Wait for the end of what was begun. */
void await_reader(reader_t *r, int code);

/* begin_find() and wait. */
void find_all(reader_t *r, const muv_find_opts_t *opts);

/* Wait until that many documents were seen. */
void await_documents(reader_t *r, int64_t count);

/* Wait until the mock has received that many messages of a command. */
void await_requests(client_fixture_t *f, const char *command, unsigned count);

#endif
