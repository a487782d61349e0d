"""Help texts, schema and reference pages come from the declarations; `scripts/golden` writes them."""

import subprocess


def files(folder):
    return {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}


def generated(root):
    made = {}
    for folder in ("tests/golden", "docs/reference"):
        made |= {f"{folder}/{name}": path for name, path in files(root / folder).items()}
    return made


def test_golden_files_are_up_to_date(olivine, root, tmp_path):
    done = subprocess.run([root / "scripts/golden", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected, actual = generated(root), generated(tmp_path)
    assert sorted(expected) == sorted(actual), "run scripts/golden"
    for name, path in actual.items():
        assert expected[name].read_text() == path.read_text(), f"{name} is out of date: run scripts/golden"


def test_help_fits_the_width(root):
    for name, path in files(root / "tests/golden/help").items():
        for line in path.read_text().splitlines():
            assert len(line) <= 100, f"{name}: {line}"
            assert line == line.rstrip(), f"{name}: blanks at the end of {line!r}"
