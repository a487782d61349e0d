#!/usr/bin/env python3
"""Small checkpoints for test_capture.py, by the Python that has torch: checkpoints.py FOLDER."""

import json
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import save_file

SMALL = {"vocab_size": 99, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 64}


def lora(model, folder, rank=2, alpha=6):
    """An adapter of the attention's q_proj and v_proj, and the model with it merged."""
    tensors = {}
    generator = torch.Generator().manual_seed(3)
    for name, module in model.named_modules():
        if name.endswith(("q_proj", "v_proj")):
            down = torch.randn(rank, module.in_features, generator=generator)
            up = torch.randn(module.out_features, rank, generator=generator)
            tensors[f"base_model.model.{name}.lora_A.weight"], tensors[f"base_model.model.{name}.lora_B.weight"] = down, up
            with torch.no_grad():
                module.weight += alpha / rank * up @ down
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "target_modules": ["q_proj", "v_proj"], "fan_in_fan_out": False}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(0)
    tf.utils.logging.disable_progress_bar()
    tf.BertForSequenceClassification(tf.BertConfig(**SMALL, max_position_embeddings=64, num_labels=3)).save_pretrained(folder / "bert")
    llama = tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL, num_key_value_heads=2))
    llama.save_pretrained(folder / "llama")
    lora(llama, folder / "adapter")
    llama.save_pretrained(folder / "merged")
    t5 = tf.T5Config(vocab_size=99, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0)
    tf.T5ForConditionalGeneration(t5).save_pretrained(folder / "t5")


if __name__ == "__main__":
    main()
