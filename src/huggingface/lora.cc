#include "huggingface/lora.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "huggingface/merged_weight.h"
#include "huggingface/settings.h"

namespace olivine::huggingface {
namespace {

namespace fs = std::filesystem;
using tensor::Tensor;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::array<std::string_view, 3> kAdapterFiles = {"adapter_model.safetensors", "adapter_model.bin",
                                                           "adapter_model.safetensors.index.json"};

/// The tensors that an adapter has for one module.
struct Module {
  std::optional<Tensor> a;  ///< [r, in]
  std::optional<Tensor> b;  ///< [out, r]
  std::optional<Tensor> magnitude;
  bool is_embedding = false;
};

/// What follows the module's name in the name of an adapter's tensor.
struct Part {
  std::string_view suffix;
  std::optional<Tensor> Module::*member;
  bool is_embedding = false;
};
constexpr std::array<Part, 6> kParts = {{
    {".lora_A.weight", &Module::a},
    {".lora_B.weight", &Module::b},
    {".lora_embedding_A", &Module::a, true},
    {".lora_embedding_B", &Module::b, true},
    {".lora_magnitude_vector.weight", &Module::magnitude},
    {".lora_magnitude_vector", &Module::magnitude},
}};

struct Adapter {
  std::map<std::string, Module> modules;
  std::map<std::string, Weight> replaced;  ///< trained whole
};

void erase_all(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part)) text.erase(at, part.size());
}

/// The name in the checkpoint: PEFT wraps modules, and old versions wrote the adapter's name too.
std::string plain_name(std::string name) {
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  for (const std::string_view wrapper : {".base_layer", ".modules_to_save.default", ".modules_to_save", ".default"}) {
    erase_all(name, wrapper);
  }
  return name;
}

Adapter sort_tensors(const Checkpoint& tensors) {
  Adapter adapter;
  for (const auto& [full_name, weight] : tensors.weights()) {
    const std::string name = plain_name(full_name);
    const auto part =
        std::ranges::find_if(kParts, [&name = name](const Part& part) { return name.ends_with(part.suffix); });
    if (part == kParts.end()) {
      adapter.replaced.insert_or_assign(name, weight);
      continue;
    }
    Module& module = adapter.modules[name.substr(0, name.size() - part->suffix.size())];
    module.*part->member = weight.tensor;
    module.is_embedding = module.is_embedding || part->is_embedding;
  }
  return adapter;
}

/// Whether a key of a pattern means the module: PEFT takes it for a regular expression that the end of the name
/// matches.
bool means(const Settings& pattern, const std::string& key, const std::string& module) {
  const bool is_whole = key.starts_with('^');
  const std::string name = is_whole ? key.substr(1) : key;
  if (name.find_first_of("^$*+?()[]{}|\\") != std::string::npos) {
    throw pattern.error(key, "is a regular expression, which is not read", "name the modules one by one");
  }
  return module == name || (!is_whole && module.ends_with("." + name));
}

class Merger {
 public:
  Merger(Checkpoint& checkpoint, const Settings& config)
      : checkpoint_(checkpoint),
        config_(config),
        alpha_(config.get<double>("lora_alpha", 8)),
        is_rank_stabilized_(config.get<bool>("use_rslora", false)),
        is_transposed_(config.get<bool>("fan_in_fan_out", false)),
        has_magnitudes_(config.get<bool>("use_dora", false)) {}

  void merge(const std::string& name, const Module& module) {
    if (!module.a || !module.b) throw Error(ErrorCode::conversion, "has only one of lora_A and lora_B");
    if (module.magnitude.has_value() != has_magnitudes_) {
      throw Error(ErrorCode::conversion, has_magnitudes_ ? "use_dora is set, but it has no magnitude vector"
                                                         : "it has a magnitude vector, but use_dora is not set");
    }
    Weight weight = checkpoint_.at(name + ".weight");
    const bool is_transposed = module.is_embedding || is_transposed_;
    check_shapes(weight.tensor, *module.a, *module.b, is_transposed);
    if (is_transposed && module.magnitude) {
      throw Error(ErrorCode::conversion, "the lengths of use_dora are not those of the weight's rows here")
          .remedy("merge the adapter with PEFT's merge_and_unload and convert the result");
    }
    const Tensor left = is_transposed ? tensor::transpose(*module.a, {}) : *module.b;
    const Tensor right = is_transposed ? tensor::transpose(*module.b, {}) : *module.a;
    std::optional<Tensor> magnitude = module.magnitude;
    if (magnitude && magnitude->element_count() != static_cast<std::uint64_t>(weight.tensor.dims()[0])) {
      throw Error(ErrorCode::conversion, "its magnitude vector doesn't have an element a row");
    }
    weight.tensor = merged_weight(weight.tensor, left, right, scale(name, module.a->dims()[0]), magnitude);
    weight.quantized = nullptr;
    checkpoint_.set(name + ".weight", std::move(weight));
  }

  void replace(const std::string& name, const Weight& weight) {
    if (name.find("lora_") != std::string::npos || name.find("trainable_tokens") != std::string::npos) {
      throw Error(ErrorCode::conversion, "is no part of an adapter that is read")
          .remedy("merge the adapter with PEFT's merge_and_unload and convert the result");
    }
    // An output layer that was tied has no tensor of its own yet.
    const bool may_be_new = name == "lm_head.weight" || name == "score.weight";
    if (!may_be_new) (void)checkpoint_.at(name);
    checkpoint_.set(name, weight);
  }

 private:
  static void check_shapes(const Tensor& weight, const Tensor& a, const Tensor& b, bool is_transposed) {
    const auto text = [](const Tensor& tensor) { return fmt::format("[{}]", fmt::join(tensor.dims(), ",")); };
    const bool are_matrices = weight.dims().size() == 2 && a.dims().size() == 2 && b.dims().size() == 2;
    if (are_matrices && a.dims()[0] == b.dims()[1] && a.dims()[0] > 0 &&
        weight.dims()[is_transposed ? 1 : 0] == b.dims()[0] && weight.dims()[is_transposed ? 0 : 1] == a.dims()[1]) {
      return;
    }
    throw Error(ErrorCode::conversion,
                fmt::format("its B {} A {} don't make the weight's {}", text(b), text(a), text(weight)))
        .remedy("was the adapter trained on this checkpoint?");
  }

  float scale(const std::string& module, std::int64_t rank) const {
    double alpha = alpha_;
    if (const auto pattern = config_.find_section("alpha_pattern")) {
      for (const auto& [key, value] : pattern->json().items()) {
        if (!means(*pattern, key, module)) continue;
        alpha = pattern->get<double>(key);
        break;
      }
    }
    const auto r = static_cast<double>(rank);
    return static_cast<float>(alpha / (is_rank_stabilized_ ? std::sqrt(r) : r));
  }

  Checkpoint& checkpoint_;
  const Settings& config_;
  double alpha_;
  bool is_rank_stabilized_;
  bool is_transposed_;
  bool has_magnitudes_;
};

Checkpoint open_tensors(const fs::path& folder) {
  std::error_code ignored;
  for (const std::string_view name : kAdapterFiles) {
    if (fs::exists(folder / name, ignored)) return Checkpoint::open(folder / name);
  }
  throw Error(ErrorCode::io, "there is no adapter_model.safetensors in the folder").prepend(folder.string());
}

}  // namespace

void merge_adapter(Checkpoint& checkpoint, const fs::path& folder) {
  const Settings config = Settings::read(folder / "adapter_config.json");
  const auto kind = config.get<std::string>("peft_type");
  if (kind != "LORA") {
    throw config.error("peft_type", fmt::format("'{}' adapters are not read", kind),
                       "merge the adapter with PEFT's merge_and_unload and convert the result");
  }
  const Adapter adapter = sort_tensors(open_tensors(folder));
  Merger merger(checkpoint, config);
  ErrorList errors;
  const auto each = [&](const std::string& name, auto&& body) {
    try {
      body();
    } catch (Error& error) {
      errors.add(error.prepend(name).prepend(folder.string()));
    }
  };
  // An embedding that was saved with its adapter is what the adapter is added to.
  for (const auto& [name, weight] : adapter.replaced) {
    each(name, [&, &name = name, &weight = weight] { merger.replace(name, weight); });
  }
  for (const auto& [name, module] : adapter.modules) {
    each(name, [&, &name = name, &module = module] { merger.merge(name, module); });
  }
  errors.throw_if_any();
}

}  // namespace olivine::huggingface
