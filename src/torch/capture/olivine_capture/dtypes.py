"""Names of element types, as workflows write them."""

import torch

from .errors import CaptureError

SHORT = {"float": "float32", "double": "float64", "half": "float16", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16",
         "int": "int32", "long": "int64", "fp64": "float64"}


def dtype_of(name, key):
    """torch.float16 for "float16", "fp16" or "torch.float16"."""
    if isinstance(name, torch.dtype):
        return name
    plain = str(name).removeprefix("torch.").lower()
    found = getattr(torch, SHORT.get(plain, plain), None)
    if not isinstance(found, torch.dtype):
        raise CaptureError("config", f"{key}: there is no type '{name}'", "float32, float16 or bfloat16 are some")
    return found


def name_of(dtype):
    return str(dtype).removeprefix("torch.")
