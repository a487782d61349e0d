"""Read and written untouched, a model comes back as it was."""

import json

import cases
import made
import onnx
import protos

TITLE = "read and written untouched"


def suite_cases():
    return [*cases.all_cases(), *made.cases()]


def check(case, olivine, folder):
    """(verdict, reason) for one case; `folder` is empty and the caller removes it."""
    source = folder / "in.onnx"
    source.write_bytes(case.model.SerializeToString())
    workflow = {
        "input_model": {"type": "ONNXModel", "model_path": str(source)},
        "passes": {},
        "output_dir": str(folder / "out"),
    }
    (folder / "workflow.json").write_text(json.dumps(workflow))
    done = olivine("run", "--config", folder / "workflow.json")
    if done.returncode != 0:
        return "refused", done.stderr.strip()
    after = onnx.load(folder / "out/model.onnx", load_external_data=False)
    found = list(protos.differences(case.model, after, folders=(folder, folder / "out")))
    return ("right", "") if not found else ("wrong", "; ".join(found[:3]))
