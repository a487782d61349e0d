"""PyTorchModel: a module that a script makes, a TorchScript file, or a whole pickled module where the user trusts it."""

import inspect
import os
import re
import zipfile
from dataclasses import dataclass

import torch

from .dtypes import dtype_of
from .errors import CaptureError, one_line
from .io_config import read_io_config
from .script import Script, as_script_error
from .sizes import evaluate
from .subject import Subject

TRUST = "weights_only"


@dataclass
class Handler:
    """What Olive hands to io_config and dummy_inputs_func: the model's own description."""

    model_path: str | None
    model_script: str | None
    script_dir: str | None
    model_attributes: dict
    model: torch.nn.Module
    io_config: object = None

    def load_model(self, *_, **__):
        return self.model


def load(model, options, talk):
    script = Script(model.get("model_script") or options.get("user_script"), model.get("script_dir") or options.get("script_dir"))
    path = model.get("model_path")
    talk.progress("loading the model")
    module = load_module(model, script, path)
    handler = Handler(path, model.get("model_script"), model.get("script_dir"), model.get("model_attributes") or {}, module)
    given = model.get("io_config")
    if isinstance(given, str):
        given = script.call(given, "io_config", handler)
    io = read_io_config(given, options.get("dynamic") is not False)
    if io.kv_cache:
        from .caches import add_flat_cache

        add_flat_cache(io, handler.model_attributes)
    handler.io_config = given
    args, kwargs, remake = example_inputs(model, script, handler, io, options)
    return Subject(module, args, kwargs, io, remake=remake)


def load_module(model, script, path):
    loader = model.get("model_loader")
    if loader:
        module = script.call(loader, "model_loader", path)
    elif path is None:
        raise CaptureError("config", "neither model_loader nor model_path is given", "name the function of model_script that makes the module")
    elif not os.path.exists(path):
        raise CaptureError("config", f"there is no '{path}'")
    elif is_torchscript(path):
        module = load_torchscript(path)
    else:
        module = load_pickled(path, model)
    if not isinstance(module, torch.nn.Module):
        hint = "return it from model_loader"
        if isinstance(module, dict):
            hint = "have model_loader make the module and load the state dict into it"
        raise CaptureError("config", f"model_loader gives a {type(module).__name__}, not a torch.nn.Module", hint)
    return module


def is_torchscript(path):
    """TorchScript archives carry code; what torch.save writes doesn't."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def load_torchscript(path):
    try:
        return torch.jit.load(path, map_location="cpu")
    except Exception as error:  # noqa: BLE001
        raise CaptureError("config", f"the TorchScript file '{path}' cannot be loaded: {one_line(error)}", cause=error) from error


def load_pickled(path, model):
    trusted = model.get(TRUST) is False
    try:
        found = torch.load(path, map_location="cpu", weights_only=not trusted)
    except Exception as error:  # noqa: BLE001
        if trusted:
            raise as_script_error(error, f"the file '{path}' cannot be loaded") from error
        raise CaptureError(
            "config",
            f"'{path}' is not a file of plain tensors: loading it would run whatever code the file brings along",
            f"if you trust where it comes from, say \"{TRUST}\": false in input_model; else give a model_loader",
        ) from error
    if isinstance(found, dict):
        raise CaptureError(
            "config", f"'{path}' holds a state dict, which are weights without a model", "name in model_loader the function that makes the module and loads them")
    return found


def example_inputs(model, script, handler, io, options):
    name = model.get("dummy_inputs_func")
    if name:
        return *as_arguments(script.call(name, "dummy_inputs_func", handler)), None
    if not io.input_names or not io.input_shapes:
        raise CaptureError("config", "there are no example inputs", "give io_config with input_names and input_shapes, or dummy_inputs_func")
    past = options.get("past_key_value_name") or "past_key_values"
    remake = by_shapes(io, lambda values: by_signature(handler.model, with_nested_past(values, past)))
    return *remake({}), remake


def by_shapes(io, arrange):
    """A function that makes the inputs of io_config at any sizes; those that have no name, or none given, are its own."""
    types = [dtype_of(kind, "io_config's input_types") for kind in io.input_types or ["float32"] * len(io.input_names)]

    def make(sizes):
        generator = torch.Generator().manual_seed(sum(sizes.values()))
        values = {}
        for name, shape, dtype in zip(io.input_names, io.input_shapes, types, strict=True):
            axes = io.dynamic_axes.get(name) or {}
            dims = [evaluate(axes.get(axis) or "", sizes) or int(size) for axis, size in enumerate(shape)]
            values[name] = made(name, dims, dtype, generator)
        return arrange(values)

    return make


def with_nested_past(values, argument):
    """past_key_values.0.key and its like as the one argument that models take: a list of (key, value)."""
    flat = {name: value for name, value in values.items() if re.fullmatch(rf"{re.escape(argument)}\.\d+\.\w+", name)}
    if not flat:
        return values
    layers = {}
    for name, value in flat.items():
        layers.setdefault(int(name.split(".")[1]), []).append(value)
    result = {name: value for name, value in values.items() if name not in flat}
    result[argument] = [layers[index] for index in sorted(layers)]
    return result


def made(name, shape, dtype, generator):
    if dtype is torch.bool or "mask" in name:
        return torch.ones(shape, dtype=dtype)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator).to(dtype)
    if dtype.is_complex:
        return torch.randn(shape, dtype=dtype, generator=generator)
    # Whatever an integer means, zero and one are likely to be valid.
    return torch.randint(0, 2, shape, dtype=dtype, generator=generator)


def as_arguments(inputs):
    """A tensor, a list or tuple of arguments (a dict at its end are keywords, as torch.onnx has it), or keywords."""
    if isinstance(inputs, dict):
        return (), dict(inputs)
    if hasattr(inputs, "items") and not isinstance(inputs, torch.Tensor):
        return (), dict(inputs.items())
    if isinstance(inputs, (list, tuple)):
        if inputs and isinstance(inputs[-1], dict) and all(isinstance(key, str) for key in inputs[-1]):
            return tuple(inputs[:-1]), dict(inputs[-1])
        return tuple(inputs), {}
    return (inputs,), {}


def by_signature(module, values):
    """By name where forward has all the names, else in order."""
    if isinstance(module, torch.jit.ScriptModule):
        return tuple(values.values()), {}
    parameters = inspect.signature(module.forward).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if all(name in parameters or open_ended for name in values):
        return (), values
    return tuple(values.values()), {}
