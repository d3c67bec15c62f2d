# SPDX-License-Identifier: Apache-2.0
#
# Compiler flags of our own code.
#
#   muv_compile_as_ours(TARGET)   language level, warnings, visibility and hardening
#
# Sanitizers go to everything below this project, because all objects of a program must agree.

set(MUV_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
    -Wwrite-strings -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough -Wformat=2
    -Wnull-dereference -Wdouble-promotion)
set(MUV_WARNINGS_GNU
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init)

set(MUV_OPTIMISED "$<CONFIG:Release,RelWithDebInfo,MinSizeRel>")

if(MUV_SANITIZE OR MUV_BUILD_FUZZ)
    set(muv_sanitizers "${MUV_SANITIZE}")
    if(MUV_BUILD_FUZZ)
        if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
            message(FATAL_ERROR "MUV_BUILD_FUZZ needs clang (cmake --preset fuzz)")
        endif()
        # The library gets the coverage counters; the entry point of libFuzzer is linked in fuzz/.
        string(JOIN "," muv_sanitizers ${muv_sanitizers} fuzzer-no-link)
    endif()
    add_compile_options(-fsanitize=${muv_sanitizers} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${muv_sanitizers})
endif()

# Link-time optimisation for gcc's optimised builds: one request passes through five layers, and
# inlining across them saves a tenth of its instructions and two thirds of its misses in the
# instruction cache (ARCHITECTURE.md, "What a find costs"). Objects are fat, so the static library
# links everywhere.
option(MUV_LTO "Link-time optimisation in optimised builds (gcc)" ON)
set(muv_lto)
if(MUV_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT MUV_SANITIZE AND NOT MUV_BUILD_FUZZ)
    set(muv_lto "${MUV_OPTIMISED}")
else()
    set(muv_lto 0)
endif()

# Programs and shared objects that profit.
function(muv_link_optimised target)
    target_link_options(${target} PRIVATE $<${muv_lto}:-flto=auto> $<${muv_lto}:-O2>)
endfunction()

# Everything else links the ordinary half of the objects. The two options exclude each other even
# when the later one should win.
function(muv_link_fast target)
    target_link_options(${target} PRIVATE $<${muv_lto}:-fno-lto>)
endfunction()

function(muv_compile_as_ours target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11
        C_STANDARD_REQUIRED ON
        C_EXTENSIONS OFF
        C_VISIBILITY_PRESET hidden
        POSITION_INDEPENDENT_CODE ON)
    target_compile_options(${target} PRIVATE
        ${MUV_WARNINGS}
        $<$<C_COMPILER_ID:GNU>:${MUV_WARNINGS_GNU}>
        $<${muv_lto}:-flto=auto>
        $<${muv_lto}:-ffat-lto-objects>)
    # Fortified functions and the interceptors of ASan get in each other's way.
    if(NOT MUV_SANITIZE AND NOT MUV_BUILD_FUZZ)
        target_compile_options(${target} PRIVATE
            $<${MUV_OPTIMISED}:-U_FORTIFY_SOURCE>
            $<${MUV_OPTIMISED}:-D_FORTIFY_SOURCE=3>
            -fstack-protector-strong)
    endif()
endfunction()
