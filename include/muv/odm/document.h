/* SPDX-License-Identifier: Apache-2.0 */
/* Documents in memory: creation, states, text in the document's own memory, lists, references,
 * decoding and encoding. No I/O and no clock. A document and its batch belong to one thread.
 *
 * Documents live in batches: one count, one memory for all documents of a reply. A struct, and
 * everything its members point at, lives as long as its batch. Members are addressed by pointer,
 * at any depth: muv_set_null(post, &post->comments.data[1].text). */
#ifndef MUV_ODM_DOCUMENT_H
#define MUV_ODM_DOCUMENT_H

#include "muv/error.h"
#include "muv/odm/model.h"

MUV_BEGIN_DECLS

/* Bytes that the caller owns. */
typedef struct muv_bytes {
    uint8_t *data; /* [own] End them with muv_bytes_free(). */
    size_t size;
} muv_bytes_t;

/* Free `bytes->data` and set it to NULL. */
MUV_API void muv_bytes_free(muv_bytes_t *bytes);

/* Create a document in a batch of its own, with the defaults of its model.
 *
 * Returns [own] the struct of the model, to be ended with muv_doc_release(); NULL when memory ran
 * out, the registry does not know the model, or a default function failed. */
MUV_API MUV_CHECK void *muv_doc_new(const muv_registry_t *registry, const muv_model_t *model);

/* Decode a stored document into a batch of its own. The bytes are copied.
 *
 * bson    [borrow] One BSON document of `size` bytes.
 * reterr  May be NULL. Names the path: "Post.comments.0.text: ...".
 * ret     [own]    A struct of the model; end it with muv_doc_release().
 *
 * Returns 0, MUV_EINVAL (unknown or embedded model), MUV_EDECODE, MUV_EBSON, MUV_ETOOLARGE or
 * MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_doc_decode(const muv_registry_t *registry, const muv_model_t *model,
                                     const void *bson, size_t size, muv_error_t *reterr,
                                     muv_doc_t **ret);

/* Keep a document beyond the callback that gave it. Counts its whole batch: all documents of the
 * batch stay, until muv_doc_release() was called as often. Returns `document`. */
MUV_API void *muv_doc_retain(void *document);

/* Give up one count. NULL is allowed. */
MUV_API void muv_doc_release(void *document);

/* Copy one document with everything it points at into a batch of its own, so that a document kept
 * for long does not keep a large reply. References keep their keys; the documents behind them are
 * not taken along.
 *
 * Returns [own] the copy, to be ended with muv_doc_release(); NULL when memory ran out. */
MUV_API MUV_CHECK void *muv_doc_detach(const void *document);

/* Put every member back to what was loaded, or to what muv_doc_new() gave.
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM; then the document is as it was. */
MUV_API MUV_CHECK int muv_rollback(void *document);

/* [borrow] The model of a document; its stored bytes, or NULL (and size 0) when it is new. */
MUV_API const muv_model_t *muv_doc_model(const void *document);
MUV_API const uint8_t *muv_doc_raw(const void *document, size_t *ret_size);

/* MUV_STATE_* of a member as a save would see it, or MUV_EINVAL when `member` points at no field of
 * the document. */
MUV_API int muv_state(const void *document, const void *member);

/* Say what a plain store cannot. All return 0, or MUV_EINVAL when `member` points at no field, or
 * MUV_ENOMEM.
 *
 * present  The member is written with the value it has: 0, "", an empty embedded document.
 * null     The member is emptied and null is written.
 * unset    The member is emptied and the field is removed.
 *
 * For null and unset this holds until another value is stored into the member. An embedded document
 * inside a list cannot be null or unset: take it out of the list. A reference without a key cannot
 * be present (MUV_EINVAL). */
MUV_API MUV_CHECK int muv_set_present(void *document, void *member);
MUV_API MUV_CHECK int muv_set_null(void *document, void *member);
MUV_API MUV_CHECK int muv_unset(void *document, void *member);

/* Copy text or bytes into the document's memory and store them. `text` NULL: no value.
 *
 * member  Of the document, or anywhere else that does not outlive it.
 *
 * Return 0, MUV_EINVAL, MUV_ETOOLARGE (above INT32_MAX - 1 bytes) or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_put(void *document, muv_str_t *member, const char *text);
MUV_API MUV_CHECK int muv_put_sized(void *document, muv_str_t *member, const char *text,
                                    size_t size);
MUV_API MUV_CHECK int muv_put_binary(void *document, muv_bin_t *member, const void *bytes,
                                     size_t size, uint8_t subtype);

/* [borrow] `size_bytes` of zeroed memory that lives as long as the document; NULL when it ran out.
 */
MUV_API MUV_CHECK void *muv_doc_alloc(void *document, size_t size_bytes);

/* Make room in any list for `extra` more elements. Elements may move.
 *
 * Returns 0, MUV_EINVAL, MUV_ETOOLARGE or MUV_ENOMEM; then the list is as it was. */
MUV_API MUV_CHECK int muv_list_reserve(void *document, void *list, size_t element_size,
                                       uint32_t extra);

/* Append one element; evaluates `list` several times. Value: 0, or as muv_list_reserve().
 * muv_list_push(post, &post->tags, muv_str("c")) */
#define muv_list_push(document, list, ...)                                                         \
    (muv_list_reserve((document), (list), sizeof(*(list)->data), 1) == 0                           \
         ? ((void)((list)->data[(list)->count++] = (__VA_ARGS__)), 0)                              \
         : MUV_ENOMEM)

/* Append one element that is zero, or, in a list of embedded documents, new with its defaults.
 *
 * list  Points at a list member of the document.
 *
 * Returns [borrow] the element, valid until the list grows; NULL when memory ran out or `list` is
 * no list of the document. */
MUV_API MUV_CHECK void *muv_list_add(void *document, void *list);

/* Take out element `index`; those behind it move down. Returns 0 or MUV_EINVAL. */
MUV_API MUV_CHECK int muv_list_remove(void *document, void *list, uint32_t index);

/* Point a reference at a document or at a key. The document is borrowed and must live until the
 * owner is encoded or released; its key is read when the owner is encoded if it has none yet.
 * Return 0, or MUV_EINVAL for a document without schema or an embedded one. */
MUV_API MUV_CHECK int muv_ref_to(muv_ref_t *ref, void *target);
MUV_API void muv_ref_to_oid(muv_ref_t *ref, muv_oid_t id);
MUV_API void muv_ref_to_int64(muv_ref_t *ref, int64_t id);
MUV_API void muv_ref_to_str(muv_ref_t *ref, muv_str_t id);

/* The primary key. Returns 0 and a value (borrowed text), or MUV_EINVAL when it has none yet. */
MUV_API MUV_CHECK int muv_doc_id(const void *document, muv_value_t *ret);

/* Encode a document as it would be inserted or replaced: `_id` first, fields in the order of their
 * rows, stored keys that the model does not know behind them. A document without primary key is
 * encoded without. No validation.
 *
 * ret  [own] muv_bytes_free().
 *
 * Returns 0, MUV_EINVAL, MUV_EVALIDATION (a value that cannot be stored, a document loaded in
 * part), MUV_ETOOLARGE (above 16 MiB and 16 KiB) or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_doc_encode(const void *document, muv_error_t *reterr, muv_bytes_t *ret);

/* The smallest update that takes a loaded document to what the struct holds: a BSON document of
 * $set, $unset and $push, empty (5 bytes) when nothing changed. Paths lead into embedded documents;
 * a list that only grew is $push with $each; changed elements of a list of equal length are set one
 * by one; any other change of a list writes the whole list. Fields that were not loaded are never
 * written.
 *
 * ret  [own] muv_bytes_free().
 *
 * Returns 0, MUV_EINVAL (a new document), MUV_EVALIDATION (the primary key was changed; a value was
 * stored into a field that was not loaded; a list that was loaded in part would have to be
 * written), MUV_ETOOLARGE or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_changes(const void *document, muv_error_t *reterr, muv_bytes_t *ret);

MUV_END_DECLS

#endif
