/* SPDX-License-Identifier: Apache-2.0 */
/* The version that was compiled in, for programs that were built with other headers. */
#include "muv/version.h"

#define TEXT_(number) #number
#define TEXT(number) TEXT_(number)

static const char version[] =
    TEXT(MUV_VERSION_MAJOR) "." TEXT(MUV_VERSION_MINOR) "." TEXT(MUV_VERSION_PATCH);

_Static_assert(sizeof(version) == sizeof(MUV_VERSION_STRING), "the version's parts and its text");

const char *muv_version(void)
{
    return version;
}
