# What `./build.sh install --prefix DIR` lays down: library, headers, server, CMake package, pkg-config files. Everything finds
# the rest relative to itself, so the tree can be moved.
include(CMakePackageConfigHelpers)

install(FILES
  "${realm_sync_dir}/${realm_sync_file}"
  "${realm_sync_dir}/librealm_sync.so.${PROJECT_VERSION_MAJOR}"
  "${realm_sync_dir}/librealm_sync.so"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
install(FILES include/realm_sync.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY bindings/cpp/include/cpprealm DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(CPPREALM_SERVER)
  install(PROGRAMS "${PROJECT_BINARY_DIR}/bin/realm-sync-server" DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/cpprealm")
configure_package_config_file(cmake/cpprealm-config.cmake.in cpprealm-config.cmake
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
# While the major version is 0, a minor version may change what exists.
write_basic_package_version_file(cpprealm-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_SOURCE_DIR}/cmake/cpprealm-uv.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/cpprealm-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/cpprealm-config-version.cmake"
  DESTINATION "${package_dir}")

file(RELATIVE_PATH pc_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
foreach(name IN ITEMS realm_sync cpprealm)
  configure_file("cmake/${name}.pc.in" "${name}.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
