#include "writer/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace olivine::writer {
namespace {

/// Large tensors begin with a page so that a runtime can map them, as ONNX recommends; others with a cache line.
constexpr std::uint64_t kLargeTensor = std::uint64_t{1} << 20;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kCacheLine = 64;

std::uint64_t aligned_up(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

bool is_plain_file_name(const std::string& name) {
  constexpr std::size_t kLongest = 255;
  return !name.empty() && name != "." && name != ".." && name.size() <= kLongest &&
         name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

/// What makes two tensors the same bytes without reading them.
using Identity = std::tuple<const void*, std::uint64_t, std::uint64_t>;

Identity identity_of(const tensor::Tensor& tensor) {
  if (const tensor::FileSlice* slice = tensor.source()->file_slice()) {
    return {slice->file.get(), slice->offset, slice->bytes};
  }
  // A source has one number of elements, whatever dims and type they are seen with.
  return {tensor.source().get(), 0, tensor.byte_size()};
}

/// Names for one file a tensor: safe on every file system, and no two alike in any letter case.
class FileNames {
 public:
  explicit FileNames(const std::string& model_name) { taken_.insert(lowered(model_name)); }

  std::string unique(std::string_view tensor_name) {
    const std::string wanted = safe(tensor_name);
    std::string name = wanted;
    for (std::size_t i = 1; !taken_.insert(lowered(name)).second; ++i) name = fmt::format("{}_{}", wanted, i);
    return name;
  }

 private:
  static std::string safe(std::string_view tensor_name) {
    constexpr std::size_t kLongest = 200;
    std::string name(tensor_name.substr(0, kLongest));
    std::replace_if(
        name.begin(), name.end(),
        [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-'; }, '_');
    if (name.empty() || name.front() == '.') name.insert(0, "tensor");
    // The endings of the files that stand beside a model.
    if (name.ends_with(".json") || name.ends_with(".onnx")) name += ".data";
    return name;
  }

  static std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }

  std::set<std::string> taken_;
};

/// Collects the tensors that leave the model file.
class ExternalPlacement {
 public:
  ExternalPlacement(const std::string& model_name, const ExternalDataOptions& options)
      : options_(options), names_(model_name) {
    if (!options.all_tensors_to_one_file) return;
    data_name_ = options.external_data_name.empty() ? model_name + ".data" : options.external_data_name;
  }

  std::optional<onnx::ExternalData> place(const tensor::Tensor& tensor, std::string_view name, onnx::TensorRole role) {
    if (role == onnx::TensorRole::sparse || (role == onnx::TensorRole::attribute && !options_.convert_attribute) ||
        tensor.byte_size() < static_cast<std::uint64_t>(options_.size_threshold)) {
      return std::nullopt;
    }
    const auto [entry, is_new] = placed_.try_emplace(identity_of(tensor));
    if (is_new) entry->second = add(tensor, name);
    return entry->second;
  }

  std::vector<PlannedFile> take_files() { return std::move(files_); }

 private:
  onnx::ExternalData add(const tensor::Tensor& tensor, std::string_view name) {
    if (files_.empty() || !options_.all_tensors_to_one_file) {
      files_.push_back({options_.all_tensors_to_one_file ? data_name_ : names_.unique(name), {}, 0});
    }
    PlannedFile& file = files_.back();
    const std::uint64_t offset = aligned_up(file.bytes, tensor.byte_size() >= kLargeTensor ? kPage : kCacheLine);
    file.pieces.push_back({offset, tensor});
    file.bytes = offset + tensor.byte_size();
    return {file.name, offset, tensor.byte_size()};
  }

  const ExternalDataOptions& options_;
  FileNames names_;
  std::string data_name_;
  std::vector<PlannedFile> files_;
  std::map<Identity, onnx::ExternalData> placed_;
};

void check_options(const std::string& model_name, const ExternalDataOptions& options) {
  const std::string& name = options.external_data_name;
  if (!name.empty() && !is_plain_file_name(name)) {
    throw Error(ErrorCode::config, fmt::format("external_data_name is '{}', not a plain file name", name))
        .remedy("give a name without a folder: the data lies beside the model");
  }
  if (name == model_name) {
    throw Error(ErrorCode::config, fmt::format("external_data_name is '{}', the model's own file name", name));
  }
  if (options.size_threshold < 0) {
    throw Error(ErrorCode::config, fmt::format("size_threshold is {}, below 0", options.size_threshold));
  }
}

/// The model's file first, then what `options` move out of it.
std::vector<PlannedFile> plan_files(const ir::Model& model, const std::string& model_name,
                                    const ExternalDataOptions& options) {
  ExternalPlacement placement(model_name, options);
  onnx::Serialized serialized =
      options.save_as_external_data
          ? onnx::serialize(
                model, [&](const auto& tensor, auto name, auto role) { return placement.place(tensor, name, role); })
          : onnx::serialize(model);
  PlannedFile file{model_name, {}, 0};
  for (onnx::Piece& piece : serialized.pieces) {
    const std::uint64_t bytes = size_of(piece);
    if (bytes > 0) file.pieces.push_back({file.bytes, std::move(piece)});
    file.bytes += bytes;
  }
  std::vector<PlannedFile> files = placement.take_files();
  files.insert(files.begin(), std::move(file));
  return files;
}

}  // namespace

std::uint64_t size_of(const onnx::Piece& piece) {
  if (const auto* text = std::get_if<std::string>(&piece)) return text->size();
  return std::get<tensor::Tensor>(piece).byte_size();
}

Plan make_plan(const ir::Model& model, const std::string& model_name, const ExternalDataOptions& options,
               std::uint64_t largest) {
  check_options(model_name, options);
  Plan plan{plan_files(model, model_name, options), {}};
  if (plan.files.front().bytes <= largest) return plan;

  const std::uint64_t inline_bytes = plan.files.front().bytes;
  ExternalDataOptions wider = options;
  wider.save_as_external_data = true;
  wider.size_threshold = std::min<std::int64_t>(options.size_threshold, ExternalDataOptions{}.size_threshold);
  for (const bool with_attributes : {options.convert_attribute, true}) {
    wider.convert_attribute = with_attributes;
    plan.files = plan_files(model, model_name, wider);
    if (plan.files.front().bytes > largest) continue;
    plan.notices.push_back(fmt::format(
        "{} would have {} bytes, more than protobuf's 2 GB; its tensors of {} bytes and more{} went to {}", model_name,
        inline_bytes, wider.size_threshold, with_attributes ? ", those of attributes included," : "",
        wider.all_tensors_to_one_file ? plan.files.at(1).name : "files of their own"));
    return plan;
  }
  throw Error(ErrorCode::conversion, fmt::format("{} has {} bytes without the tensors that can leave it, more than "
                                                 "protobuf's 2 GB",
                                                 model_name, plan.files.front().bytes));
}

}  // namespace olivine::writer
