"""Olive's io_config: names, shapes and types of inputs and outputs, and which axes are open."""

from dataclasses import dataclass, field

from .errors import CaptureError

KEYS = {
    "input_names", "input_shapes", "input_types", "output_names", "output_shapes", "output_types", "dynamic_axes", "dynamic_shapes",
    "string_to_int_dim_params", "kv_cache",
}


@dataclass
class IoConfig:
    input_names: list = field(default_factory=list)
    input_shapes: list = field(default_factory=list)
    input_types: list = field(default_factory=list)
    output_names: list = field(default_factory=list)
    dynamic_axes: dict = field(default_factory=dict)  # name -> {axis: name of the size}
    dynamic_shapes: object = None  # nested like the inputs; leaves are {axis: name} or lists of names
    numbers: set = field(default_factory=set)  # string_to_int_dim_params: names that are numbers
    kv_cache: object = False


def read_io_config(given, dynamic=True):
    """`dynamic` false: no axis is open."""
    if given is None:
        return IoConfig()
    if hasattr(given, "model_dump"):
        given = given.model_dump()
    if not isinstance(given, dict):
        raise CaptureError("config", f"io_config is a {type(given).__name__}, not an object")
    unknown = sorted(set(given) - KEYS)
    if unknown:
        raise CaptureError("config", f"io_config has unknown keys: {', '.join(unknown)}", f"the known ones are {', '.join(sorted(KEYS))}")
    names = list(given.get("input_names") or [])
    for key in ("input_shapes", "input_types"):
        if given.get(key) and len(given[key]) != len(names):
            raise CaptureError("config", f"io_config has {len(names)} input_names and {len(given[key])} {key}")
    return IoConfig(
        input_names=names,
        input_shapes=[list(shape) for shape in given.get("input_shapes") or []],
        input_types=list(given.get("input_types") or []),
        output_names=list(given.get("output_names") or []),
        dynamic_axes={name: axes_of(axes) for name, axes in (given.get("dynamic_axes") or {}).items() if dynamic},
        dynamic_shapes=given.get("dynamic_shapes") if dynamic else None,
        numbers={str(name) for name in given.get("string_to_int_dim_params") or []},
        kv_cache=given.get("kv_cache") or False,
    )


def axes_of(axes):
    """{0: "batch"} for {"0": "batch"}, ["batch", None], or [0], whose axes have no name."""
    if not axes:
        return {}
    if isinstance(axes, dict):
        return {int(axis): size_name(name) for axis, name in axes.items() if name is not None}
    if all(isinstance(entry, int) for entry in axes):
        return {axis: "" for axis in axes}
    return {axis: size_name(name) for axis, name in enumerate(axes) if name is not None}


def size_name(name):
    """A text, a torch.export.Dim, or one of Dim.DYNAMIC and Dim.AUTO, which have no name of their own."""
    if isinstance(name, str):
        return "" if name.upper() in ("DYNAMIC", "AUTO") else name
    own = getattr(name, "__name__", None)
    return own if isinstance(own, str) and own.isidentifier() else ""


def is_axes(shape):
    """Whether it is the shape of one tensor, not a nest of them."""
    if shape is None:
        return True
    if isinstance(shape, dict):
        return all(isinstance(key, int) or str(key).lstrip("-").isdigit() for key in shape)
    if isinstance(shape, (list, tuple)):
        return bool(shape) and all(entry is None or isinstance(entry, (str, int)) or hasattr(entry, "__name__") for entry in shape)
    return False


def flat_shapes(shapes):
    """The leaves of dynamic_shapes in order."""
    if is_axes(shapes):
        return [axes_of(shapes)]
    entries = shapes.values() if isinstance(shapes, dict) else shapes
    return [leaf for entry in entries for leaf in flat_shapes(entry)]
