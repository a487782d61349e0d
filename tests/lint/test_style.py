"""Formatting, sizes, words that don't belong into the project, links of the documentation."""

import re
import subprocess
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = {".png", ".onnx", ".pb", ".npy", ".npz", ".data", ".bin", ".zip", ".gz"}


def text_files(all_files):
    return [path for path in all_files if path.suffix not in BINARY]


def search(files, pattern):
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if match := re.search(pattern, line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    return found


def test_clang_format(sources):
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *map(str, sources)], capture_output=True, text=True, cwd=ROOT)
    files = sorted({line.split(":")[0].removeprefix(f"{ROOT}/") for line in done.stderr.splitlines() if "clang-format-violations" in line})
    assert done.returncode == 0, "run `make format`: " + ", ".join(files)


def test_file_sizes(all_files):
    for path in all_files:
        if path.suffix in (".cc", ".h", ".py") and (count := len(path.read_text().splitlines())) > 600:
            warnings.warn(f"{path.relative_to(ROOT)} has {count} lines; a family that grew wants to be split")


def test_no_paths_of_a_machine(all_files):
    found = search(text_files(all_files), r"(?<![\w.~}$])/(?:work|root|home|Users)/\w*")
    assert not found, "\n".join(found)


def test_no_registry_hosts(all_files):
    # Packages are named, and come through the machine's own clients and mirrors.
    found = search(text_files(all_files), r"\b(?:pypi|pythonhosted|npmjs|crates|rubygems|debian|proxy\.golang)\.(?:org|io|net|com)\b")
    assert not found, "\n".join(found)


def test_no_unfinished_marks(sources):
    found = search(sources, r"\b(?:TODO|FIXME|XXX|GTEST_SKIP|DISABLED_\w*)\b")
    assert not found, "\n".join(found)


def anchor(heading):
    """As the usual Markdown renderers make it: lower case, punctuation dropped, spaces become hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_documentation_links(all_files):
    broken = []
    for path in all_files:
        if path.suffix != ".md":
            continue
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
            target = target[0] or target[1]
            if re.match(r"[a-z]+:", target):
                continue
            file, _, fragment = target.partition("#")
            linked = (path.parent / file).resolve() if file else path
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE) if linked.suffix == ".md" and linked.exists() else []
            if not linked.exists() or (fragment and fragment not in map(anchor, headings)):
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert not broken, "\n".join(broken)
