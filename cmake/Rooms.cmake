# A room is a folder with one CMake target `sluice_<name>`; DEPS are the doors it may use
# (docs/architecture.md). tests/tidy fails on an include that goes through a closed door.

add_library(sluice_options INTERFACE)
target_include_directories(sluice_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_features(sluice_options INTERFACE cxx_std_20)
target_compile_options(sluice_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
  -fno-omit-frame-pointer -fstack-protector-strong>)
target_compile_definitions(sluice_options INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_link_options(sluice_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)
if(SLUICE_SANITIZE)
  # Instrumented code makes gcc 12 see overlaps and uninitialised reads that are not there: warnings stay warnings.
  target_compile_options(sluice_options INTERFACE -Wno-error -Wno-restrict)
  target_compile_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()

function(sluice_room name)
  cmake_parse_arguments(ROOM "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  if(sources)
    add_library(sluice_${name} STATIC ${sources})
    target_link_libraries(sluice_${name} PUBLIC sluice_options ${ROOM_DEPS})
  else()
    add_library(sluice_${name} INTERFACE)
    target_link_libraries(sluice_${name} INTERFACE sluice_options ${ROOM_DEPS})
  endif()
endfunction()

# One program from one main file.
function(sluice_program name main)
  cmake_parse_arguments(PROGRAM "" "" "DEPS" ${ARGN})
  add_executable(${name} ${main})
  if(SLUICE_SANITIZE)
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/sanitizer_options.cc)
  endif()
  target_link_libraries(${name} PRIVATE sluice_options ${PROGRAM_DEPS})
endfunction()
