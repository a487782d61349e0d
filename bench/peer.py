#!/usr/bin/env python3
"""Does one conversion with another tool, as its documentation says: peer.py TOOL INPUT OUTPUT."""

import json
import subprocess
import sys
from pathlib import Path


def onnxruntime(source, target):
    """The converter that Olive's OnnxFloatToFloat16 calls."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def converter_common(source, target):
    import onnx
    from onnxconverter_common.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def mixed_converter_common(source, target):
    """The search that runs the model: for the absolute tolerance of fp16 on values around one."""
    import numpy as np
    import onnx
    from onnxconverter_common.auto_mixed_precision import auto_convert_mixed_precision

    model = onnx.load(source)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"  # it knows nodes by their names
    rng = np.random.default_rng(0)
    feeds = {
        value.name: rng.standard_normal([dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]).astype(np.float32)
        for value in model.graph.input
    }
    onnx.save(auto_convert_mixed_precision(model, feeds, rtol=0.0, atol=1e-2, keep_io_types=True), target)


def onnx_opset(source, target):
    import onnx
    from onnx import version_converter

    onnx.save(version_converter.convert_version(onnx.load(source), 21), target)


def torch_onnx(source, target):
    import torch

    torch.onnx.export(torch.export.load(source), dynamo=True, opset_version=20).save(target)


def olive(source, target):
    run_olive({"type": "OnnxFloatToFloat16", "keep_io_types": True}, source, target)


def olive_opset(source, target):
    run_olive({"type": "OnnxOpVersionConversion", "target_opset": 21}, source, target)


def run_olive(options, source, target):
    folder = Path(target).parent
    workflow = {
        "input_model": {"type": "ONNXModel", "model_path": source},
        "passes": {"work": options},
        "output_dir": target,
        "cache_dir": str(folder / "olive-cache"),
        "clean_cache": True,
    }
    path = folder / "olive.json"
    path.write_text(json.dumps(workflow))
    subprocess.run([sys.executable, "-m", "olive", "run", "--config", str(path)], check=True)


TOOLS = {
    "onnxruntime": onnxruntime, "converter-common": converter_common, "olive": olive, "onnx-opset": onnx_opset, "olive-opset": olive_opset,
    "torch-onnx": torch_onnx, "mixed-converter-common": mixed_converter_common,
}

if __name__ == "__main__":
    TOOLS[sys.argv[1]](*sys.argv[2:])
