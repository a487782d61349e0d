#include <fmt/format.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/console.h"
#include "onnx/onnx.h"
#include "torch/lower.h"
#include "writer/writer.h"

namespace olivine::cli {
namespace {

struct State {
  std::string model;
  std::string output;
  std::int64_t opset = 20;
};

int run(const State& state, Console& console) {
  const torch::Program program = torch::read_program(state.model);
  torch::LowerOptions options;
  options.target_opset = state.opset;
  const torch::Lowered lowered = with_place(state.model, [&] { return torch::lower(program, options); });
  for (const std::string& notice : lowered.notices) console.print_error("note: " + notice + "\n");
  onnx::check_model(lowered.model);
  writer::write_file(lowered.model, state.output, {});
  return 0;
}

Action declare_convert(CLI::App& app, Console& console, const Arguments& /*arguments*/) {
  auto state = std::make_shared<State>();
  app.description("Converts an exported PyTorch program (.pt2) to ONNX. No Python is needed.");
  app.add_option("model", state->model, "The program, as torch.export.save writes it.")->required();
  app.add_option("-o,--output", state->output, "The .onnx file to write.")->required();
  app.add_option("--opset", state->opset, "The opset of ai.onnx.")->capture_default_str();
  return [state, &console] { return run(*state, console); };
}

}  // namespace

extern const Command kConvert = {"convert", "Convert an exported PyTorch program (.pt2) to ONNX.",
                                 "MODEL.pt2 -o MODEL.onnx [options]", false, declare_convert};

}  // namespace olivine::cli
