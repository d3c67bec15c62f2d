/* SPDX-License-Identifier: Apache-2.0 */
/* The models that tests of the mapper share, and what they load and check documents with. */
#ifndef MUV_TESTS_SUPPORT_ODM_MODELS_H
#define MUV_TESTS_SUPPORT_ODM_MODELS_H

#include "muv/odm.h"

#define ADDRESS_FIELDS(F, M)                                                                       \
    F(M, string, city, "c")                                                                        \
    F(M, string, zip, "z", .max_length = 5)                                                        \
    F(M, int32, floor, "f", .flags = MUV_OPTIONAL)
MUV_DECLARE_EMBEDDED(address, ADDRESS_FIELDS);

#define USER_FIELDS(F, M)                                                                          \
    F(M, objectid, id, "_id")                                                                      \
    F(M, string, email, "e", .flags = MUV_REQUIRED | MUV_UNIQUE)                                   \
    F(M, string, name, "n", .max_length = 40)                                                      \
    F(M, int32, age, "age", .min = MUV_INT(0), .max = MUV_INT(150))
MUV_DECLARE_DOCUMENT(user, USER_FIELDS);

#define COMMENT_FIELDS(F, M)                                                                       \
    F(M, string, text, "t", .flags = MUV_REQUIRED, .max_length = 20)                               \
    F(M, int32, votes, "v")                                                                        \
    F(M, reference(user), author, "a")                                                             \
    F(M, list(embedded(comment)), replies, "r", .flags = MUV_OPTIONAL)
MUV_DECLARE_EMBEDDED(comment, COMMENT_FIELDS);

#define POST_FIELDS(F, M)                                                                          \
    F(M, objectid, id, "_id")                                                                      \
    F(M, string, title, "t", .flags = MUV_REQUIRED, .min_length = 2, .max_length = 10)             \
    F(M, string, note, "nt", .flags = MUV_NULL)                                                    \
    F(M, int64, votes, "v", .min = MUV_INT(0))                                                     \
    F(M, int32, rank, "rk", .flags = MUV_OPTIONAL)                                                 \
    F(M, double, score, "s", .flags = MUV_OPTIONAL, .max = MUV_DOUBLE(1.5))                        \
    F(M, boolean, archived, "ar")                                                                  \
    F(M, datetime, created, "cr")                                                                  \
    F(M, string, status, "st", .default_value = MUV_STRING("draft"),                               \
      .choices = MUV_CHOICES(MUV_STRING("draft"), MUV_STRING("public")))                           \
    F(M, binary, blob, "bl", .max_length = 8)                                                      \
    F(M, reference(user), author, "a", .on_delete = MUV_CASCADE)                                   \
    F(M, embedded(address), home, "h")                                                             \
    F(M, list(string), tags, "tg", .max_length = 5, .items = MUV_ITEMS(string, .max_length = 8))   \
    F(M, list(int32), marks, "mk", .flags = MUV_OPTIONAL)                                          \
    F(M, list(embedded(comment)), comments, "cm", .flags = MUV_OPTIONAL)                           \
    F(M, list(reference(user)), voters, "vo", .flags = MUV_OPTIONAL)
MUV_DECLARE_DOCUMENT(post, POST_FIELDS);

/* More fields than states in place, all of one list. */
#define WIDE_ROW_(F, M, n)                                                                         \
    F(M, int32, a##n, "a" #n, .flags = MUV_OPTIONAL)                                               \
    F(M, int32, b##n, "b" #n, .flags = MUV_OPTIONAL)                                               \
    F(M, int32, c##n, "c" #n, .flags = MUV_OPTIONAL)                                               \
    F(M, string, d##n, "d" #n, .default_value = MUV_STRING("d"))
#define WIDE_FIELDS(F, M)                                                                          \
    WIDE_ROW_(F, M, 0)                                                                             \
    WIDE_ROW_(F, M, 1)                                                                             \
    WIDE_ROW_(F, M, 2)                                                                             \
    WIDE_ROW_(F, M, 3)                                                                             \
    WIDE_ROW_(F, M, 4)                                                                             \
    WIDE_ROW_(F, M, 5)                                                                             \
    WIDE_ROW_(F, M, 6)                                                                             \
    WIDE_ROW_(F, M, 7)                                                                             \
    WIDE_ROW_(F, M, 8)
MUV_DECLARE_EMBEDDED(wide, WIDE_FIELDS);

int odm_next_number(const muv_field_t *field, void *data, muv_value_t *ret);
int odm_some_text(const muv_field_t *field, void *data, muv_value_t *ret);

#define BOX_FIELDS(F, M)                                                                           \
    F(M, string, id, "_id")                                                                        \
    F(M, int64, serial, "n", .default_fn = odm_next_number)                                        \
    F(M, string, label, "l", .default_fn = odm_some_text)                                          \
    F(M, embedded(wide), wide, "w")                                                                \
    F(M, list(embedded(wide)), parts, "p", .flags = MUV_OPTIONAL)
MUV_DECLARE_DOCUMENT(box, BOX_FIELDS);

/* A registry of all these models. The counter of odm_next_number() starts at 1 with it. */
muv_registry_t *odm_registry(void);

/* Extended JSON in literals is written with ' for quotes; all functions here take it so. This gives
 * it with real ones, in static memory: four results live at a time. */
const char *odm_json(const char *text);

/* A document decoded from extended JSON; fails the test when it does not decode. */
void *odm_load(const muv_registry_t *registry, const muv_model_t *model, const char *json);

/* The same with a projection: stored paths divided by blanks. */
void *odm_load_part(const muv_registry_t *registry, const muv_model_t *model, const char *json,
                    const char *paths, int exclude);

/* Decode what must not decode: the code, and the message in static memory. */
int odm_load_error(const muv_registry_t *registry, const muv_model_t *model, const char *json,
                   const char **message);

/* The error of muv_changes() or muv_doc_encode(), likewise. */
int odm_changes_error(const void *document, const char **message);
int odm_encode_error(const void *document, const char **message);

#define CHECK_CHANGES(document, json) odm_check_changes(document, json, __FILE__, __LINE__)
#define CHECK_ENCODED(document, json) odm_check_encoded(document, json, __FILE__, __LINE__)
void odm_check_changes(const void *document, const char *json, const char *file, int line);
void odm_check_encoded(const void *document, const char *json, const char *file, int line);

#endif
