#pragma once

#include <filesystem>

#include "huggingface/checkpoint.h"

namespace olivine::huggingface {

/// Merges a LoRA adapter's folder (adapter_config.json and adapter_model.safetensors or .bin, as PEFT writes them) into
/// the checkpoint that it was trained on. Each weight with an adapter becomes the lazy float32 expression
///
///     W + scale * B A          scale = lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora (arXiv 2312.03732)
///     m * V / |V|, V as above  with use_dora (arXiv 2402.09353): |V| of each row, m the magnitude vector
///
/// accumulated in float32; of a quantized weight only the merged values remain. Weights that were trained whole
/// (`modules_to_save`, biases) take the place of the checkpoint's. lora_alpha may differ by `alpha_pattern`; r is what
/// A has. `fan_in_fan_out` weights are [in, out].
///
/// Error[io] when a file is missing. Error[conversion] for another kind of adapter, a module that the checkpoint
/// doesn't have, shapes that don't fit, and adapter tensors that nothing is known of: all of them at once.
void merge_adapter(Checkpoint& checkpoint, const std::filesystem::path& folder);

}  // namespace olivine::huggingface
