#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/suggest.h"
#include "huggingface/code_views.h"
#include "huggingface/gguf.h"

/// GGUF's names and keys are those of its specification ("GGUF.md" of ggml); transformers' are those of its models.
namespace olivine::huggingface {
namespace {

using config::Json;
using tensor::Tensor;

struct Rename {
  std::string_view from;
  std::string_view to;  ///< with a '*' where the number of the expert stands
};

constexpr std::array<Rename, 3> kOuter = {
    {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}}};
/// Within "blk.N." and "model.layers.N.".
constexpr std::array<Rename, 20> kLayer = {{
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_exps", "mlp.experts.*.gate_proj"},
    {"ffn_up_exps", "mlp.experts.*.up_proj"},
    {"ffn_down_exps", "mlp.experts.*.down_proj"},
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
    {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    {"ffn_down_shexp", "mlp.shared_expert.down_proj"},
    {"attn_qkv", "self_attn.qkv_proj"},
}};
constexpr std::array<Rename, 4> kMixtral = {{
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    {"ffn_gate_exps", "block_sparse_moe.experts.*.w1"},
    {"ffn_up_exps", "block_sparse_moe.experts.*.w3"},
    {"ffn_down_exps", "block_sparse_moe.experts.*.w2"},
}};
constexpr std::array<Rename, 1> kPhi3 = {{{"ffn_up", "mlp.gate_up_proj"}}};
constexpr std::array<Rename, 3> kGemma2 = {{
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
}};

struct Architecture {
  std::string_view name;        ///< `general.architecture`
  std::string_view model_type;  ///< transformers'
  std::string_view class_name;
  std::span<const Rename> renames = {};  ///< that come before the common ones
  /// Rows of q and k stand in the order of the original rotary embedding: pairs next to each other.
  bool interleaves = false;
  bool adds_one_to_norms = false;
};

constexpr std::array<Architecture, 9> kArchitectures = {{
    {"llama", "llama", "LlamaForCausalLM", kMixtral, true},
    {"qwen2", "qwen2", "Qwen2ForCausalLM"},
    {"qwen3", "qwen3", "Qwen3ForCausalLM"},
    {"qwen2moe", "qwen2_moe", "Qwen2MoeForCausalLM"},
    {"qwen3moe", "qwen3_moe", "Qwen3MoeForCausalLM"},
    {"phi3", "phi3", "Phi3ForCausalLM", kPhi3},
    {"gemma", "gemma", "GemmaForCausalLM", {}, false, true},
    {"gemma2", "gemma2", "Gemma2ForCausalLM", kGemma2, false, true},
    {"gemma3", "gemma3_text", "Gemma3ForCausalLM", kGemma2, false, true},
}};
/// Tables of the rotary embedding, which are no weights in transformers.
constexpr std::array<std::string_view, 3> kKept = {"rope_freqs.weight", "rope_factors_long.weight",
                                                   "rope_factors_short.weight"};

const Architecture& architecture_of(const GgufFile& file) {
  const auto found = file.metadata.find("general.architecture");
  const std::string name = found != file.metadata.end() && found->is_string() ? found->get<std::string>() : "";
  const auto* const known = std::ranges::find(kArchitectures, name, &Architecture::name);
  if (known != kArchitectures.end()) return *known;
  std::vector<std::string_view> names;
  for (const Architecture& architecture : kArchitectures) names.push_back(architecture.name);
  throw Error(ErrorCode::conversion, fmt::format("the architecture '{}' is not read from GGUF files", name))
      .prepend(file.place)
      .remedy(fmt::format("these are: {}; others convert from their original checkpoint", fmt::join(names, ", ")));
}

/// The metadata of the architecture: "llama.block_count" by "block_count".
class Keys {
 public:
  Keys(const GgufFile& file, const Architecture& architecture) : file_(file), prefix_(architecture.name) {}

  const Json* find(std::string_view key) const { return find_whole(fmt::format("{}.{}", prefix_, key)); }
  const Json* find_whole(std::string_view key) const {
    const auto found = file_.metadata.find(key);
    return found == file_.metadata.end() ? nullptr : &*found;
  }
  std::int64_t positive(std::string_view key) const {
    const Json* const value = find(key);
    if (value == nullptr || !value->is_number_integer() || *value <= 0) {
      throw Error(ErrorCode::conversion, fmt::format("its metadata have no positive '{}.{}'", prefix_, key));
    }
    return value->get<std::int64_t>();
  }
  bool is_positive(std::string_view key) const {
    const Json* const value = find(key);
    return value != nullptr && value->is_number_integer() && *value > 0;
  }

 private:
  const GgufFile& file_;
  std::string_view prefix_;
};

std::optional<std::string_view> renamed(std::span<const Rename> renames, std::string_view name) {
  const auto found = std::ranges::find(renames, name, &Rename::from);
  return found == renames.end() ? std::nullopt : std::optional(found->to);
}

/// "blk.3.attn_q.weight" in parts: "model.layers.3.", "self_attn.q_proj", ".weight".
struct Name {
  std::string layer;
  std::string module;  ///< transformers'
  std::string own;     ///< GGUF's
  std::string kind;
};

Name parse_name(const std::string& name, const Architecture& architecture) {
  const auto fail = [&] {
    return Error(ErrorCode::conversion,
                 fmt::format("tensor '{}' is none that the architecture '{}' has", name, architecture.name));
  };
  Name parts;
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) throw fail();
  parts.kind = name.substr(dot);
  parts.own = name.substr(0, dot);
  std::optional<std::string_view> module;
  if (parts.own.starts_with("blk.")) {
    const std::size_t end = parts.own.find('.', 4);
    if (end == std::string::npos) throw fail();
    parts.layer = fmt::format("model.layers.{}.", parts.own.substr(4, end - 4));
    parts.own.erase(0, end + 1);
    module = renamed(architecture.renames, parts.own);
    if (!module) module = renamed(kLayer, parts.own);
  } else {
    module = renamed(kOuter, parts.own);
  }
  if (!module) throw fail();
  parts.module = *module;
  return parts;
}

class Converter {
 public:
  explicit Converter(const GgufFile& file)
      : file_(file), architecture_(architecture_of(file)), keys_(file, architecture_), checkpoint_(file.place) {}

  Checkpoint run() {
    ErrorList errors;
    for (const GgufTensor& tensor : file_.tensors) {
      try {
        convert(tensor);
      } catch (Error& error) {
        errors.add(error.prepend(file_.place));
      }
    }
    errors.throw_if_any();
    return std::move(checkpoint_);
  }

 private:
  void convert(const GgufTensor& tensor) {
    if (std::ranges::find(kKept, tensor.name) != kKept.end()) return put(tensor.name, tensor);
    const Name name = parse_name(tensor.name, architecture_);
    if (const std::size_t star = name.module.find('*'); star != std::string::npos) {
      return split_experts(tensor, name, star);
    }
    const std::string full = name.layer + name.module + name.kind;
    const bool is_query = name.own == "attn_q";
    if (architecture_.interleaves && (is_query || name.own == "attn_k"))
      return put(full, uninterleaved(tensor, is_query));
    if (architecture_.adds_one_to_norms && name.own.ends_with("norm")) return put_less_one(full, tensor);
    put(full, tensor);
  }

  void put(const std::string& name, const GgufTensor& tensor) {
    Weight weight = gguf_weight(tensor);
    weight.file = file_.place;
    checkpoint_.set(name, std::move(weight));
  }

  void split_experts(const GgufTensor& tensor, const Name& name, std::size_t star) {
    if (tensor.dims.size() != 3 || tensor.bytes.byte_size() == 0)
      throw Error(ErrorCode::conversion, fmt::format("tensor '{}' has no experts", tensor.name));
    for (std::int64_t e = 0; e < tensor.dims[0]; ++e) {
      GgufTensor expert = tensor;
      expert.dims = {tensor.dims[1], tensor.dims[2]};
      expert.bytes =
          tensor::reshape(tensor::slice(tensor.bytes, 0, e, e + 1), {tensor.dims[1], tensor.bytes.dims()[2]});
      std::string module = name.module;
      put(name.layer + module.replace(star, 1, std::to_string(e)) + name.kind, expert);
    }
  }

  /// Rows [heads, width / 2, 2] to [heads, 2, width / 2]: the halves of a head stand apart in transformers.
  GgufTensor uninterleaved(const GgufTensor& tensor, bool is_query) const {
    const bool has_own_count = !is_query && keys_.find("attention.head_count_kv") != nullptr;
    const std::int64_t heads = keys_.positive(has_own_count ? "attention.head_count_kv" : "attention.head_count");
    const std::int64_t rows = tensor.dims.front();
    if (rows % heads != 0 || rows / heads % 2 != 0 || rows == 0) {
      throw Error(ErrorCode::conversion, fmt::format("tensor '{}' has {} rows for {} heads", tensor.name, rows, heads));
    }
    GgufTensor result = tensor;
    const auto row_bytes = static_cast<std::int64_t>(tensor.bytes.byte_size()) / rows;
    const Tensor apart =
        tensor::transpose(tensor::reshape(tensor.bytes, {heads, rows / heads / 2, 2, row_bytes}), {0, 2, 1, 3});
    result.bytes = tensor::reshape(apart, tensor.bytes.dims());
    return result;
  }

  void put_less_one(const std::string& name, const GgufTensor& tensor) {
    Weight weight = gguf_weight(tensor);
    constexpr std::uint64_t kLongestNorm = std::uint64_t{1} << 20;
    const auto values = tensor::as_doubles(weight.tensor, kLongestNorm);
    if (!values) throw Error(ErrorCode::conversion, fmt::format("tensor '{}' is no norm's weight", tensor.name));
    std::vector<float> less;
    for (const double value : *values) less.push_back(static_cast<float>(value - 1));
    checkpoint_.set(name, {tensor::from_values<float>(DataType::float32, tensor.dims, less), file_.place, nullptr});
  }

  const GgufFile& file_;
  const Architecture& architecture_;
  Keys keys_;
  Checkpoint checkpoint_;
};

// ---- config.json

constexpr std::array<Rename, 17> kConfigKeys = {{
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.sliding_window", "sliding_window"},
    {"rope.freq_base", "rope_theta"},
    {"vocab_size", "vocab_size"},
    {"expert_used_count", "num_experts_per_tok"},
    {"expert_feed_forward_length", "moe_intermediate_size"},
    {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
    {"attn_logit_softcapping", "attn_logit_softcapping"},
    {"final_logit_softcapping", "final_logit_softcapping"},
    {"rope.scaling.original_context_length", "original_max_position_embeddings"},
}};
constexpr std::array<Rename, 4> kTokenIds = {{
    {"tokenizer.ggml.bos_token_id", "bos_token_id"},
    {"tokenizer.ggml.eos_token_id", "eos_token_id"},
    {"tokenizer.ggml.padding_token_id", "pad_token_id"},
    {"tokenizer.ggml.unknown_token_id", "unk_token_id"},
}};

const GgufTensor* find_tensor(const GgufFile& file, std::string_view name) {
  const auto found = std::ranges::find(file.tensors, name, &GgufTensor::name);
  return found == file.tensors.end() ? nullptr : &*found;
}

void set_rope_scaling(const Keys& keys, Json& config) {
  const Json* const type = keys.find("rope.scaling.type");
  const Json* const factor = keys.find("rope.scaling.factor");
  if (type == nullptr || *type == "none" || factor == nullptr) return;
  config["rope_scaling"] = {{"rope_type", *type}, {"factor", *factor}};
  if (const Json* const length = keys.find("rope.scaling.original_context_length")) {
    config["rope_scaling"]["original_max_position_embeddings"] = *length;
  }
}

}  // namespace

Checkpoint gguf_checkpoint(const GgufFile& file) { return Converter(file).run(); }

Settings gguf_config(const GgufFile& file) {
  const Architecture& architecture = architecture_of(file);
  const Keys keys(file, architecture);
  const bool has_experts = keys.is_positive("expert_count");
  const bool is_mixtral = has_experts && architecture.name == "llama";
  Json config = {{"model_type", is_mixtral ? "mixtral" : architecture.model_type},
                 {"architectures", {is_mixtral ? "MixtralForCausalLM" : architecture.class_name}}};
  for (const Rename& rename : kConfigKeys) {
    if (const Json* const value = keys.find(rename.from)) config[std::string(rename.to)] = *value;
  }
  for (const Rename& rename : kTokenIds) {
    if (const Json* const value = keys.find_whole(rename.from)) config[std::string(rename.to)] = *value;
  }
  if (has_experts) config[is_mixtral ? "num_local_experts" : "num_experts"] = *keys.find("expert_count");
  const GgufTensor* const embedding = find_tensor(file, "token_embd.weight");
  if (embedding != nullptr) config["vocab_size"] = embedding->dims.front();
  config["tie_word_embeddings"] = find_tensor(file, "output.weight") == nullptr;
  config["attention_bias"] = find_tensor(file, "blk.0.attn_q.bias") != nullptr;
  set_rope_scaling(keys, config);
  return Settings::parse(config.dump(-1, ' ', false, Json::error_handler_t::replace), file.place + " (metadata)");
}

}  // namespace olivine::huggingface
