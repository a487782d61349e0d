"""Writes down what ONNX Runtime's quantizers make of weights that the tests can make too.

Each row of src/tensor/quantize_golden.inc holds the FNV-1a hashes of the packed codes, scales and zero points; the weights
come from integers (`values`), so that the test in C++ gets the same bits. With --check nothing is written; the exit
code tells whether the file is up to date.
"""

import argparse
import pathlib
import sys
import types

import numpy as np
import onnxruntime
from onnxruntime.capi import _pybind_state as ort

# The package imports onnx_ir, which its arithmetic doesn't use and onnxruntime doesn't install.
sys.modules.setdefault("onnx_ir", types.ModuleType("onnx_ir"))
from onnxruntime.quantization.neural_compressor.weight_only import quant_tensor_k_quant_cpu  # noqa: E402

TARGET = pathlib.Path(__file__).resolve().parent.parent / "src/tensor/quantize_golden.inc"
ROWS = 16
QUANTIZERS = {2: ort.quantize_matmul_2bits, 4: ort.quantize_matmul_4bits, 8: ort.quantize_matmul_8bits}
MASK = (1 << 64) - 1


def splitmix64(seed: int):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        yield mixed ^ (mixed >> 31)


def value(kind: int, column: int, random: int, bits: int, half: bool) -> float:
    """Row `kind` of a weight: the sixteen kinds of blocks that quantizers disagree about."""
    unsigned = random & 0xFFFF
    signed = unsigned - 32768
    sign = -1.0 if random >> 63 else 1.0
    top, middle = (1 << bits) - 1, 1 << (bits - 1)
    kinds = (
        lambda: np.ldexp(signed, -15),  # even
        lambda: 0.0,
        lambda: -0.0,
        lambda: sign * 0.0,
        lambda: np.ldexp(19661, -16),  # constant
        lambda: -np.ldexp(19661, -16),
        lambda: np.ldexp(unsigned + 1, -16),  # of one sign
        lambda: -np.ldexp(unsigned + 1, -16),
        lambda: np.ldexp(signed, -38 if half else -157),  # tiny: many are subnormal
        lambda: np.ldexp(signed, -1 if half else 111),  # huge
        # Halves between two steps: of the range of all codes, then of the symmetric one.
        lambda: (-top if column == 0 else top if column == 1 else (random >> 20) % (2 * top + 1) - top) / 2,
        lambda: (-2 * middle if column == 0 else (random >> 20) % (4 * middle) - 2 * middle) / 2,
        lambda: np.ldexp(signed, -15 - (random >> 58 & 15)),  # of many magnitudes
        lambda: np.ldexp(signed, -10 if (random >> 40) % 16 == 0 else -20),  # outliers
        lambda: np.ldexp((random >> 20) % 5 - 2, -24 if half else -149),  # the smallest subnormals
        lambda: max(0.0, np.ldexp(signed, -15)),
    )
    return kinds[kind]()


def weight(k: int, bits: int, half: bool) -> np.ndarray:
    """[16, k]: one row a kind."""
    numbers = splitmix64(k)
    rows = [[value(row, column, next(numbers), bits, half) for column in range(k)] for row in range(ROWS)]
    return np.array(rows, np.float32).astype(np.float16 if half else np.float32)


def fnv1a(array: np.ndarray) -> str:
    digest = 0xCBF29CE484222325
    for byte in array.tobytes():
        digest = ((digest ^ byte) * 0x100000001B3) & MASK
    return f"0x{digest:016x}"


def quantize_matmul(half: bool, bits: int, symmetric: bool, block: int, k: int) -> str:
    blocks = -(-k // block)
    source = np.pad(weight(k, bits, half).T, ((0, blocks * block - k), (0, 0)))
    codes = np.zeros((ROWS, blocks, block * bits // 8), np.uint8)
    scales = np.zeros((ROWS, blocks), source.dtype)
    points = np.zeros((ROWS, -(-blocks * bits // 8)), np.uint8)
    QUANTIZERS[bits](codes, np.ascontiguousarray(source), scales, points, block, ROWS, k, symmetric)
    return ", ".join((fnv1a(codes), fnv1a(scales), "0" if symmetric else fnv1a(points)))


def quantize_linear(half: bool, symmetric: bool, block: int, k: int) -> str:
    """The weight is [k, rows] here, quantized along its first axis; the smallest subnormals are left out (see docs)."""
    source = weight(k, 4, half)
    source[14] = source[0]
    if not half:
        source[8] = source[0]
    blocks = -(-k // block)
    codes = np.zeros((k * ROWS + 1) // 2, np.uint8)
    scales = np.zeros((blocks, ROWS), source.dtype)
    points = np.zeros((blocks * ROWS + 1) // 2, np.uint8)
    ort.quantize_qdq_matmul_4bits(codes, np.ascontiguousarray(source.T), scales, points, block, ROWS, k, symmetric)
    return ", ".join((fnv1a(codes), fnv1a(scales), "0" if symmetric else fnv1a(points)))


def k_quant(bits: int, block: int, k: int) -> str:
    """Rows whose blocks have values on both sides of zero: 0, 10 to 13."""
    source = weight(k, bits, False)[[0, 10, 11, 12, 13]]
    codes, scales, points = quant_tensor_k_quant_cpu(source, bits, block)
    return ", ".join((fnv1a(codes.astype(np.uint8)), fnv1a(scales.astype(np.float32)), fnv1a(points)))


def cpp(flag: bool) -> str:
    return "true" if flag else "false"


def text() -> str:
    lines = [f"// Written by scripts/quantize_golden.py from onnxruntime {onnxruntime.__version__}: do not edit."]
    lines.append("constexpr Golden kMatmul[] = {  // half, bits, symmetric, block, k, codes, scales, zero points")
    for half in (False, True):
        for bits in (2, 4, 8):
            for symmetric in (True, False):
                for block in (16, 32, 64, 128, 256):
                    for k in (3 * block, block + 1, 2 * block + 5):
                        hashes = quantize_matmul(half, bits, symmetric, block, k)
                        lines.append(f"    {{{cpp(half)}, {bits}, {cpp(symmetric)}, {block}, {k}, {hashes}}},")
    lines += ["};", "constexpr Golden kLinear[] = {"]
    for half in (False, True):
        for symmetric in (True, False):
            for block, k in ((16, 48), (32, 64), (32, 70), (128, 256)):
                hashes = quantize_linear(half, symmetric, block, k)
                lines.append(f"    {{{cpp(half)}, 4, {cpp(symmetric)}, {block}, {k}, {hashes}}},")
    lines += ["};", "constexpr Golden kKQuant[] = {"]
    for bits in (4, 8):
        for block in (16, 32, 64, 128, 256):
            lines.append(f"    {{false, {bits}, false, {block}, {3 * block}, {k_quant(bits, block, 3 * block)}}},")
    return "\n".join([*lines, "};", ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    made = text()
    if check:
        return 0 if TARGET.read_text() == made else 1
    TARGET.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
