# The programs of this repository: every .cpp or .c file of these folders is one, named after the file.
#
#   examples/cpp/NAME.cpp   bin/examples/NAME
#   examples/cpp/live_updates.cpp   only where libuv is installed
#   examples/c/NAME.c       bin/examples/NAME_c
#   tests/cpp/NAME.cpp      bin/tests/NAME    a ctest; sync_*.cpp run with a development server, as NAME URL APP_ID
#   tests/cpp/NAME.c        bin/tests/NAME_c  the same in C
#   tests/cpp/NAME/*.cpp    bin/tests/NAME    one ctest of several translation units, with a main.cpp
#   tests/cpp/original/     headers of Realm Core that realm-cpp's own tests include
#   tests/cpp/with_uv/      the test of what needs libuv, where that is installed
#
# Headers that they share lie beside them (*.hpp, *.h).

add_library(cpprealm_program_options INTERFACE)
target_compile_options(cpprealm_program_options INTERFACE -Wall -Wextra -Wpedantic)
if(CPPREALM_SANITIZE STREQUAL "thread")
  set(sanitizers thread)
else()
  # What is left out of UBSan would make up a quarter of the time to compile; AddressSanitizer finds most of it.
  set(sanitizers address,undefined -fno-sanitize=null,alignment,object-size,vptr)
endif()
if(CPPREALM_SANITIZE)
  target_compile_options(cpprealm_program_options INTERFACE
    -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O0
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)# GCC's, of std::variant: only wrong with sanitizers
  target_link_options(cpprealm_program_options INTERFACE -fsanitize=${sanitizers})
endif()

# cpprealm_program(<kind> <name> <source>...) makes bin/<kind>/<name> of the sources.
function(cpprealm_program kind name)
  set(target "${kind}_${name}")
  add_executable(${target} ${ARGN})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME "${name}"
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin/${kind}"
    C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  list(GET ARGN 0 first)
  if(first MATCHES "\\.c$")
    target_link_libraries(${target} PRIVATE realm_sync cpprealm_program_options)
    # A C program sees what POSIX offers beside C99: getenv, mkdtemp, nanosleep.
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  else()
    # Tests without libuv, whose default loop they would have to run; tests/cpp/with_uv has it from cpprealm, like users' programs.
    if(kind STREQUAL "tests" AND NOT name STREQUAL "uv_scheduler")
      target_link_libraries(${target} PRIVATE cpprealm_headers cpprealm_program_options)
    else()
      target_link_libraries(${target} PRIVATE cpprealm cpprealm_program_options)
    endif()
  endif()
  if(kind STREQUAL "tests")
    if(NOT CPPREALM_SANITIZE)
      target_compile_options(${target} PRIVATE -O1)# examples have the build's own; a test takes a third less time to compile
    endif()
    if(name MATCHES "^sync_")
      add_test(NAME ${name} COMMAND "${PROJECT_SOURCE_DIR}/scripts/with-server.sh" "$<TARGET_FILE:${target}>")
    else()
      add_test(NAME ${name} COMMAND "$<TARGET_FILE:${target}>")
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()

# cpprealm_programs(<kind> <suffix> <source>...) makes one program of each source.
function(cpprealm_programs kind suffix)
  foreach(source IN LISTS ARGN)
    get_filename_component(name "${source}" NAME_WE)
    cpprealm_program(${kind} "${name}${suffix}" "${source}")
  endforeach()
endfunction()

get_target_property(definitions cpprealm INTERFACE_COMPILE_DEFINITIONS)
if(definitions MATCHES "REALM_HAVE_UV")
  set(have_uv ON)
else()
  set(have_uv OFF)
endif()

if(CPPREALM_EXAMPLES)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/cpp/*.cpp")
  if(NOT have_uv)
    list(FILTER sources EXCLUDE REGEX "/live_updates\\.cpp$")
  endif()
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
  file(GLOB mains CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/cpp/*/main.cpp")
  foreach(main IN LISTS mains)
    get_filename_component(folder "${main}" DIRECTORY)
    get_filename_component(name "${folder}" NAME)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cpp")
    cpprealm_program(tests "${name}" ${sources})
  endforeach()

  # A class of every type is mostly templates: what is optimized there costs more than it saves.
  set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/cpp/surface.cpp" PROPERTIES COMPILE_OPTIONS -O0)

  # The same again in an app of strict rules.
  add_test(NAME sync_collections_strict
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/with-server.sh" "$<TARGET_FILE:tests_sync_collections>")
  set_tests_properties(sync_collections_strict PROPERTIES TIMEOUT 600 ENVIRONMENT "REALM_RULES=strict")

  # What the headers record, compared with what realm-cpp records: tests/localwrites makes one program of all lines of the vectors, and checks
  # the files that it leaves. The vectors are looked for from core/realm, which has a copy. It needs Go, which is there where the library is built, and for our own sanitized builds.
  if(NOT CPPREALM_PREBUILT_DIR OR CPPREALM_SANITIZE)
    set(tool "${PROJECT_BINARY_DIR}/bin/localwrites")
    set(source "${PROJECT_BINARY_DIR}/generated/local_writes.cpp")
    add_custom_target(local_writes_source
      COMMAND "${PROJECT_SOURCE_DIR}/scripts/gotool.sh" ./tests/localwrites "${tool}"
      COMMAND "${tool}" generate "${source}"
      WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/core/realm"
      BYPRODUCTS "${source}"
      COMMENT "Making a program of the vectors of local writes"
      USES_TERMINAL VERBATIM)
    if(TARGET realm_sync_build)
      add_dependencies(local_writes_source realm_sync_build)# one go build at a time
    endif()
    add_executable(local_writes "${source}")
    add_dependencies(local_writes local_writes_source)
    set_target_properties(local_writes PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin"
      CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_compile_options(local_writes PRIVATE -O0)
    target_link_libraries(local_writes PRIVATE cpprealm_headers cpprealm_program_options)
    add_test(NAME local_writes COMMAND "${tool}" check "${source}" "$<TARGET_FILE:local_writes>" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}/core/realm")
    # It ends while its devices wait for a server, and what waits is in the memory of Go, where LeakSanitizer doesn't look.
    set_tests_properties(local_writes PROPERTIES TIMEOUT 600 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
  endif()

  if(have_uv)
    cpprealm_program(tests uv_scheduler "${PROJECT_SOURCE_DIR}/tests/cpp/with_uv/uv_scheduler.cpp")
  endif()
endif()
