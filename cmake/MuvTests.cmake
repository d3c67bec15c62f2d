# SPDX-License-Identifier: Apache-2.0
#
# How test programs are built and registered. One executable a file; the name of the test is its
# place: tests/unit/wire/reader_test.c is `unit.wire.reader`, built as unit_wire_reader.
#
#   unit spec sim integration example fuzz lint     the labels (ctest -L ...)
#
# A group of cmocka returns the number of failed cases: 256 of them look like success, and 77 like a
# skipped test. So its output decides too, and 77 counts only for the scripts that mean it.
include(CheckLanguage)

set(MUV_TIMEOUT_FACTOR 1)
if(MUV_SANITIZE OR MUV_BUILD_FUZZ)
    set(MUV_TIMEOUT_FACTOR 3)
endif()

# Sanitizer reports with stacks, and every leak is a failure.
set(MUV_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "MUV_SERVER=${PROJECT_SOURCE_DIR}/scripts/server"
    "MUV_SOURCE_DIR=${PROJECT_SOURCE_DIR}")

# muv_register_test(NAME LABEL SECONDS COMMAND...)
function(muv_register_test name label seconds)
    add_test(NAME ${name} COMMAND ${ARGN})
    math(EXPR timeout "${seconds} * ${MUV_TIMEOUT_FACTOR}")
    set_tests_properties(${name} PROPERTIES
        LABELS ${label}
        TIMEOUT ${timeout}
        FAIL_REGULAR_EXPRESSION "\\[  FAILED  \\]"
        ENVIRONMENT "${MUV_TEST_ENVIRONMENT}")
endfunction()

# A program of ours that is not the library: tests, support code, fuzz targets.
function(muv_compile_as_test target)
    muv_compile_as_ours(${target})
    muv_link_fast(${target})
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_include_directories(${target} PRIVATE
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
endfunction()
