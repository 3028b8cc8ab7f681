# Target realm_sync: the shared library, with include/realm_sync.h. The library is Go; scripts/golib.sh builds it, and go
# itself knows what is up to date, so the command runs in every build.

set(realm_sync_file "librealm_sync.so.${PROJECT_VERSION}")
if(CPPREALM_PREBUILT_DIR)
  set(realm_sync_dir "${CPPREALM_PREBUILT_DIR}")
  if(NOT EXISTS "${realm_sync_dir}/${realm_sync_file}")
    message(FATAL_ERROR "CPPREALM_PREBUILT_DIR: there is no ${realm_sync_file} in ${realm_sync_dir}")
  endif()
else()
  set(realm_sync_dir "${PROJECT_BINARY_DIR}/lib")
  add_custom_target(realm_sync_build ALL
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/golib.sh" "${realm_sync_dir}"
    BYPRODUCTS "${realm_sync_dir}/${realm_sync_file}"
    COMMENT "Building librealm_sync (the first time takes a few minutes)"
    USES_TERMINAL VERBATIM)
endif()

add_library(realm_sync SHARED IMPORTED GLOBAL)
add_library(cpprealm::realm_sync ALIAS realm_sync)
set_target_properties(realm_sync PROPERTIES
  IMPORTED_LOCATION "${realm_sync_dir}/${realm_sync_file}"
  IMPORTED_SONAME "librealm_sync.so.${PROJECT_VERSION_MAJOR}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
if(TARGET realm_sync_build)
  add_dependencies(realm_sync realm_sync_build)
endif()
