# SPDX-License-Identifier: Apache-2.0
#
# The library: one object library per layer (muv_base, muv_wire, ...), compiled once, position
# independent; from these
#
#   muv          libmuv.so        exports what is marked MUV_API, nothing else
#   muv_static   libmuv.a         all objects; unit tests link it and see internal names too
#   muv_no_net   (not installed)  all but muv_net_uv: tests/sim brings its own src/net/net.h
#   muv_only_*   (not installed)  one layer each: a unit test links its layer and those below
#
# Layers are listed from the bottom up; scripts/check-layers holds the rules between them.
set(MUV_LAYERS base wire uri auth tls http session topology pool source op net fetch provider
    gssapi conn client odm)
set(MUV_RANKS 0 1 1 1 1 1 2 2 2 2 3 4 5 6 6 7 8 9)

# Only src/wire talks to these.
set(MUV_COMPRESSORS PkgConfig::MUV_SNAPPY PkgConfig::MUV_ZLIB PkgConfig::MUV_ZSTD)

# Only src/gssapi/kerberos_mit.c talks to this; without it kerberos_none.c takes its place.
set(MUV_WITH_GSSAPI OFF)
set(MUV_KERBEROS)
if(TARGET PkgConfig::MUV_GSSAPI)
    set(MUV_WITH_GSSAPI ON)
    set(MUV_KERBEROS PkgConfig::MUV_GSSAPI)
endif()

# The header tells the version to programs, project() to everybody else.
set(version_header "${PROJECT_SOURCE_DIR}/include/muv/version.h")
if(EXISTS "${version_header}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${version_header}")
    foreach(part MAJOR MINOR PATCH)
        file(STRINGS "${version_header}" line REGEX "^#define MUV_VERSION_${part} +[0-9]+")
        string(REGEX MATCH "[0-9]+" number "${line}")
        if(NOT number STREQUAL PROJECT_VERSION_${part})
            message(FATAL_ERROR "muv/version.h: MUV_VERSION_${part} is not that of project()")
        endif()
    endforeach()
endif()

function(muv_add_layer name)
    add_library(${name} OBJECT ${ARGN})
    muv_compile_as_ours(${name})
    target_compile_definitions(${name} PRIVATE _POSIX_C_SOURCE=200809L)
    target_include_directories(${name} PRIVATE
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${name} PRIVATE PkgConfig::MUV_BSON PkgConfig::MUV_OPENSSL)
endfunction()

set(muv_objects)
set(muv_net_uv_objects)
foreach(layer IN LISTS MUV_LAYERS)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${layer}/*.c")
    if(layer STREQUAL "net")
        # The seam: what talks to libuv and c-ares can be left out as a whole.
        set(uv_sources ${sources})
        list(FILTER uv_sources INCLUDE REGEX "/uv_[^/]*$")
        list(FILTER sources EXCLUDE REGEX "/uv_[^/]*$")
        if(uv_sources)
            muv_add_layer(muv_net_uv ${uv_sources})
            target_compile_definitions(muv_net_uv PRIVATE _DEFAULT_SOURCE)
            target_link_libraries(muv_net_uv PRIVATE PkgConfig::MUV_UV PkgConfig::MUV_CARES)
            set(muv_net_uv_objects $<TARGET_OBJECTS:muv_net_uv>)
        endif()
    endif()
    if(layer STREQUAL "gssapi" AND MUV_WITH_GSSAPI)
        list(FILTER sources EXCLUDE REGEX "/kerberos_none\\.c$")
    elseif(layer STREQUAL "gssapi")
        list(FILTER sources EXCLUDE REGEX "/kerberos_mit\\.c$")
    endif()
    if(sources)
        muv_add_layer(muv_${layer} ${sources})
        if(layer STREQUAL "wire")
            target_link_libraries(muv_wire PRIVATE ${MUV_COMPRESSORS})
        elseif(layer STREQUAL "auth")
            target_link_libraries(muv_auth PRIVATE PkgConfig::MUV_IDN)
        elseif(layer STREQUAL "gssapi")
            target_link_libraries(muv_gssapi PRIVATE ${MUV_KERBEROS})
        endif()
        list(APPEND muv_objects $<TARGET_OBJECTS:muv_${layer}>)
    endif()
endforeach()

if(NOT muv_objects)
    message(FATAL_ERROR "No source file under ${PROJECT_SOURCE_DIR}/src")
endif()

# Consumers always meet libbson (documents in our interface) and libuv (they bring the loop).
function(muv_add_library name type)
    add_library(${name} ${type} ${ARGN})
    add_library(muv::${name} ALIAS ${name})
    set_target_properties(${name} PROPERTIES OUTPUT_NAME muv LINKER_LANGUAGE C)
    target_include_directories(${name} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(${name}
        PUBLIC PkgConfig::MUV_BSON PkgConfig::MUV_UV
        PRIVATE PkgConfig::MUV_OPENSSL PkgConfig::MUV_CARES PkgConfig::MUV_IDN
            ${MUV_COMPRESSORS} ${MUV_KERBEROS})
endfunction()

muv_add_library(muv_static STATIC ${muv_objects} ${muv_net_uv_objects})

if(MUV_BUILD_SHARED)
    muv_add_library(muv SHARED ${muv_objects} ${muv_net_uv_objects})
    set_target_properties(muv PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
    muv_link_optimised(muv)
    if(NOT MUV_SANITIZE AND NOT MUV_BUILD_FUZZ)
        target_link_options(muv PRIVATE LINKER:--no-undefined LINKER:-z,relro,-z,now)
    endif()
endif()

# Archives of parts of the library, for tests only; built when one is linked.
function(muv_add_part name)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${ARGN})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(${name} PUBLIC
        PkgConfig::MUV_BSON PkgConfig::MUV_OPENSSL PkgConfig::MUV_IDN ${MUV_COMPRESSORS}
        ${MUV_KERBEROS})
endfunction()

if(MUV_BUILD_TESTS OR MUV_BUILD_FUZZ)
    muv_add_part(muv_no_net ${muv_objects})
    foreach(layer IN LISTS MUV_LAYERS ITEMS net_uv)
        if(TARGET muv_${layer})
            muv_add_part(muv_only_${layer} $<TARGET_OBJECTS:muv_${layer}>)
        endif()
    endforeach()
endif()

# muv_layers_up_to(LAYER VARIABLE): the archives of a layer and of those it may include. What is no
# layer (tests/unit/support) gets base.
function(muv_layers_up_to layer variable)
    set(limit 1)
    list(FIND MUV_LAYERS "${layer}" index)
    if(index GREATER_EQUAL 0)
        list(GET MUV_RANKS ${index} limit)
    endif()
    set(archives)
    foreach(name rank IN ZIP_LISTS MUV_LAYERS MUV_RANKS)
        if(TARGET muv_only_${name} AND (rank LESS limit OR name STREQUAL layer))
            list(APPEND archives muv_only_${name})
        endif()
        if(name STREQUAL "net" AND rank LESS_EQUAL limit AND TARGET muv_only_net_uv)
            list(APPEND archives muv_only_net_uv)
        endif()
    endforeach()
    set(${variable} "${archives}" PARENT_SCOPE)
endfunction()
