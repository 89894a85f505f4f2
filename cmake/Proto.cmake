# sluice_proto(<target> files...): C++ for .proto files; include as "api/<file>.pb.h".
function(sluice_proto target)
  set(generated)
  foreach(file ${ARGN})
    get_filename_component(stem ${file} NAME_WE)
    set(out ${CMAKE_BINARY_DIR}/api/${stem}.pb)
    add_custom_command(
      OUTPUT ${out}.cc ${out}.h
      COMMAND protobuf::protoc --cpp_out=${CMAKE_BINARY_DIR} -I${CMAKE_SOURCE_DIR} api/${file}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      DEPENDS ${CMAKE_SOURCE_DIR}/api/${file}
      COMMENT "protoc api/${file}")
    list(APPEND generated ${out}.cc)
  endforeach()
  add_library(${target} STATIC ${generated})
  target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR})
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf-lite)
  if(SLUICE_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SLUICE_SANITIZE})
  endif()
endfunction()
