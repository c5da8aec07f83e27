# hearth_library, hearth_test: how a folder of src/ becomes a target.
#
#   hearth_library(tensor SOURCES dtype.cc DEPENDS base)      -> target hearth_tensor
#   hearth_test(tensor SOURCES dtype_test.cc [DEPENDS …])     -> test program tensor_test, one ctest entry
#                                                                a test case, label "fast"
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(Threads REQUIRED)
option(HEARTH_TESTS "Build the tests (needs GoogleTest)" ON)
if(HEARTH_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

add_library(hearth_options INTERFACE)
target_include_directories(hearth_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# No contraction: a multiply and an add are two roundings unless the source says fma, so every ISA
# and both compilers give the same bytes (docs/architecture.md, "The same bytes").
target_compile_options(hearth_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -ffp-contract=off)
# A user's build must not fail over what another compiler's optimizer thinks.
option(HEARTH_WARNINGS_ARE_ERRORS "Fail at a warning" ON)
if(HEARTH_WARNINGS_ARE_ERRORS)
  target_compile_options(hearth_options INTERFACE -Werror)
endif()
target_link_libraries(hearth_options INTERFACE Threads::Threads)

function(hearth_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  add_library(hearth_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(hearth_${name} PRIVATE hearth_options)
  target_link_libraries(hearth_${name} PUBLIC Threads::Threads ${ARG_LIBRARIES})
  target_include_directories(hearth_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  foreach(dep ${ARG_DEPENDS})
    target_link_libraries(hearth_${name} PUBLIC hearth_${dep})
  endforeach()
endfunction()

# LABEL: "fast" (also run under the sanitizers), "slow", or "real" (needs the fetched model). Without
# HEARTH_TESTS (a user's build) there are no tests.
function(hearth_test name)
  if(NOT HEARTH_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL fast)
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE hearth_options GTest::gtest_main ${ARG_LIBRARIES})
  foreach(dep ${ARG_DEPENDS})
    target_link_libraries(${name}_test PRIVATE hearth_${dep})
  endforeach()
  target_compile_definitions(${name}_test PRIVATE HEARTH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 300)
endfunction()
