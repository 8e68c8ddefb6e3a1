"""The two compiled modules, as cffi builders that setup.py names.

`appliance._native` is the engine: every native/src/*.c. `appliance._broker` is the embedded broker's hot
half: every native/broker/*.c, compiled against native/include only, as a vendor's program would be.

What Python may call stands in the headers between `/* cdef: begin */` and `/* cdef: end */`; that text is
the cffi declaration. In it `static inline` is dropped (cffi wants plain prototypes; API mode compiles calls
to inlines too).
"""

import os
import re
from pathlib import Path

from cffi import FFI

FLAGS = ["-std=gnu11", "-O3", "-fno-plt", "-Wall", "-Wextra", "-Werror"]
# The file that cffi writes is compiled with the same flags and is not clean of these; `make lint` compiles
# ours strictly.
FLAGS += [
    "-Wno-unused-parameter",
    "-Wno-unused-function",
    "-Wno-missing-field-initializers",
    "-Wno-cast-function-type",
]

_SECTION = re.compile(r"/\* cdef: begin \*/(.*?)/\* cdef: end \*/", re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def _headers(folders: list[str]) -> list[Path]:
    """All headers of the folders, each after those that it includes; folders in the order given."""
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.h"))]
    by_name = {name: path for path in found for name in (path.name, f"mam/{path.name}")}
    ordered: list[Path] = []

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        if path in ordered or path in above:
            return
        for name in _INCLUDE.findall(path.read_text()):
            if name in by_name:
                visit(by_name[name], (*above, path))
        ordered.append(path)

    for path in found:
        visit(path, ())
    return ordered


def declarations(path: Path) -> str:
    """The cdef text of one header; "" when it has none."""
    text = path.read_text()
    if text.count("/* cdef: begin */") != text.count("/* cdef: end */"):
        raise SystemExit(f"{path}: a cdef section is not closed")
    section = "\n".join(_SECTION.findall(text))
    section = re.sub(r"\bstatic inline\b", "", section)
    return re.sub(r"(#define \w+) \((-?\d+)\)", r"\1 \2", section)


def _builder(module: str, sources: str, header_folders: list[str], flags: list[str]) -> FFI:
    headers = _headers(header_folders)
    exposed = [path for path in headers if declarations(path)]
    ffi = FFI()
    for path in exposed:
        try:
            ffi.cdef(declarations(path))
        except Exception as error:
            raise SystemExit(f"{path}: cffi does not understand the cdef section: {error}") from error
    ffi.set_source(
        module,
        "".join(f'#include "{_include_name(path)}"\n' for path in exposed),
        sources=sorted(str(path) for path in Path(sources).glob("*.c")),
        include_dirs=["native/include"],
        depends=[str(path) for path in headers],
        extra_compile_args=FLAGS + flags + os.environ.get("MAM_CFLAGS", "").split(),
        extra_link_args=os.environ.get("MAM_LDFLAGS", "").split(),
        libraries=["pthread", "rt"],
        py_limited_api=True,
    )
    return ffi


def _include_name(path: Path) -> str:
    return f"mam/{path.name}" if path.parent.name == "mam" else path.name


def native() -> FFI:
    # -iquote and not -I: with -I the system's own headers would find native/src/assert.h as <assert.h>.
    return _builder(
        "appliance._native",
        "native/src",
        ["native/include/mam", "native/src"],
        ["-iquote", "native/src"],
    )


def broker() -> FFI:
    return _builder(
        "appliance._broker",
        "native/broker",
        ["native/include/mam", "native/broker"],
        ["-iquote", "native/broker"],
    )
