#!/usr/bin/env python3
"""Exports models of transformers with random weights, as torch.onnx writes them: exports.py FOLDER.

Needs torch and transformers (`scripts/setup torch`); the suites run it with that Python and read what it leaves.
"""

import sys
import warnings
from pathlib import Path

import torch
import transformers as tf

SMALL = {"vocab_size": 99, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 64}


def tokens(*shape):
    return torch.randint(3, 99, shape, generator=torch.Generator().manual_seed(0))


def bert():
    model = tf.BertModel(tf.BertConfig(**SMALL, max_position_embeddings=64))
    return model, {"input_ids": tokens(2, 7), "attention_mask": torch.ones(2, 7, dtype=torch.long)}


def resnet():
    config = tf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], num_labels=5)
    return tf.ResNetForImageClassification(config), {"pixel_values": torch.rand(2, 3, 32, 32)}


def t5():
    config = tf.T5Config(vocab_size=99, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    return tf.T5ForConditionalGeneration(config), {"input_ids": tokens(2, 7), "decoder_input_ids": tokens(2, 5)}


def whisper():
    config = tf.WhisperConfig(
        vocab_size=99, num_mel_bins=8, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, max_source_positions=16, max_target_positions=16,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )
    model = tf.WhisperForConditionalGeneration(config)
    return model, {"input_features": torch.rand(2, 8, 32), "decoder_input_ids": tokens(2, 5)}


def llama():
    model = tf.LlamaForCausalLM(tf.LlamaConfig(**SMALL, num_key_value_heads=2))
    return model, {"input_ids": tokens(2, 7), "attention_mask": torch.ones(2, 7, dtype=torch.long)}


MODELS = {"bert": bert, "resnet": resnet, "t5": t5, "whisper": whisper, "llama": llama}
# Open dimensions, input by input; the others are exported as they are.
OPEN = {
    "bert": [{0: "batch", 1: "length"}] * 2,
    "llama": [{0: "batch", 1: "length"}] * 2,
    "t5": [{0: "batch", 1: "length"}, {0: "batch", 1: "target"}],
    "resnet": [{0: "batch"}],
    "whisper": [{0: "batch"}, {0: "batch", 1: "target"}],
}
OPSETS = {"bert": 20, "resnet": 18, "t5": 18, "whisper": 20, "llama": 22}  # at 23 torch.onnx writes a RotaryEmbedding that ONNX Runtime refuses


class OneOutput(torch.nn.Module):
    """The first output, by keyword inputs, without a cache."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *values):
        extra = {} if "pixel_values" in self.names else {"use_cache": False}
        return self.model(**dict(zip(self.names, values)), **extra, return_dict=False)[0]


def export(model, inputs, path, opset, axes):
    """`axes`: the open dimensions, input by input. A model that is there already is left alone by the callers, so it comes whole or not at all."""
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation("eager")
    part = path.with_suffix(".part")
    torch.onnx.export(
        OneOutput(model.eval(), list(inputs)).eval(), tuple(inputs.values()), str(part), input_names=list(inputs), output_names=["output"],
        opset_version=opset, dynamo=True, dynamic_shapes=(tuple(axes),), external_data=False, verbose=False,
    )
    part.rename(path)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for name, make in MODELS.items():
        path = folder / f"{name}.onnx"
        if path.exists():
            continue
        torch.manual_seed(0)
        model, inputs = make()
        export(model, inputs, path, OPSETS[name], OPEN[name])


if __name__ == "__main__":
    main()
