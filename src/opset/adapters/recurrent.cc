#include "opset/adapters/families.h"

/// RNN, GRU and LSTM.
namespace olivine::opset {
namespace {

constexpr std::size_t kInput = 0;
constexpr std::size_t kInitialH = 5;
constexpr std::size_t kInitialC = 6;

// With layout=1 the batch comes first in the input, the states and the results: it is brought to where layout=0 has it.
void layout_down(Step& s) {
  const bool batch_first = s.integer("layout") == 1;
  s.node().remove("layout");
  if (!batch_first) return;
  const Ints swapped = {1, 0, 2};
  Values inputs(s.node().inputs().begin(), s.node().inputs().end());
  for (const std::size_t index : {kInput, kInitialH, kInitialC}) {
    if (index < inputs.size() && inputs[index] != nullptr) inputs[index] = s.transpose(inputs[index], swapped);
  }
  const Values made = s.emit_same(inputs);
  Values results(made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (s.used_output(i) == nullptr) continue;
    results[i] = i == 0 ? s.transpose(made[0], {2, 0, 1, 3}) : s.transpose(made[i], swapped);
  }
  s.replace(results);
}

// Whether all steps are put out is said by the outputs that there are.
void output_sequence_up(Step& s) { s.node().remove("output_sequence"); }

// The default of the oldest version was misspelled.
void direction_up(Step& s) {
  if (s.string("direction") == "foward") s.node().remove("direction");
}

constexpr std::string_view kLayoutDown = "with the batch first, inputs and results are transposed";
constexpr std::string_view kSequence = "output_sequence said what the outputs say themselves";

constexpr Adapter kAdapters[] = {
    up("GRU", 3, &direction_up, "the default direction was misspelled"),
    up("RNN", 7, &output_sequence_up, kSequence),
    up("GRU", 7, &output_sequence_up, kSequence),
    up("LSTM", 7, &output_sequence_up, kSequence),
    down("RNN", 14, &layout_down, kLayoutDown),
    down("GRU", 14, &layout_down, kLayoutDown),
    down("LSTM", 14, &layout_down, kLayoutDown),
};

}  // namespace

std::span<const Adapter> recurrent_adapters() { return kAdapters; }

}  // namespace olivine::opset
