"""The folder that op_db_capture.py fills: index.json, and for a sample ID.pt2, ID.npz and perhaps ID.dynamic.pt2, ID.grown.npz.

The arrays of a .npz are input_0 … and output_0 …, in the program's order. NumPy lacks bfloat16 and float8, whose bits are stored as
unsigned integers, and complex tensors are stored as pairs of reals; the index tells the types.
"""

import fcntl
import json
import os
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = 1  # higher whenever older captures are of no use any more

# What `make test` converts: operators that models consist of, and a few whose semantics are hard.
PART = """
    abs add addmm all amax any arange argmax as_strided baddbmm bmm broadcast_to bucketize cat ceil chunk clamp clone cos cumsum
    diagonal div.floor_rounding div.no_rounding_mode einsum eq erf exp expand expand_as eye fill flatten flip floor fmod full full_like gather ge
    hstack index_add index_put index_select isnan linspace log log_softmax logical_and logsumexp logaddexp lt masked_fill masked_select matmul max.binary
    max.reduction_no_dim max.reduction_with_dim mean meshgrid.list_of_tensors min.binary mm movedim mul narrow native_layer_norm neg
    new_zeros nonzero norm permute pow prod reciprocal remainder repeat repeat_interleave reshape roll round rsqrt rsub
    scatter scatter_add scatter_reduce.sum select sigmoid sign sin slice softmax sort split split.list_args sqrt squeeze stack std sub sum
    take_along_dim tanh tile topk transpose tril triu true_divide unbind unfold unsqueeze var var_mean view where zeros_like __getitem__
    nn.functional.adaptive_avg_pool2d nn.functional.avg_pool2d nn.functional.batch_norm nn.functional.conv1d nn.functional.conv2d
    nn.functional.conv_transpose2d nn.functional.cross_entropy nn.functional.embedding nn.functional.gelu nn.functional.glu
    nn.functional.group_norm nn.functional.hardswish nn.functional.instance_norm nn.functional.interpolate.bilinear
    nn.functional.interpolate.nearest nn.functional.layer_norm nn.functional.leaky_relu nn.functional.linear nn.functional.max_pool2d
    nn.functional.pad.constant nn.functional.pad.reflect nn.functional.pixel_shuffle nn.functional.relu nn.functional.rms_norm
    nn.functional.scaled_dot_product_attention nn.functional.silu nn.functional.softplus nn.functional.unfold
""".split()


def cache_folder():
    deps = Path(os.environ.get("OLIVINE_DEPS", ROOT / ".deps"))
    return deps / "models/op_db"


def operator_name(record):
    return f"{record['operator']}.{record['variant']}" if record["variant"] else record["operator"]


def empty_index():
    return {"recipe": RECIPE, "part": [], "tasks": [], "samples": {}}


def read_json(path, otherwise):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return otherwise


def read_index(folder):
    index = read_json(folder / "index.json", empty_index())
    return index if index["recipe"] == RECIPE else empty_index()


def write_json(path, value):
    """Whole or not at all: others may be reading."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(value))
    new.replace(path)


@contextmanager
def locked(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
