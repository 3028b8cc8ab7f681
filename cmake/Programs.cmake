# The programs of this repository: every .cpp or .c file of these folders is one, named after the file.
#
#   examples/cpp/NAME.cpp   bin/examples/NAME
#   examples/c/NAME.c       bin/examples/NAME_c
#   tests/cpp/NAME.cpp      bin/tests/NAME    a ctest; sync_*.cpp run with a development server, as NAME URL APP_ID
#   bench/NAME.cpp          bin/bench/NAME
#
# Headers that they share lie beside them (*.hpp, *.h).

add_library(cpprealm_program_options INTERFACE)
target_compile_options(cpprealm_program_options INTERFACE -Wall -Wextra -Wpedantic)
if(CPPREALM_SANITIZE)
  target_compile_options(cpprealm_program_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1)
  target_link_options(cpprealm_program_options INTERFACE -fsanitize=address,undefined)
endif()

# cpprealm_programs(<kind> <suffix> <source>...) makes one program of each source; their targets are in ${kind}_programs.
function(cpprealm_programs kind suffix)
  set(targets)
  foreach(source IN LISTS ARGN)
    get_filename_component(name "${source}" NAME_WE)
    get_filename_component(extension "${source}" EXT)
    set(target "${kind}_${name}${suffix}")
    add_executable(${target} "${source}")
    set_target_properties(${target} PROPERTIES
      OUTPUT_NAME "${name}${suffix}"
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/${kind}"
      C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
      CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    if(extension STREQUAL ".c")
      target_link_libraries(${target} PRIVATE realm_sync cpprealm_program_options)
      # A C program sees what POSIX offers beside C99: getenv, mkdtemp, nanosleep.
      target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    else()
      target_link_libraries(${target} PRIVATE cpprealm cpprealm_program_options)
    endif()
    list(APPEND targets ${target})
  endforeach()
  set(${kind}_programs ${${kind}_programs} ${targets} PARENT_SCOPE)
endfunction()

if(CPPREALM_EXAMPLES)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/cpp/*.cpp")
  cpprealm_programs(examples "" ${sources})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/c/*.c")
  cpprealm_programs(examples "_c" ${sources})
endif()

if(CPPREALM_TESTS)
  enable_testing()
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/*.cpp")
  cpprealm_programs(tests "" ${sources})
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/*.c")
  cpprealm_programs(tests "_c" ${sources})
  foreach(target IN LISTS tests_programs)
    string(REGEX REPLACE "^tests_" "" name "${target}")
    if(name MATCHES "^sync_")
      add_test(NAME ${name} COMMAND "${PROJECT_SOURCE_DIR}/scripts/with-server.sh" "$<TARGET_FILE:${target}>")
    else()
      add_test(NAME ${name} COMMAND "$<TARGET_FILE:${target}>")
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endforeach()
endif()

if(CPPREALM_BENCHMARKS AND NOT CPPREALM_SANITIZE)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/bench/*.cpp")
  cpprealm_programs(bench "" ${sources})
endif()
