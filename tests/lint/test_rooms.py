"""Rooms: includes go one way, and each library and each kind of work has its rooms."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

# The order stands once, in src/CMakeLists.txt; the command is no room of the library and comes last.
ROOMS = re.findall(r"^olivine_room\((\w+)", (SRC / "CMakeLists.txt").read_text(), re.MULTILINE) + ["cli"]

# Who may include a library's headers, by the beginning of what stands between <>.
LIBRARY_ROOMS = {
    "onnx/": ["onnx"],
    "google/protobuf/": ["onnx"],
    "protozero/": ["onnx"],
    "onnxruntime": ["runtime"],
    "hwy/": ["kernels"],
    "tbb/": ["base"],
    "oneapi/": ["base"],
    "CLI/": ["cli"],
}

# A frontend reads models, runtime reads test inputs, workflow its own file and the cache; the rest work in memory.
ROOMS_WITH_FILES = ["base", "onnx", "runtime", "torch", "huggingface", "writer", "workflow", "cli"]
OPENS_A_FILE = re.compile(
    r"\b(?:[io]?fstream|fopen|freopen|File::(?:open_read|create)|MappedFile::open|read_text_file|"
    r"(?:fs|filesystem)::(?:remove|remove_all|rename|copy|copy_file|create_directory|create_directories|directory_iterator))\b"
)


def room_of(path):
    return path.relative_to(SRC).parts[0]


def includes(path):
    """(line number, quoted?, what is included) of every include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line):
            yield number, match[1] == '"', match[2]


def code_lines(path):
    """Lines without their comments."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        yield number, line.split("//")[0]


def library_files(sources):
    # Tests are linked against everything, so that a test of ir/ may write its models as text with onnx/'s parser.
    return [path for path in sources if path.is_relative_to(SRC) and not path.name.endswith(("_test.cc", "_bench.cc", "_fixture.h"))]


def test_every_folder_is_a_room():
    folders = {path.name for path in SRC.iterdir() if path.is_dir() and any(path.rglob("*.cc"))}
    assert folders <= set(ROOMS), "folders without an olivine_room() in src/CMakeLists.txt"


def test_includes_go_one_way(sources):
    wrong = []
    for path in library_files(sources):
        allowed = ROOMS[: ROOMS.index(room_of(path)) + 1]
        for number, quoted, target in includes(path):
            first = target.split("/")[0]
            if quoted and first in ROOMS and first not in allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {room_of(path)} may not include {target}")
    assert not wrong, "\n".join(wrong)


def test_own_headers_are_named_from_src(sources):
    wrong = []
    for path in sources:
        for number, quoted, target in includes(path):
            own = quoted and target.split("/")[0] in [*ROOMS, "olivine"]
            if own and not (SRC / target).exists() and not (ROOT / "include" / target).exists():
                wrong.append(f"{path.relative_to(ROOT)}:{number}: no such header: {target}")
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_in_their_rooms(sources):
    wrong = []
    for path in library_files(sources):
        for number, quoted, target in includes(path):
            for prefix, rooms in LIBRARY_ROOMS.items():
                own = quoted and target.split("/")[0] in ROOMS  # "onnx/onnx.h" is the room, <onnx/checker.h> the library
                if not own and target.startswith(prefix) and room_of(path) not in rooms:
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: <{target}> belongs to {', '.join(rooms)}")
    assert not wrong, "\n".join(wrong)


def test_only_some_rooms_open_files(sources):
    wrong = []
    for path in library_files(sources):
        if room_of(path) not in ROOMS_WITH_FILES:
            for number, line in code_lines(path):
                if match := OPENS_A_FILE.search(line):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {room_of(path)} may not use files: {match[0]}")
    assert not wrong, "\n".join(wrong)


def test_the_library_never_prints_nor_exits(sources):
    # Taking the buffer of std::cout away keeps another library from printing.
    speaks = re.compile(r"\bstd::(?:cout(?!\.(?:rdbuf|clear)\b)|cerr|clog|abort|exit|_Exit|terminate)\b|\b(?:f?printf|puts|abort|_exit|fmt::print)\s*\(")
    wrong = []
    for path in library_files(sources):
        if room_of(path) != "cli":
            for number, line in code_lines(path):
                if match := speaks.search(line):
                    wrong.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert not wrong, "\n".join(wrong)
