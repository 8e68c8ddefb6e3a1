"""Builds the two compiled modules and puts the vendors' headers and the schema into the wheel."""

import fcntl
import os
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

# Whoever builds the C code in a step of its own (scripts/set-up) sets this: the installation then leaves it
# alone.
WITH_NATIVE = os.environ.get("MAM_NO_NATIVE", "") in ("", "0")


class BuildPy(build_py):
    """Adds what vendors need to the package: appliance/include/mam/*.h and appliance/schema/mam.xml."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        package = Path(self.build_lib, "appliance")
        for header in sorted(Path("native/include/mam").glob("*.h")):
            self.place(header, package / "include" / "mam" / header.name)
        self.place(Path("native/schema/mam.xml"), package / "schema" / "mam.xml")

    def place(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class BuildExt(build_ext):
    """One build at a time in a checkout: two would write the same object files."""

    def run(self) -> None:
        Path("build").mkdir(exist_ok=True)
        with open("build/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            super().run()


setup(
    cmdclass={"build_py": BuildPy, "build_ext": BuildExt},
    cffi_modules=["appliance/native_build.py:native", "appliance/native_build.py:broker"]
    if WITH_NATIVE
    else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
