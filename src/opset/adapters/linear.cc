#include "opset/adapters/families.h"

/// Gemm.
namespace olivine::opset {
namespace {

// C broadcasts by itself.
void broadcast_up(Step& s) { s.node().remove("broadcast"); }

void bias_down(Step& s) {
  if (s.input(2) == nullptr) s.node().set_input(2, s.reals({0}, {1}, s.dtype(s.input(0))));
}

constexpr Adapter kAdapters[] = {
    same_up("Gemm", 6, "C broadcasts to the result in either version"),
    same_up("Gemm", 11, "C may be left out"),
    up("Gemm", 7, &broadcast_up, "C broadcasts by itself"),
    down("Gemm", 11, &bias_down, "a C that is left out becomes a zero"),
};

}  // namespace

std::span<const Adapter> linear_adapters() { return kAdapters; }

}  // namespace olivine::opset
