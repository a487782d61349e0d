#!/usr/bin/env python3
"""Makes the PyTorch programs that are measured: programs.py FOLDER NAME. Needs torch and transformers (`scripts/setup torch`)."""

import sys
import warnings
from pathlib import Path

import torch
import transformers as tf


class Linear(torch.nn.Module):
    """The smallest model worth the name."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, x):
        return torch.relu(self.linear(x))


class Encoder(torch.nn.Module):
    """BERT with its inputs and outputs by position, as TorchScript wants them."""

    def __init__(self, **sizes):
        super().__init__()
        self.bert = tf.BertModel(tf.BertConfig(**sizes))

    def forward(self, input_ids, attention_mask):
        return tuple(self.bert(input_ids=input_ids, attention_mask=attention_mask, return_dict=False))


def tokens():
    return torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long)


BATCH, LENGTH = torch.export.Dim("batch", min=2), torch.export.Dim("length", min=2, max=512)
OPEN = {0: BATCH, 1: LENGTH}
PROGRAMS = {
    "tiny": (Linear, lambda: (torch.rand(2, 4),), ({0: BATCH},)),
    "bert-base": (Encoder, tokens, (OPEN, OPEN)),
    # 2.4 GB: beyond what a protobuf message holds.
    "large": (lambda: Encoder(hidden_size=1536, num_hidden_layers=20, num_attention_heads=24, intermediate_size=6144), tokens, (OPEN, OPEN)),
}


def main():
    folder, name = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    make, inputs, shapes = PROGRAMS[name]
    model, values = make().eval(), inputs()
    with torch.no_grad():
        program = torch.export.export(model, values, dynamic_shapes=shapes)
        if name == "bert-base":  # what pnnx reads
            torch.jit.trace(model, values, check_trace=False).save(folder / f"{name}.pt")
    part = folder / f"{name}.part.pt2"
    torch.export.save(program, part)
    part.rename(folder / f"{name}.pt2")


if __name__ == "__main__":
    main()
