#!/usr/bin/env python3
"""Exports the models that `mixed_precision.py` looks at: mixed_exports.py FOLDER [MINILM].

The architectures of transformers at a size that shows what rounding does, with random weights, and the real MiniLM from its folder.
Needs torch and transformers (`scripts/setup torch`).
"""

import sys
import warnings
from pathlib import Path

import torch
import transformers as tf
from exports import export

OPSET = 20
TEXT = {"vocab_size": 1000, "max_position_embeddings": 64}
BATCH = {0: "batch"}


def tokens(batch, length):
    return torch.randint(3, 1000, (batch, length), generator=torch.Generator().manual_seed(0))


def masked_tokens():
    return {"input_ids": tokens(2, 16), "attention_mask": torch.ones(2, 16, dtype=torch.long)}


def bert():
    config = tf.BertConfig(**TEXT, num_hidden_layers=6, num_attention_heads=8, hidden_size=256, intermediate_size=1024)
    return tf.BertModel(config), masked_tokens(), [{0: "batch", 1: "length"}] * 2


def t5():
    config = tf.T5Config(vocab_size=1000, d_model=256, d_kv=32, d_ff=1024, num_layers=4, num_heads=8)
    axes = [{0: "batch", 1: "length"}, {0: "batch", 1: "target"}]
    return tf.T5ForConditionalGeneration(config), {"input_ids": tokens(2, 16), "decoder_input_ids": tokens(2, 9)}, axes


def whisper():
    config = tf.WhisperConfig(
        vocab_size=1000, num_mel_bins=80, d_model=192, encoder_layers=3, decoder_layers=3, encoder_attention_heads=6, decoder_attention_heads=6,
        encoder_ffn_dim=768, decoder_ffn_dim=768, max_source_positions=100, max_target_positions=64,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )
    inputs = {"input_features": torch.rand(2, 80, 200), "decoder_input_ids": tokens(2, 9)}
    return tf.WhisperForConditionalGeneration(config), inputs, [BATCH, {0: "batch", 1: "target"}]


def convnext():
    config = tf.ConvNextConfig(hidden_sizes=[48, 96, 192, 384], depths=[3, 3, 9, 3], num_labels=100, layer_scale_init_value=0.1)
    return tf.ConvNextForImageClassification(config), {"pixel_values": torch.rand(2, 3, 96, 96)}, [BATCH]


def swin():
    config = tf.SwinConfig(image_size=96, patch_size=4, embed_dim=48, depths=[2, 2, 4], num_heads=[3, 6, 12], window_size=6, num_labels=100)
    return tf.SwinForImageClassification(config), {"pixel_values": torch.rand(2, 3, 96, 96)}, [BATCH]


def minilm(folder):
    return tf.AutoModel.from_pretrained(folder), masked_tokens(), [{0: "batch", 1: "length"}] * 2


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    makers = {make.__name__: make for make in (bert, t5, whisper, convnext, swin)}
    if len(sys.argv) > 2:
        makers["minilm"] = lambda: minilm(sys.argv[2])
    for name, make in makers.items():
        path = folder / f"{name}.onnx"
        if path.exists():
            continue
        torch.manual_seed(0)
        model, inputs, axes = make()
        export(model, inputs, path, OPSET, axes)


if __name__ == "__main__":
    main()
