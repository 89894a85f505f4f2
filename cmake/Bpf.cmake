# sluice_bpf_skeleton(<target> <object> sources...): compiles BPF C programs, links them into one object and
# generates the libbpf skeleton header "bpf/<object>.skel.h".
function(sluice_bpf_skeleton target object)
  set(objects)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/*.h)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/bpf)
  foreach(source ${ARGN})
    set(out ${CMAKE_BINARY_DIR}/bpf/${source}.o)
    add_custom_command(
      OUTPUT ${out}
      COMMAND ${CLANG_BPF} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter
              -Wno-address-of-packed-member -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
              -D__TARGET_ARCH_x86 -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${out}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${headers}
      COMMENT "bpf ${source}")
    list(APPEND objects ${out})
  endforeach()
  set(linked ${CMAKE_BINARY_DIR}/bpf/${object}.o)
  set(skeleton ${CMAKE_BINARY_DIR}/bpf/${object}.skel.h)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen object ${linked} ${objects}
    COMMAND ${BPFTOOL} gen skeleton ${linked} name ${object} > ${skeleton}
    DEPENDS ${objects}
    COMMENT "skeleton ${object}")
  add_custom_target(${target}_generate DEPENDS ${skeleton})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_generate)
  target_include_directories(${target} INTERFACE ${CMAKE_BINARY_DIR})
  target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
