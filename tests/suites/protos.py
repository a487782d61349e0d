"""Compares two models message by message: equal means that no reader could tell them apart.

Three spellings count as the same: a tensor's payload in typed data or in `raw_data`, a scalar field at its default and
an absent one (but not within a oneof, where presence is the meaning), and the two names "" and "ai.onnx" of the default
domain. `value_info` is a table by name. All else, order included, must agree; unknown fields must agree byte for byte.
"""

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import numpy_helper

PAYLOAD = {"raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data"}
STORAGE = PAYLOAD | {"external_data", "data_location"}


def payload(tensor, folder):
    """A tensor's elements as bytes, wherever the model keeps them."""
    if tensor.data_type == onnx.TensorProto.STRING:
        return b"\0".join(tensor.string_data)
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor = onnx.TensorProto.FromString(tensor.SerializeToString())
        onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    array = numpy_helper.to_array(tensor)
    return numpy_helper.from_array(array).raw_data if array.size else b""


def unknown(message):
    return sorted((field.field_number, field.wire_type, repr(field.data)) for field in UnknownFieldSet(message))


def fields_of(message):
    """Fields by name, without scalars at their default outside of a oneof."""
    present = {}
    for field, value in message.ListFields():
        scalar = field.type not in (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP)
        repeated = field.is_repeated
        if scalar and not repeated and field.containing_oneof is None and value == field.default_value:
            continue
        if field.name == "domain" and value == "ai.onnx":
            continue
        present[field.name] = (field, value, repeated)
    return present


def differences(a, b, path="", folders=("", "")):
    """Yields "path: what differs" for two messages of one type."""
    if unknown(a) != unknown(b):
        yield f"{path}: unknown fields {unknown(a)} / {unknown(b)}"
    fields_a, fields_b = fields_of(a), fields_of(b)
    if isinstance(a, onnx.TensorProto):
        if payload(a, folders[0]) != payload(b, folders[1]):
            yield f"{path} ({a.name}): payloads differ"
        fields_a = {name: field for name, field in fields_a.items() if name not in STORAGE}
        fields_b = {name: field for name, field in fields_b.items() if name not in STORAGE}
    for name in sorted(fields_a.keys() | fields_b.keys()):
        here = f"{path}/{name}"
        if name not in fields_a or name not in fields_b:
            field, value, _ = fields_a.get(name) or fields_b[name]
            side = "only before" if name in fields_a else "only after"
            yield f"{here}: {side}: {str(value)[:100]!r}"
            continue
        (field, value_a, repeated), (_, value_b, _) = fields_a[name], fields_b[name]
        if not repeated:
            value_a, value_b = [value_a], [value_b]
        elif name == "value_info":
            value_a, value_b = (sorted(value, key=lambda item: item.name) for value in (value_a, value_b))
        if len(value_a) != len(value_b):
            yield f"{here}: {len(value_a)} before, {len(value_b)} after"
            continue
        for number, (one, other) in enumerate(zip(value_a, value_b)):
            place = f"{here}/{number}" if repeated else here
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from differences(one, other, place, folders)
            elif one != other and not (isinstance(one, float) and np.isnan(one) and np.isnan(other)):
                yield f"{place}: {str(one)[:100]!r} became {str(other)[:100]!r}"
