# SPDX-License-Identifier: Apache-2.0
#
# Headers, libraries, the CMake package (find_package(muv): muv::muv, muv::muv_static) and muv.pc.
include(CMakePackageConfigHelpers)

set(muv_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/muv")
set(muv_targets muv_static)
if(MUV_BUILD_SHARED)
    list(APPEND muv_targets muv)
endif()

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.h")
install(TARGETS ${muv_targets} EXPORT muvTargets)
install(EXPORT muvTargets NAMESPACE muv:: DESTINATION "${muv_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/muvConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/muvConfig.cmake"
    INSTALL_DESTINATION "${muv_package_dir}"
    NO_SET_AND_CHECK_MACRO)
# Before 1.0 the interface may change with the minor version.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/muvConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/muvConfig.cmake"
    "${PROJECT_BINARY_DIR}/muvConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/MuvDependencies.cmake"
    DESTINATION "${muv_package_dir}")

# pkg-config writes requirements with spaces around the operator.
string(REGEX REPLACE ">=" " >= " MUV_PC_BSON "${MUV_BSON_REQUIREMENT}")
set(MUV_PC_GSSAPI)
if(MUV_WITH_GSSAPI)
    set(MUV_PC_GSSAPI ", mit-krb5-gssapi >= 1.15, mit-krb5")
endif()
# The prefix is found from the place of the file itself: `cmake --install --prefix` and moving the
# whole tree both work. Not so when a distribution asks for an absolute folder.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(muv_pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
    file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
    string(REGEX REPLACE "/$" "" muv_pc_prefix "\${pcfiledir}/${up}")
endif()
set(muv_pc_libdir "\${prefix}")
cmake_path(APPEND muv_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
set(muv_pc_includedir "\${prefix}")
cmake_path(APPEND muv_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file("${PROJECT_SOURCE_DIR}/muv.pc.in" "${PROJECT_BINARY_DIR}/muv.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/muv.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
