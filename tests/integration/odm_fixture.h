/* SPDX-License-Identifier: Apache-2.0 */
/* A mapper on a client, and a record of what its callbacks said. As with the client's fixture, all
 * starts go through here: callbacks come exactly once and never from inside a call. */
#ifndef MUV_TESTS_INTEGRATION_ODM_FIXTURE_H
#define MUV_TESTS_INTEGRATION_ODM_FIXTURE_H

#include "muv/odm.h"

#include "integration/client_fixture.h"
#include "support/odm_models.h"

typedef struct odm_fixture {
    client_fixture_t *f;
    muv_registry_t *registry;
    muv_mapper_t *mapper; /* Of database "d". */
} odm_fixture_t;

/* What one callback said. Zeroed before the start; odm_clear() ends it. Documents are retained. */
typedef struct odm_outcome {
    odm_fixture_t *o;
    muv_op_t *op;
    bool done;
    unsigned calls;      /* Of on_document. */
    int verdict;         /* What on_document answers, from ... */
    unsigned verdict_at; /* ... this call on (1: the first); 0: never. */
    muv_error_t error;
    int64_t count;
    muv_update_result_t result;
    bool has_result;
    void *documents[600];
    size_t document_count;
    char *validation; /* JSON, or NULL. */
} odm_outcome_t;

/* setup and teardown: mock, client and mapper of odm_registry(). */
int odm_open(void **state);
int odm_close(void **state);

/* The same on a given server (a real one), without mock. */
int odm_open_server(void **state);

/* Replace the registry by one of these models. */
void odm_use_models(odm_fixture_t *o, const muv_model_t *const *models, size_t count);

void odm_clear(odm_outcome_t *out);
void odm_await(odm_outcome_t *out);
void odm_await_success(odm_outcome_t *out);
void odm_await_error(odm_outcome_t *out, int code);

void odm_save(odm_fixture_t *o, odm_outcome_t *out, void *document, const muv_save_opts_t *opts);
void odm_delete(odm_fixture_t *o, odm_outcome_t *out, void *document);
void odm_reload(odm_fixture_t *o, odm_outcome_t *out, void *document);
void odm_first(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query,
               const muv_load_opts_t *opts);
void odm_get(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, const muv_load_opts_t *opts);
void odm_all(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, const muv_load_opts_t *opts);
void odm_each(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query,
              const muv_load_opts_t *opts);
void odm_count(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query);
void odm_exists(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query);
void odm_update(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query, muv_update_t *update);
void odm_delete_all(odm_fixture_t *o, odm_outcome_t *out, muv_query_t *query);
void odm_insert(odm_fixture_t *o, odm_outcome_t *out, void *const *documents, size_t count,
                const muv_save_opts_t *opts);
void odm_ensure_indexes(odm_fixture_t *o, odm_outcome_t *out, const muv_model_t *model);

/* Both as one: the operation ends well. */
#define ODM_OK(call)                                                                               \
    do {                                                                                           \
        odm_outcome_t out_ = {0};                                                                  \
        call;                                                                                      \
        odm_await_success(&out_);                                                                  \
        odm_clear(&out_);                                                                          \
    } while (0)

/* The newest command of that name, sequences included, equals `json`; $db and lsid do not count. */
#define CHECK_COMMAND(o, name, json) odm_check_command(o, name, json, __FILE__, __LINE__)
void odm_check_command(odm_fixture_t *o, const char *name, const char *json, const char *file,
                       int line);

/* How many commands came that are no part of connecting and monitoring. */
unsigned odm_commands(odm_fixture_t *o);

/* A reply with documents of extended JSON (' for quotes), for the next find or getMore. */
void odm_reply_find(odm_fixture_t *o, int64_t cursor_id, const char *documents);
void odm_reply_more(odm_fixture_t *o, int64_t cursor_id, const char *documents);

/* An ObjectId of one repeated byte. */
muv_oid_t odm_oid(unsigned byte);

#endif
