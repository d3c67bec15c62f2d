/* SPDX-License-Identifier: Apache-2.0 */
/* Symbol visibility and the two attributes that public headers use. Every other compiler feature
 * stays out of the public interface; an unknown compiler gets empty macros. */
#ifndef MUV_EXPORT_H
#define MUV_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define MUV_API __attribute__((visibility("default")))
#define MUV_CHECK __attribute__((warn_unused_result))
#else
#define MUV_API
#define MUV_CHECK
#endif

#ifdef __cplusplus
#define MUV_BEGIN_DECLS extern "C" {
#define MUV_END_DECLS }
#else
#define MUV_BEGIN_DECLS
#define MUV_END_DECLS
#endif

#endif
