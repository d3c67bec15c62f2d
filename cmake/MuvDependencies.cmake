# SPDX-License-Identifier: Apache-2.0
#
# What the library needs, found through pkg-config. This file is installed beside muvConfig.cmake
# and used by both, so that the installed package looks for exactly what we were built with. It
# never fails by itself: what is missing is listed in MUV_MISSING.
# The imported targets carry our prefix: a consumer may look for the same packages himself.
# Imported targets are SYSTEM: their headers are not held to our warnings.
find_package(PkgConfig QUIET REQUIRED)
set(MUV_MISSING)

# muv_find_dependency(NAME EXPRESSION) makes the target PkgConfig::NAME.
macro(muv_find_dependency name expression)
    if(NOT TARGET PkgConfig::${name})
        pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL "${expression}")
        if(NOT ${name}_FOUND)
            list(APPEND MUV_MISSING "${expression}")
        endif()
    endif()
endmacro()

muv_find_dependency(MUV_UV "libuv>=1.44")
muv_find_dependency(MUV_OPENSSL "openssl>=3")
muv_find_dependency(MUV_CARES "libcares>=1.18")
muv_find_dependency(MUV_IDN "libidn>=1.33")
muv_find_dependency(MUV_ZLIB "zlib>=1.2.11")
muv_find_dependency(MUV_ZSTD "libzstd>=1.4")

# snappy itself installs no pkg-config file; some distributions add one.
if(NOT TARGET PkgConfig::MUV_SNAPPY)
    pkg_check_modules(MUV_SNAPPY QUIET IMPORTED_TARGET GLOBAL snappy)
endif()
if(NOT TARGET PkgConfig::MUV_SNAPPY)
    find_path(MUV_SNAPPY_INCLUDE_DIR snappy-c.h)
    find_library(MUV_SNAPPY_LIBRARY snappy)
    mark_as_advanced(MUV_SNAPPY_INCLUDE_DIR MUV_SNAPPY_LIBRARY)
    if(MUV_SNAPPY_INCLUDE_DIR AND MUV_SNAPPY_LIBRARY)
        add_library(PkgConfig::MUV_SNAPPY UNKNOWN IMPORTED GLOBAL)
        set_target_properties(PkgConfig::MUV_SNAPPY PROPERTIES
            IMPORTED_LOCATION "${MUV_SNAPPY_LIBRARY}"
            INTERFACE_INCLUDE_DIRECTORIES "${MUV_SNAPPY_INCLUDE_DIR}")
    else()
        list(APPEND MUV_MISSING "snappy")
    endif()
endif()

# Kerberos, for GSSAPI: optional. An installed package looks for it when it was compiled with it;
# MUV_ENABLE_GSSAPI then comes from muvConfig.cmake.
if(MUV_ENABLE_GSSAPI AND NOT TARGET PkgConfig::MUV_GSSAPI)
    pkg_check_modules(MUV_GSSAPI QUIET IMPORTED_TARGET GLOBAL "mit-krb5-gssapi>=1.15" mit-krb5)
    if(NOT MUV_GSSAPI_FOUND AND NOT MUV_ENABLE_GSSAPI STREQUAL "AUTO")
        list(APPEND MUV_MISSING "mit-krb5-gssapi>=1.15")
    endif()
endif()

# libbson changed its pkg-config name with version 2. An installed package must find the one it was
# compiled against; MUV_BSON_PACKAGE then comes from muvConfig.cmake. Before a build it can be set
# by hand, where both are installed.
if(NOT MUV_BSON_PACKAGE)
    pkg_check_modules(MUV_BSON_1 QUIET "libbson-1.0>=1.23")
    if(MUV_BSON_1_FOUND)
        set(MUV_BSON_PACKAGE libbson-1.0)
    else()
        set(MUV_BSON_PACKAGE bson2)
    endif()
endif()
if(MUV_BSON_PACKAGE STREQUAL "bson2")
    set(MUV_BSON_REQUIREMENT "bson2>=2.0")
else()
    set(MUV_BSON_REQUIREMENT "libbson-1.0>=1.23")
endif()
muv_find_dependency(MUV_BSON "${MUV_BSON_REQUIREMENT}")
