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


def check_library(core):
    """It needs the C library only and shows one symbol."""
    dynamic = subprocess.run(["readelf", "-d", core], check=True, text=True, capture_output=True).stdout
    needed = [line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line]
    known = ("libc.so", "libm.so", "libgcc_s.so", "ld-linux", "libpthread.so", "libdl.so")
    assert all(name.startswith(known) for name in needed), needed
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic
    symbols = subprocess.run(["nm", "-D", "--defined-only", core], check=True, text=True, capture_output=True).stdout
    assert [line.split()[-1] for line in symbols.splitlines()] == ["PyInit__core"], symbols


# What x86-64-v2 and -v3 do not have, in objdump's words: VEX and BMI; wide vectors, their masks and registers. tzcnt is not among
# them: compilers write it for bsf, as which older processors read it, where the number is not 0.
AFTER = {
    "x86-64-v2": re.compile(r"\t(v(?!err|erw)\w+|andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|s[ah][lr]x|lzcnt|movbe)\s"),
    "x86-64-v3": re.compile(r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b|\{1to\d+\}"),
}


def code(library):
    """The library's instructions, a line each."""
    command = ["objdump", "-d", "--no-show-raw-insn", library]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout.splitlines()


def check_instructions(directory, names):
    """The builds for x86-64-v2 and -v3 have no later instruction; the next ones have, so that such would be found."""
    builds = [code(directory / name) for name in names]
    builds[0] += code(directory / "_cpuid.abi3.so")
    for (level, pattern), own, later in zip(AFTER.items(), builds, builds[1:]):
        found = [line for line in own if pattern.search(line)]
        assert not found, f"the build for {level} has {len(found)} later instructions: {found[:3]}"
        assert sum(1 for line in later if pattern.search(line)) > 1000, f"no build is later than {level}"


def main(wheel):
    assert wheel.name.split("-", 2)[2].startswith("cp311-abi3-linux"), f"{wheel.name} has another tag than cp311-abi3"
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        libraries = [name for name in names if ".so" in name]
        builds = ["_core.abi3.so", "_core_x86_64_v3.so", "_core_x86_64_v4.so"] if machine() == "x86_64" else ["_core.abi3.so"]
        assert sorted(libraries) == sorted(f"swiftkan/{name}" for name in ["_cpuid.abi3.so", *builds]), libraries
        archive.extractall(directory)
        for name in builds:
            check_library(Path(directory, "swiftkan", name))
        if machine() == "x86_64":
            check_instructions(Path(directory, "swiftkan"), builds)
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(builds)} builds of the engine")
        subprocess.run([sys.executable, "-P", "-c", PROGRAM], check=True, cwd=directory, env={"PATH": "/usr/bin:/bin"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
