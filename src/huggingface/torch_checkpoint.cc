#include "huggingface/torch_checkpoint.h"

#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "huggingface/pickle.h"
#include "torch/archive.h"
#include "torch/strided.h"

namespace olivine::huggingface {
namespace {

using Tensors = std::map<std::string, tensor::Tensor, std::less<>>;
/// The bytes of a storage.
using Storage = std::function<tensor::Tensor(const PickleStorage& storage)>;

constexpr std::string_view kRemedy = "save the checkpoint again with torch.save, or better as safetensors";
/// Names, shapes and places of the tensors only.
constexpr std::uint64_t kLargestPickle = std::uint64_t{1} << 28;

[[noreturn]] void refuse(std::string message) {
  throw Error(ErrorCode::conversion, std::move(message)).remedy(kRemedy);
}

tensor::Tensor view(const PickleTensor& value, const Storage& storage) {
  return torch::strided(storage(value.storage), value.dtype, {value.dims, value.strides, value.offset});
}

Tensors read_state_dict(const PickleValue& root, const Storage& storage) {
  const auto* const dict = root.as<PickleDict>();
  if (dict == nullptr) refuse("it holds no dictionary of tensors");
  Tensors tensors;
  for (const auto& [key, value] : dict->items) {
    const auto* const name = key->as<std::string>();
    if (name == nullptr) refuse("a key of its dictionary is no string");
    const auto* const content = value->as<PickleTensor>();
    if (content == nullptr) {
      throw Error(ErrorCode::conversion, fmt::format("its entry '{}' is no tensor", *name))
          .remedy("save the state dict alone: torch.save(model.state_dict(), path)");
    }
    with_place(fmt::format("tensor '{}'", *name),
               [&, &name = name] { tensors.insert_or_assign(*name, view(*content, storage)); });
  }
  return tensors;
}

/// What is wrong with the archive is mended by saving a state dict, not a program.
template <typename Body>
auto with_remedy(Body&& body) {
  try {
    return body();
  } catch (Error& error) {
    error.remedy(kRemedy);
    throw;
  }
}

Tensors read_archive(const std::filesystem::path& path) {
  const torch::Archive archive = with_remedy([&] { return torch::Archive::open(path, "file of torch.save"); });
  return with_place(path.string(), [&] {
    const auto text = [&](std::string_view name, std::uint64_t limit) {
      return with_remedy([&] { return archive.text(name, limit); });
    };
    if (archive.contains("byteorder") && text("byteorder", 64) != "little") refuse("its numbers are big-endian");
    const std::string pickle_text = text("data.pkl", kLargestPickle);
    const Pickle pickle(pickle_text);
    return read_state_dict(pickle.root(), [&](const PickleStorage& storage) {
      return with_remedy([&] { return archive.bytes("data/" + storage.key); });
    });
  });
}

// ---- Before torch 1.6: a magic number, a version, the writer's machine, the dictionary and the keys of the storages,
// each
// ---- a pickle; then of each storage the number of elements and the elements.

constexpr std::string_view kOldMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
constexpr std::int64_t kOldVersion = 1001;

class OldFile {
 public:
  explicit OldFile(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)),
        text_(reinterpret_cast<const char*>(file_->bytes().data()), file_->bytes().size()),
        position_(text_.find(kOldMagic) + kOldMagic.size()) {}

  /// The magic number stands behind the pickle's version, and behind the length of a frame from version 4 on.
  static bool is_one(std::string_view text) {
    constexpr std::size_t kFrame = 9;
    return text.starts_with('\x80') &&
           text.substr(2, kFrame + kOldMagic.size()).find(kOldMagic) != std::string_view::npos;
  }

  Tensors read() {
    const Pickle version = next();
    if (version.root().as<std::int64_t>() == nullptr || *version.root().as<std::int64_t>() != kOldVersion) {
      refuse("its version is unknown");
    }
    next_machine();
    const Pickle dict = next();
    const Pickle keys = next();
    std::map<std::string, std::size_t> widths;
    note_widths(dict.root(), widths);
    find_storages(keys.root(), widths);
    return read_state_dict(dict.root(), [&](const PickleStorage& storage) {
      const auto found = storages_.find(storage.key);
      if (found == storages_.end()) refuse(fmt::format("it has no storage '{}'", storage.key));
      return found->second;
    });
  }

 private:
  Pickle next() {
    Pickle pickle(text_.substr(position_, kLargestPickle));
    position_ += pickle.size();
    return pickle;
  }

  /// {protocol_version, little_endian, type_sizes}
  void next_machine() {
    const Pickle machine = next();
    const auto* const dict = machine.root().as<PickleDict>();
    if (dict == nullptr) refuse("its pickle is damaged");
    for (const auto& [key, value] : dict->items) {
      const auto* const name = key->as<std::string>();
      const auto* const flag = value->as<bool>();
      if (name != nullptr && *name == "little_endian" && flag != nullptr && !*flag) {
        refuse("its numbers are big-endian");
      }
    }
  }

  static void note_widths(const PickleValue& root, std::map<std::string, std::size_t>& widths) {
    const auto* const dict = root.as<PickleDict>();
    if (dict == nullptr) return;
    for (const auto& [key, value] : dict->items) {
      const auto* const tensor = value->as<PickleTensor>();
      if (tensor != nullptr) widths.emplace(tensor->storage.key, bit_width(tensor->storage.dtype) / 8);
    }
  }

  void find_storages(const PickleValue& keys, const std::map<std::string, std::size_t>& widths) {
    const auto* const list = keys.as<PickleList>();
    if (list == nullptr) refuse("its list of storages is damaged");
    for (const PickleValue* key : list->items) {
      const auto* const name = key->as<std::string>();
      const auto width = name == nullptr ? widths.end() : widths.find(*name);
      if (width == widths.end()) refuse("its list of storages is damaged");
      std::int64_t elements = 0;
      if (text_.size() - position_ < sizeof elements) refuse("it ends before its last storage");
      std::memcpy(&elements, text_.data() + position_, sizeof elements);
      position_ += sizeof elements;
      std::uint64_t bytes = 0;
      if (elements < 0 || __builtin_mul_overflow(static_cast<std::uint64_t>(elements), width->second, &bytes) ||
          bytes > text_.size() - position_) {
        refuse(fmt::format("its storage '{}' goes beyond the end of the file", *name));
      }
      storages_.emplace(
          *name, tensor::from_file(DataType::uint8, {static_cast<std::int64_t>(bytes)}, {file_, position_, bytes}));
      position_ += bytes;
    }
  }

  std::shared_ptr<const MappedFile> file_;
  std::string_view text_;
  std::size_t position_;
  std::map<std::string, tensor::Tensor> storages_;
};

}  // namespace

Tensors read_torch_checkpoint(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (text.size() > 16 && OldFile::is_one(text)) {
    return with_place(path.string(), [&] { return OldFile(file).read(); });
  }
  if (!text.starts_with("PK")) {
    throw Error(ErrorCode::conversion, "it is no file that torch.save wrote").prepend(path.string()).remedy(kRemedy);
  }
  return read_archive(path);
}

}  // namespace olivine::huggingface
