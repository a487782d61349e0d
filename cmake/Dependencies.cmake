# Where each dependency comes from is told in docs/dependencies.md; scripts/setup brings them.
find_package(Threads REQUIRED)
# Debian's protobuf has no CMake package, which onnx's own config file asks for; its targets are enough.
find_package(Protobuf REQUIRED MODULE)
include("${OLIVINE_DEPS}/onnx/lib/cmake/ONNX/ONNXTargets.cmake")
find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(TBB REQUIRED COMPONENTS tbb tbbmalloc_proxy)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(MINIZIP REQUIRED IMPORTED_TARGET minizip)
find_package(ZLIB REQUIRED)
find_path(PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
find_path(ORT_INCLUDE onnxruntime_cxx_api.h PATHS "${OLIVINE_DEPS}/ort/usr/include/onnxruntime" REQUIRED NO_DEFAULT_PATH)

add_library(ort_headers INTERFACE)
target_include_directories(ort_headers SYSTEM INTERFACE "${ORT_INCLUDE}")
# The library is loaded at run time, so that a user's own build of ONNX Runtime serves.
target_compile_definitions(ort_headers INTERFACE ORT_API_MANUAL_INIT)

if(OLIVINE_TESTS)
  find_package(GTest REQUIRED)
  enable_testing()
endif()
