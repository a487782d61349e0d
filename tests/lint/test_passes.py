"""A pass is one file, listed in the table, with a test beside it, and knows no other pass."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSES = ROOT / "src/passes"
DESCRIPTOR = re.compile(r"^(?:extern\s+)?(?:constinit\s+)?const\s+(?:passes::)?Pass\s+(\w+)\s*[={;(]", re.MULTILINE)


def pass_files():
    return [path for path in sorted(PASSES.glob("*.cc")) if path.name != "table.cc" and not path.name.endswith(("_test.cc", "_bench.cc"))]


def table():
    path = PASSES / "table.cc"
    return path.read_text() if path.exists() else ""


def test_the_table_lists_the_folder():
    defined = {name: path.name for path in pass_files() for name in DESCRIPTOR.findall(path.read_text())}
    without = [path.name for path in pass_files() if path.name not in defined.values()]
    assert not without, f"files of src/passes that define no pass (helpers belong to support/): {without}"
    missing = [f"{name} ({file})" for name, file in defined.items() if not re.search(rf"&\s*{name}\b", table())]
    assert not missing, f"not listed in table.cc: {missing}"
    declared = set(DESCRIPTOR.findall(table()))
    assert declared == set(defined), "table.cc and the folder differ"


def test_one_pass_a_file():
    for path in pass_files():
        assert len(set(DESCRIPTOR.findall(path.read_text()))) == 1, f"{path.name} defines more than one pass"


def test_every_pass_has_its_test():
    missing = [path.name for path in pass_files() if not path.with_name(f"{path.stem}_test.cc").exists()]
    assert not missing, f"passes without a test beside them: {missing}"


def test_passes_have_no_header():
    headers = [path.name for path in PASSES.glob("*.h") if (PASSES / f"{path.stem}.cc").exists()]
    assert not headers, f"a pass needs no header: {headers}"


def test_passes_do_not_include_passes():
    wrong = []
    for path in sorted(PASSES.rglob("*")):
        if path.suffix not in (".cc", ".h") or path.name.endswith("_test.cc"):
            continue
        inside = path.relative_to(PASSES)
        family = inside.parts[0] if len(inside.parts) > 1 else inside.stem  # a pass that was split keeps a folder of its own
        for target in re.findall(r'#include "passes/([^"]+)"', path.read_text()):
            if target != "pass.h" and target.split("/")[0] not in ("support", family):
                wrong.append(f"src/passes/{inside} includes passes/{target}")
    assert not wrong, "\n".join(wrong)
