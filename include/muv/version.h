/* SPDX-License-Identifier: Apache-2.0 */
/* The version of these headers, and of the library that a program runs with. */
#ifndef MUV_VERSION_H
#define MUV_VERSION_H

#include "muv/export.h"

MUV_BEGIN_DECLS

#define MUV_VERSION_MAJOR 0
#define MUV_VERSION_MINOR 1
#define MUV_VERSION_PATCH 0
#define MUV_VERSION_STRING "0.1.0"

/* MUV_VERSION_STRING as it was when the library was built. Never NULL; static memory. */
MUV_API const char *muv_version(void);

MUV_END_DECLS

#endif
