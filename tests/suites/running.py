"""Running models with ONNX Runtime on NumPy arrays of every dtype, 4-bit and 8-bit floats included."""

import ctypes

import ml_dtypes  # noqa: F401  (registers bfloat16 and its kin with NumPy)
import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

ort.set_default_logger_severity(4)

BITS = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}
NATIVE = {"float16", "float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}


def as_numpy(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def pack(array):
    """An array's bytes as ONNX's raw_data holds them."""
    bits = BITS.get(array.dtype.name)
    if bits is None:
        return array.tobytes()
    tensor = numpy_helper.from_array(array)
    return tensor.raw_data


def to_ort(array):
    array = np.asarray(array, order="C")
    if array.dtype.name in NATIVE or array.dtype.kind in "OUS":
        return ort.OrtValue.ortvalue_from_numpy(array)
    value = ort.OrtValue.ortvalue_from_shape_and_type(list(array.shape), helper.np_dtype_to_tensor_dtype(array.dtype))
    data = pack(array)
    ctypes.memmove(value.data_ptr(), data, len(data))
    return value


def from_ort(value):
    if value.is_tensor():
        dtype = value.element_type()
        name = helper.tensor_dtype_to_np_dtype(dtype).name if dtype != onnx.TensorProto.STRING else "object"
        if name in NATIVE or name in ("object", "str"):
            return value.numpy()
        shape = value.shape()
        count = int(np.prod(shape, dtype=np.int64))
        raw = ctypes.string_at(value.data_ptr(), (count * BITS.get(name, value_bits(name)) + 7) // 8)
        return numpy_helper.to_array(helper.make_tensor("", dtype, shape, raw, raw=True))
    return value._ortvalue.to_python() if hasattr(value._ortvalue, "to_python") else value.numpy()


def value_bits(name):
    return np.dtype(getattr(ml_dtypes, name)).itemsize * 8


def session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    source = model if isinstance(model, (str, bytes)) else model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(running, names, values):
    """Outputs for `values`, which belong to the model's inputs `names` in order; None is an absent optional."""
    wanted = {one.name for one in running.get_inputs()}
    feeds = {name: as_numpy(value) for name, value in zip(names, values) if name in wanted}
    if any(value is None or isinstance(value, (list, dict)) for value in feeds.values()):
        return running.run(None, feeds)
    return [from_ort(value) for value in running.run_with_ort_values(None, {name: to_ort(value) for name, value in feeds.items()})]
