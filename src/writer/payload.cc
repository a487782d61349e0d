#include "writer/payload.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "base/file.h"
#include "base/threads.h"

namespace olivine::writer {
namespace {

/// Pieces up to a block are put together in memory, so that a graph of many small ones is few writes.
constexpr std::uint64_t kBlock = std::uint64_t{512} << 10;
/// What the kernel copies at a time, between two looks at the cancel flag.
constexpr std::uint64_t kCopy = std::uint64_t{8} << 20;
/// Files open at once: well below the usual limit of 1024.
constexpr std::size_t kOpenFiles = 256;

/// Elements [first, first + count) of a tensor, or bytes of anything else; or several whole small pieces.
struct Task {
  std::size_t file;
  std::size_t piece;
  std::size_t pieces;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Tells the caller of the writing how far it is: at most some two hundred times, and never from two threads at once.
class ProgressMeter {
 public:
  ProgressMeter(const Progress& progress, std::uint64_t total)
      : progress_(progress), total_(total), step_(std::max<std::uint64_t>(total / 200, 1)) {}

  void add(std::uint64_t bytes) {
    const std::uint64_t done = done_ += bytes;
    if (!progress_ || (done / step_ == (done - bytes) / step_ && done != total_)) return;
    const std::lock_guard lock(mutex_);
    // A thread that waited here may come with an older figure.
    if (done <= shown_) return;
    shown_ = done;
    progress_(done, total_);
  }

 private:
  const Progress& progress_;
  std::uint64_t total_;
  std::uint64_t step_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  std::uint64_t shown_ = 0;
};

/// A buffer that each thread keeps; blocks of transpositions are larger, and short-lived.
class Buffer {
 public:
  explicit Buffer(std::uint64_t bytes) {
    thread_local std::unique_ptr<std::byte[]> kept;
    if (bytes > kBlock) {
      own_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      data_ = own_.get();
      return;
    }
    if (kept == nullptr) kept = std::make_unique_for_overwrite<std::byte[]>(kBlock);
    data_ = kept.get();
  }
  std::byte* data() { return data_; }

 private:
  std::unique_ptr<std::byte[]> own_;
  std::byte* data_;
};

/// One batch of files, open together.
class Batch {
 public:
  Batch(const std::filesystem::path& folder, std::span<const PlannedFile> files, ProgressMeter& meter)
      : files_(files), meter_(meter) {
    for (const PlannedFile& file : files_) open_.push_back(File::create(folder / file.name));
    for (std::size_t file = 0; file < files_.size(); ++file) add_tasks(file);
  }

  void write() {
    parallel_for(tasks_.size(), [this](std::size_t i) {
      throw_if_cancelled();
      run(tasks_[i]);
    });
    for (File& file : open_) file.close();
  }

 private:
  void add_tasks(std::size_t file) {
    const auto& pieces = files_[file].pieces;
    for (std::size_t i = 0; i < pieces.size();) {
      const std::size_t together = small_run(pieces, i);
      if (together > 0) {
        tasks_.push_back({file, i, together});
        i += together;
      } else {
        split(file, i++);
      }
    }
  }

  /// Pieces from `first` on that fit into a block, gaps included; none if the first doesn't.
  static std::size_t small_run(const std::vector<PlannedPiece>& pieces, std::size_t first) {
    std::size_t end = first;
    while (end < pieces.size() && pieces[end].offset + size_of(pieces[end].piece) - pieces[first].offset <= kBlock)
      ++end;
    return end - first;
  }

  void split(std::size_t file, std::size_t piece) {
    const onnx::Piece& whole = files_[file].pieces[piece].piece;
    const auto* const tensor = std::get_if<tensor::Tensor>(&whole);
    const bool by_bytes = tensor == nullptr || tensor->source()->file_slice() != nullptr;
    const std::uint64_t end = by_bytes ? size_of(whole) : tensor->element_count();
    const std::uint64_t step = by_bytes ? kCopy : tensor->block();
    for (std::uint64_t first = 0; first < end; first += step) {
      tasks_.push_back({file, piece, 1, first, std::min(step, end - first)});
    }
  }

  void run(const Task& task) {
    if (task.count == 0) return write_small_pieces(task);
    const PlannedPiece& planned = files_[task.file].pieces[task.piece];
    const File& out = open_[task.file];
    if (const auto* text = std::get_if<std::string>(&planned.piece)) {
      out.write_at(planned.offset + task.first, std::as_bytes(std::span(*text)).subspan(task.first, task.count));
      return meter_.add(task.count);
    }
    const auto& tensor = std::get<tensor::Tensor>(planned.piece);
    if (const tensor::FileSlice* slice = tensor.source()->file_slice()) {
      out.copy_from(slice->file->file(), slice->offset + task.first, planned.offset + task.first, task.count);
      return meter_.add(task.count);
    }
    const std::uint64_t bytes = *packed_bytes(tensor.dtype(), task.count);
    Buffer buffer(bytes);
    tensor.read(task.first, task.count, buffer.data());
    out.write_at(planned.offset + *packed_bytes(tensor.dtype(), task.first), {buffer.data(), bytes});
    meter_.add(bytes);
  }

  void write_small_pieces(const Task& task) {
    const auto pieces = std::span(files_[task.file].pieces).subspan(task.piece, task.pieces);
    const std::uint64_t start = pieces.front().offset;
    const std::uint64_t bytes = pieces.back().offset + size_of(pieces.back().piece) - start;
    Buffer buffer(bytes);
    std::uint64_t at = 0;
    for (const PlannedPiece& planned : pieces) {
      std::memset(buffer.data() + at, 0, planned.offset - start - at);
      at = planned.offset - start;
      if (const auto* text = std::get_if<std::string>(&planned.piece)) {
        std::memcpy(buffer.data() + at, text->data(), text->size());
      } else {
        const auto& tensor = std::get<tensor::Tensor>(planned.piece);
        tensor.read(0, tensor.element_count(), buffer.data() + at);
      }
      at += size_of(planned.piece);
    }
    open_[task.file].write_at(start, {buffer.data(), bytes});
    meter_.add(bytes);
  }

  std::span<const PlannedFile> files_;
  ProgressMeter& meter_;
  std::vector<File> open_;
  std::vector<Task> tasks_;
};

}  // namespace

void write_files(const std::filesystem::path& folder, std::span<const PlannedFile> files, const Progress& progress) {
  std::uint64_t total = 0;
  for (const PlannedFile& file : files) total += file.bytes;
  ProgressMeter meter(progress, total);
  for (std::size_t first = 0; first < files.size(); first += kOpenFiles) {
    Batch(folder, files.subspan(first, std::min(kOpenFiles, files.size() - first)), meter).write();
  }
}

}  // namespace olivine::writer
