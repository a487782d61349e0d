#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "kernels/convert.h"
#include "passes/support/mixed/ports.h"
#include "runtime/taps.h"

namespace olivine::passes::mixed {

/// What was seen of the tensors that passed one place, over all passes.
struct Seen {
  std::uint64_t elements = 0;
  std::uint64_t passes = 0;
  double largest = 0;             ///< magnitude of the finite ones
  double squares = 0;             ///< sum of squares of those that the narrow type holds
  std::uint64_t not_finite = 0;   ///< infinities and NaN
  std::uint64_t overflows = 0;    ///< finite ones that the narrow type turns into infinities
  std::uint64_t underflows = 0;   ///< nonzero ones that it holds with less than three digits, or not at all
  double rounding_squares = 0;    ///< of the errors of rounding
  double twin_squares = 0;        ///< of the differences between a node's result and its twin's
  std::uint64_t twin_breaks = 0;  ///< elements of the twin that aren't finite where the narrow type holds the node's

  /// Relative mean square errors, of the elements that the narrow type holds.
  double rounding() const;
  double twin() const;
};

/// What became of a place in a trial, judged by a sample of its elements.
struct Strayed {
  double squares = 0;  ///< of the true elements
  double errors = 0;   ///< of the differences
  std::uint64_t broken = 0;

  double error() const;  ///< relative mean square; 1 at most
};

/// Watches the taps of an instrumented model.
class Watch : public runtime::TapWatcher {
 public:
  enum class Mode {
    observe,  ///< tensors pass as they are; what is seen is added up, a sample is kept
    compare,  ///< the same with twins: taps beyond the places round
    attempt,  ///< tensors of narrow places are rounded; samples are compared
  };

  /// Activations are rounded as Cast does, constants as they are stored, with `limits`. The places must outlive it.
  Watch(DataType target, const std::vector<Place>& places, const kernels::ConvertOptions& limits);

  void start(Mode mode);
  /// For attempts: what is rounded. For twins: which of the taps beyond the places constants pass.
  void set_narrow(std::vector<bool> narrow) { narrow_ = std::move(narrow); }
  void expect_twin_inputs(std::vector<bool> constants) {
    twin_inputs_.assign(constants.size(), {});
    twin_constants_ = std::move(constants);
  }

  const std::vector<Seen>& seen() const { return seen_; }
  const std::vector<Seen>& twin_inputs() const { return twin_inputs_; }
  const std::vector<Strayed>& strayed() const { return strayed_; }

  void pass(std::int64_t id, std::span<const float> in, std::span<const float> second, std::span<float> out) override;
  std::vector<std::int64_t> dims(std::int64_t id) override;
  void give(std::int64_t id, std::span<float> out) override;

 private:
  void observe(Seen& seen, std::span<const float> in, std::span<const float> second, bool constant,
               std::span<float> rounded) const;
  void round(std::span<const float> in, std::span<float> out, bool constant) const;
  void keep_sample(std::size_t place, std::span<const float> in);
  void judge(std::size_t place, std::span<const float> in);

  DataType target_;
  const std::vector<Place>& places_;
  kernels::ConvertOptions limits_;
  Mode mode_ = Mode::observe;
  std::vector<bool> narrow_;
  std::vector<Seen> seen_;
  std::vector<Seen> twin_inputs_;
  std::vector<bool> twin_constants_;
  std::vector<std::vector<float>> samples_;
  std::vector<Strayed> strayed_;
  std::vector<std::size_t> judged_;  ///< elements of the sample that an attempt has come to
};

}  // namespace olivine::passes::mixed
