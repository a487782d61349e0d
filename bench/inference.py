#!/usr/bin/env python3
"""Times one inference in ONNX Runtime: inference.py MODEL SYMBOL=SIZE…; prints a Result's figures as JSON."""

import json
import resource
import statistics
import sys
import time

import numpy as np
import onnxruntime

RUNS = 5


def value(wanted, sizes):
    """Zeros for whole numbers (token 0), ones for masks, normal values for floats."""
    shape = [sizes[dim] if isinstance(dim, str) else dim for dim in wanted.shape]
    if wanted.type == "tensor(float)":
        return np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return np.full(shape, int("mask" in wanted.name), np.int64)


def main():
    path, *bindings = sys.argv[1:]
    sizes = {symbol: int(size) for symbol, size in (binding.split("=") for binding in bindings)}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feeds = {wanted.name: value(wanted, sizes) for wanted in session.get_inputs()}
    session.run(None, feeds)
    walls, cpu = [], time.process_time()
    for _ in range(RUNS):
        began = time.perf_counter()
        session.run(None, feeds)
        walls.append(time.perf_counter() - began)
    figures = {
        "wall": statistics.median(walls), "cpu": (time.process_time() - cpu) / RUNS, "runs": RUNS, "spread": [min(walls), max(walls)],
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
