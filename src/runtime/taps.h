#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Nodes that let a tensor pass while somebody looks at it, and may change it: how a model is watched, and how a
/// narrower type is tried on it, while ONNX Runtime runs it. They work in subgraphs and functions' bodies as well.
namespace olivine::runtime {

inline constexpr std::string_view kTapDomain = "ai.olivine.taps";

/// A node of domain `kTapDomain` with this name takes a float32 tensor and, at will, a second one of the same shape; it
/// gives a tensor like the first. Its integer attribute `id` tells the watcher which one it is.
inline constexpr std::string_view kTap = "Tap";

/// A node of that domain with this name gives a float32 tensor that the watcher has, asked by `id`: a weight that ONNX
/// Runtime needn't hold. It may take a float32 tensor that it doesn't look at, so as not to run before that is there:
/// ONNX Runtime runs what takes nothing first of all.
inline constexpr std::string_view kSpring = "Spring";

/// Who looks at what passes the taps of a session.
class TapWatcher {
 public:
  virtual ~TapWatcher() = default;

  /// Called whenever a tensor passes, by one thread of the session at a time. `out` has as many elements as `in` and is
  /// to be filled; it may be the same memory. `second` is empty where the node has no second input.
  virtual void pass(std::int64_t id, std::span<const float> in, std::span<const float> second,
                    std::span<float> out) = 0;

  /// The shape of what a spring gives, and its elements, whenever it is asked for them.
  virtual std::vector<std::int64_t> dims(std::int64_t id) = 0;
  virtual void give(std::int64_t id, std::span<float> out) = 0;
};

}  // namespace olivine::runtime
