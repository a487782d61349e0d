#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace olivine::tensor {

/// A buffer for the time of one read. Each thread keeps its buffers for the next read: a block is too large for malloc
/// to hand out without fresh pages, and clearing those would cost more than filling them.
class Scratch {
 public:
  explicit Scratch(std::size_t size) {
    auto& spare = spare_buffers();
    if (!spare.empty()) {
      buffer_ = std::move(spare.back());
      spare.pop_back();
    }
    if (buffer_.capacity < size) buffer_ = {std::make_unique_for_overwrite<std::byte[]>(size), size};
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (buffer_.capacity <= kLargestKept) spare_buffers().push_back(std::move(buffer_));
  }

  std::byte* data() { return buffer_.bytes.get(); }

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t capacity = 0;
  };
  static constexpr std::size_t kLargestKept = std::size_t{1} << 20;

  static std::vector<Buffer>& spare_buffers() {
    thread_local std::vector<Buffer> buffers;
    return buffers;
  }

  Buffer buffer_;
};

}  // namespace olivine::tensor
