#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/threads.h"
#include "onnx/onnx.h"
#include "writer/writer.h"

/// Usage: writer_bench MODEL.onnx OUTPUT_FOLDER [THREADS]. Times the writing of a model as it is, with float weights as
/// float16, and with those of two dimensions transposed too; prints the peak of resident memory.
namespace {

namespace fs = std::filesystem;
using namespace olivine;
using Change = std::function<tensor::Tensor(const tensor::Tensor&)>;

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const std::string& what, const fs::path& input, const fs::path& output, const Change& change) {
  double best = 1e9;
  double processor = 1e9;
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(output);
    const auto start = std::chrono::steady_clock::now();
    const double processor_start = processor_seconds();
    const ir::Model model = onnx::read_model(input);
    for (ir::Value* value : model.graph->initializers()) {
      if (value->initializer()->dtype() == DataType::float32) value->set_initializer(change(*value->initializer()));
    }
    writer::write_folder(model, output, {}, {});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    processor = std::min(processor, processor_seconds() - processor_start);
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{:<24}{:>8.3f} s wall {:>8.3f} s processor {:>6} MB peak\n", what, best, processor,
             usage.ru_maxrss / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return EXIT_FAILURE;
  if (argc > 3) set_thread_count(static_cast<std::size_t>(std::atoi(argv[3])));
  try {
    measure("as it is", argv[1], argv[2], [](const tensor::Tensor& tensor) { return tensor; });
    measure("as float16", argv[1], argv[2],
            [](const tensor::Tensor& tensor) { return tensor::cast(tensor, DataType::float16); });
    measure("transposed, as float16", argv[1], argv[2], [](const tensor::Tensor& tensor) {
      const bool matrix = tensor.dims().size() == 2;
      return tensor::cast(matrix ? tensor::transpose(tensor, {1, 0}) : tensor, DataType::float16);
    });
  } catch (const Error& error) {
    fmt::print("{}\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
