"""fp16 with `keep_io_types`: accepted by the checker, loaded by ONNX Runtime, and right.

The cases are the node tests with a float (fp32) tensor among their inputs and outputs, also inside a sequence or an
optional, that ONNX Runtime itself passes before the conversion.

Right means that every output agrees with the expected one, or with what the unconverted model computes from the same
inputs rounded to fp16, which is all that an fp16 model can see of them. Floats agree within RTOL of the value plus ATOL
of the output's largest finite magnitude (fp16 has 11 bits: 5e-4 a rounding, some roundings in a row); all else agrees
exactly.
"""

import ml_dtypes
import numpy as np
import onnx
import running
from cases import node_cases
from onnx import TensorProto

TITLE = "fp16 with keep_io_types"
RTOL = 1e-2
ATOL = 2e-3


def bottom(type_proto):
    """The element type of a tensor, or of the tensors in a sequence or an optional."""
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        return type_proto.tensor_type.elem_type
    return bottom(getattr(type_proto, kind).elem_type) if kind in ("sequence_type", "optional_type") else 0


def has_float(model):
    return any(bottom(value.type) == TensorProto.FLOAT for value in [*model.graph.input, *model.graph.output])


def agree(got, expected, rtol, atol):
    """Nothing, or what is wrong with `got`. Sequences are lists, an empty optional is None."""
    got, expected = running.as_numpy(got), running.as_numpy(expected)
    if expected is None or got is None:
        return None if got is expected else "one is an empty optional"
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return "sequences of different lengths"
        return next(filter(None, (agree(*pair, rtol, atol) for pair in zip(got, expected))), None)
    got, expected = np.asarray(got), np.asarray(expected)
    if expected.dtype.kind in "OUS":
        return None if got.astype(str).tolist() == expected.astype(str).tolist() else "strings differ"
    if got.dtype != expected.dtype or got.size != expected.size:
        return f"{got.dtype}{list(got.shape)} instead of {expected.dtype}{list(expected.shape)}"
    got = got.reshape(expected.shape)  # ONNX Runtime makes [1] of a scalar here and there
    if expected.dtype.kind in "biu" or expected.dtype in (ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2):
        different = np.count_nonzero(got != expected)
        return f"{different} of {expected.size} {expected.dtype} differ" if different else None
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    got, expected = got.astype(wide), expected.astype(wide)
    finite = np.abs(expected[np.isfinite(expected)])
    bound = atol * max(1.0, finite.max(initial=0.0))
    if np.allclose(got, expected, rtol, bound, equal_nan=True):
        return None
    with np.errstate(all="ignore"):
        return f"off by {np.nanmax(np.abs(got - expected)):.3g} where the largest magnitude is {finite.max(initial=0.0):.3g}"


def outcome(running_session, case, inputs, expected, rtol, atol):
    got = running.run(running_session, [value.name for value in case.model.graph.input], inputs)
    if len(got) != len(expected):
        return f"{len(got)} outputs instead of {len(expected)}"
    return next(filter(None, (agree(*pair, rtol, atol) for pair in zip(got, expected))), None)


def passes_before(case):
    """Whether ONNX Runtime computes what the test expects, with the test's tolerances (relative to the output's size)."""
    try:
        session = running.session(case.model)
        return not any(outcome(session, case, *data, case.rtol, max(case.atol, 1e-5)) for data in case.data_sets)
    except Exception:  # noqa: BLE001  whatever ONNX Runtime says, it does not pass
        return False


def suite_cases():
    return [case for case in node_cases() if has_float(case.model) and passes_before(case)]


def rounded(value):
    """The value as fp16 would hold it, in its own dtype."""
    value = running.as_numpy(value)
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if value is None or np.asarray(value).dtype != np.float32:
        return value
    with np.errstate(over="ignore"):
        return np.asarray(value).astype(np.float16).astype(np.float32)


def convert(case, olivine, folder):
    """The path of the converted model, or what the tool says."""
    source, target = folder / "in.onnx", folder / "out.onnx"
    source.write_bytes(case.model.SerializeToString())
    done = olivine("run-pass", "--pass-name", "OnnxFloatToFloat16", "--keep-io-types", "true", "-m", source, "-o", target)
    return (target, "") if done.returncode == 0 else (None, done.stderr.strip())


def convert_with_onnxruntime(case, _, folder):
    """What Olive calls: the converter in the onnxruntime package."""
    from onnxruntime.transformers import float16

    try:
        model = float16.convert_float_to_float16(onnx.ModelProto.FromString(case.model.SerializeToString()), keep_io_types=True)
        onnx.save(model, folder / "out.onnx")
    except Exception as error:  # noqa: BLE001  the tool's refusal, whatever its type
        return None, f"{type(error).__name__}: {error}"
    return folder / "out.onnx", ""


def judge(case, target):
    """(verdict, reason) of a converted model."""
    try:
        converted = running.session(str(target))
    except Exception as error:  # noqa: BLE001
        return "wrong", f"does not load: {error}"
    before = None
    for inputs, expected in case.data_sets:
        try:
            wrong = outcome(converted, case, inputs, expected, RTOL, ATOL)
        except Exception as error:  # noqa: BLE001
            return "wrong", f"does not run: {error}"
        if wrong:
            before = before or running.session(case.model)
            seen = [rounded(value) for value in inputs]
            exact = running.run(before, [value.name for value in case.model.graph.input], seen)
            if outcome(converted, case, inputs, exact, RTOL, ATOL):
                return "wrong", wrong
    return "right", ""


def checker_says(target):
    """What the checker objects to: without and with its full check."""
    said = []
    for full in (False, True):
        try:
            onnx.checker.check_model(str(target), full_check=full)
            said.append("")
        except Exception as error:  # noqa: BLE001
            said.append(str(error).strip())
    return said


def check_with(converter, case, olivine, folder):
    target, refusal = converter(case, olivine, folder)
    if target is None:
        return "refused", refusal, {}
    plain, full = checker_says(target)
    verdict, reason = judge(case, target)
    extra = {"checker": not plain, "full_checker": not full}
    if verdict == "right" and plain:
        return "invalid", plain, extra
    return verdict, reason, extra


def check(case, olivine, folder):
    return check_with(convert, case, olivine, folder)


def check_onnxruntime(case, olivine, folder):
    return check_with(convert_with_onnxruntime, case, olivine, folder)
