#!/usr/bin/env python3
"""How far similarities of sentences by ONNX models are from PyTorch's: similarities.py FOLDER MODEL.onnx… prints a JSON list."""

import json
import sys

import numpy as np
import onnxruntime
import torch
import transformers as tf

SENTENCES = [
    "A man is eating food.", "Someone has a meal.", "A woman plays the violin.", "Music comes from a string instrument.", "The cat sleeps on the sofa.",
    "Stock prices fell sharply on Monday.", "Markets ended the first day of the week lower.", "How do I reset my password?",
]


def similarities(states, mask):
    """Cosines of the mean over each sentence's tokens."""
    weights = mask[..., None].astype(np.float64)
    means = (states * weights).sum(1) / weights.sum(1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return means @ means.T


def main():
    folder, *models = sys.argv[1:]
    tokens = tf.AutoTokenizer.from_pretrained(folder)(SENTENCES, padding=True, return_tensors="np")
    feeds = {name: value.astype(np.int64) for name, value in tokens.items()}
    model = tf.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = model(**{name: torch.from_numpy(value) for name, value in feeds.items()}).last_hidden_state.numpy()
    expected = similarities(states, feeds["attention_mask"])
    errors = []
    for path in models:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = {value.name for value in session.get_inputs()}
        found = session.run(["last_hidden_state"], {name: value for name, value in feeds.items() if name in names})[0]
        errors.append(float(np.abs(similarities(found, feeds["attention_mask"]) - expected).max()))
    print(json.dumps(errors))


if __name__ == "__main__":
    main()
