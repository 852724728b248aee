"""``check_wheel.py WHEEL``: the wheel has the right tag, needs no Swift, and no later processor than each build says.

What it must get right: the wheel is run where neither PATH nor the library path knows a Swift, from a directory of its
own, so that nothing of the source tree can help it. The instructions are those of the whole library, run by a test or not.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from platform import machine

PROGRAM = """
import os, shutil, sys
assert shutil.which("swift") is None and "LD_LIBRARY_PATH" not in os.environ
sys.path.insert(0, os.getcwd())
import numpy, swiftkan
from swiftkan import _core
assert os.path.dirname(os.path.dirname(swiftkan.__file__)) == os.getcwd(), swiftkan.__file__
model = swiftkan.KAN([2, 3, 1], seed=0)
x = numpy.random.default_rng(0).uniform(-1, 1, (50, 2))
y = x[:, :1] * x[:, 1:]
data = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
result = model.fit(data, opt="LBFGS", steps=3, verbose=0)
assert result["train_loss"][-1] < result["train_loss"][0]
with open("/proc/self/maps") as maps:
    swift = sorted({line.split()[-1] for line in maps if "libswift" in line or "lapack" in line})
assert not swift, swift
print("trained without Swift: loss", result["train_loss"][-1])
"""


# The builds of the engine: the instruction set, the module.
BUILDS = {f"x86-64-v{n}": "_core" + (f"_x86_64_v{n}" if n > 2 else "") for n in (2, 3, 4)} if machine() == "x86_64" else {"": "_core"}


def check_library(core):
    """It needs the C library only and shows an entry for each build."""
    dynamic = subprocess.run(["readelf", "-d", core], check=True, text=True, capture_output=True).stdout
    needed = [line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]
    known = ("libc.so", "libm.so", "libgcc_s.so", "ld-linux", "libpthread.so", "libdl.so")
    assert all(name.startswith(known) for name in needed), needed
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic
    symbols = subprocess.run(["nm", "-D", "--defined-only", core], check=True, text=True, capture_output=True).stdout
    assert sorted(line.split()[-1] for line in symbols.splitlines()) == sorted(f"PyInit_{module}" for module in BUILDS.values()), symbols


# What x86-64-v2 and -v3 do not have, in objdump's words: VEX and BMI; wide vectors, their masks and registers. tzcnt is not among
# them: compilers write it for bsf, as which older processors read it, where the number is not 0.
AFTER = {
    "x86-64-v2": re.compile(r"\t(v(?!err|erw)\w+|andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|s[ah][lr]x|lzcnt|movbe)\s"),
    "x86-64-v3": re.compile(r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b|\{1to\d+\}"),
}


def code(library):
    """The library's instructions: the lines of each section by its name."""
    command = ["objdump", "-d", "--no-show-raw-insn", library]
    sections = subprocess.run(command, check=True, text=True, capture_output=True).stdout.split("Disassembly of section ")[1:]
    return {section.split(":", 1)[0]: section.splitlines() for section in sections}


def check_instructions(core, cpuid):
    """The builds for x86-64-v2 and -v3 have no later instruction; the next ones have, so that such would be found. What they share, such as
    the Swift runtime and LAPACK, counts as the first one's."""
    sections = code(core)
    own = {build: sections.pop(f".text_{build.replace('-', '_')}") for build in BUILDS}
    first = next(iter(own))
    for lines in [*sections.values(), *code(cpuid).values()]:
        own[first] += lines
    for (build, pattern), later in zip(AFTER.items(), list(BUILDS)[1:], strict=True):
        assert len(own[build]) > 100_000, f"where is the build for {build}"
        found = [line for line in own[build] if pattern.search(line)]
        assert not found, f"the build for {build} has {len(found)} later instructions: {found[:3]}"
        assert sum(1 for line in own[later] if pattern.search(line)) > 1000, f"no build is later than {build}"


def main(wheel):
    assert wheel.name.split("-", 2)[2].startswith("cp311-abi3-linux"), f"{wheel.name} has another tag than cp311-abi3"
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(wheel) as archive:
        libraries = [name for name in archive.namelist() if ".so" in name]
        assert sorted(libraries) == ["swiftkan/_core.abi3.so", "swiftkan/_cpuid.abi3.so"], libraries
        archive.extractall(directory)
        core, cpuid = (Path(directory, name) for name in sorted(libraries))
        check_library(core)
        if len(BUILDS) > 1:
            check_instructions(core, cpuid)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(BUILDS)} builds of the engine")
        subprocess.run([sys.executable, "-P", "-c", PROGRAM], check=True, cwd=directory, env={"PATH": "/usr/bin:/bin"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
