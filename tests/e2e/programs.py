"""Archives as torch.export.save writes them, made without torch."""

import copy
import json
import struct
import zipfile

FLOAT = 7
VERSION = {"major": 8, "minor": 20}


def meta(sizes, dtype=FLOAT, strides=None, offset=0):
    if strides is None:
        strides, step = [], 1
        for size in reversed(sizes):
            strides.insert(0, {"as_int": step})
            step *= size if isinstance(size, int) else 1
    else:
        strides = [{"as_int": stride} for stride in strides]
    sizes = [{"as_int": size} if isinstance(size, int) else {"as_expr": {"expr_str": f"Symbol('{size}', positive=True)", "hint": None}} for size in sizes]
    return {"dtype": dtype, "sizes": sizes, "strides": strides, "storage_offset": {"as_int": offset}, "layout": 7,
            "requires_grad": False, "device": {"type": "cpu", "index": None}}


def call(target, result, **inputs):
    return {"target": f"torch.ops.{target}", "name": result, "metadata": {}, "outputs": [{"as_tensor": {"name": result}}],
            "inputs": [{"name": name, "arg": {"as_tensor": {"name": value}} if isinstance(value, str) else {"as_int": value}, "kind": 1}
                       for name, value in inputs.items()]}


def add_weight():
    """x + w as a dictionary: change it, then save it."""
    tensor = {"as_tensor": {"name": "x"}}
    return {
        "program": {
            "graph_module": {
                "graph": {
                    "inputs": [{"as_tensor": {"name": "p_w"}}, tensor],
                    "outputs": [{"as_tensor": {"name": "add"}}],
                    "nodes": [call("aten.add.Tensor", "add", self="x", other="p_w")],
                    "tensor_values": {"p_w": meta([3]), "x": meta(["s0", 3]), "add": meta(["s0", 3])},
                    "sym_int_values": {}, "sym_bool_values": {}, "is_single_tensor_return": False},
                "signature": {
                    "input_specs": [{"parameter": {"arg": {"name": "p_w"}, "parameter_name": "w"}}, {"user_input": {"arg": tensor}}],
                    "output_specs": [{"user_output": {"arg": {"as_tensor": {"name": "add"}}}}]},
                "module_call_graph": []},
            "opset_version": {"aten": 10}, "range_constraints": {}, "schema_version": dict(VERSION), "torch_version": "2.13.0"},
        "weights": {"w": {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta([3])}},
        "payloads": {"weight_0": struct.pack("<3f", 1, 2, 3)},
        "byteorder": "little",
    }


def save(path, parts, compression=zipfile.ZIP_STORED):
    parts = copy.deepcopy(parts)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, payload in parts["payloads"].items():
            archive.writestr(f"model/data/weights/{name}", payload)
        archive.writestr("model/data/weights/model_weights_config.json", json.dumps({"config": parts["weights"]}))
        archive.writestr("model/models/model.json", json.dumps(parts["program"]))
        archive.writestr("model/byteorder", parts["byteorder"])
    return path
