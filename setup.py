"""Builds ``swiftkan._core``: the Swift engine, LAPACK and the C glue in one extension that needs no Swift to run.

On x86-64 engine and glue are built three times from the same sources, for the instruction sets x86-64-v2, -v3 and -v4, and linked into one
file with one Swift runtime and one LAPACK; the package initialises the best build that the processor has (python/swiftkan/_cpu.py), asking
the small extension ``swiftkan._cpuid``.

What it must get right first: no build calls code of a later one; the result shows an entry a build and needs only the C library (the
Swift runtime, the C++ library and LAPACK are inside), serves every Python from 3.11 on, and a missing tool ends in one sentence
that says what to install. All metadata is in pyproject.toml.

Environment switches:

    SWIFTKAN_DEBUG=1            no optimisation, debug symbols
    SWIFTKAN_SANITIZE=address   Swift and C under AddressSanitizer (see ``make asan``)
    SWIFTKAN_MARCH=x86-64-v3    one build for this instruction set only: a third of the time
    SWIFTKAN_SYMBOLS=1          keep the symbols, for profilers
    SWIFTKAN_LAPACK_DIR=/dir    where liblapack_pic.a and libblas.a (or the shared libraries) are
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from setuptools import Command, Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SWIFT = (6, 3)
DEBUG = os.environ.get("SWIFTKAN_DEBUG", "") not in ("", "0")
SANITIZE = os.environ.get("SWIFTKAN_SANITIZE", "")
MARCH = os.environ.get("SWIFTKAN_MARCH", "")
SYMBOLS = os.environ.get("SWIFTKAN_SYMBOLS", "") not in ("", "0")
FOR_LAPACK = ["xerbla_", "_gfortran_concat_string"]  # what Sources/CLAPACK/fortran_shim.c gives it
X86 = platform.machine() in ("x86_64", "AMD64")


def marches():
    """The instruction sets to build for: the module of the first is ``_core``, those of others ``_core_<name>``."""
    if MARCH or DEBUG or SANITIZE or not X86:
        return [MARCH]
    return ["x86-64-v2", "x86-64-v3", "x86-64-v4"]


def joined():
    """Those that one file holds; none where there is a single build, which needs no joining."""
    return marches() if len(marches()) > 1 else []


def processor_flags(march):
    """What the engine's code depends on, for one instruction set; tests are compiled with the same (``.ci/test_cpus``)."""
    flags = ["-Xcc", f"-march={march}"] if march else []
    # Square roots are one instruction; with errno each would need a test and a call, and loops could not be vectorised.
    flags += ["-Xcc", "-fno-math-errno"]
    # Swift writes a·b + c as two instructions unless told; where there is no fused one it would call a function.
    flags += ["-Xswiftc", "-DSWIFTKAN_FMA"] if march in ("x86-64-v3", "x86-64-v4") else []
    # With 32 registers of 64 bytes wide kernels keep two samples in them.
    flags += ["-Xswiftc", "-DSWIFTKAN_AVX512"] if march == "x86-64-v4" else []
    return flags


def engine_build(march):
    """``swift build`` as the package has it. The scratch directory is kept, so that rebuilding is quick."""
    scratch = ROOT / "build" / "-".join(filter(None, ["swift", DEBUG and "debug", SANITIZE, march]))
    command = ["swift", "build", "-c", "debug" if DEBUG else "release",
               "--package-path", str(ROOT), "--scratch-path", str(scratch)]  # fmt: skip
    command += ["--sanitize", SANITIZE] if SANITIZE else []
    command += processor_flags(march)
    # Whether two parts of a program write to one variable at once is checked in the tests' builds.
    command += [] if DEBUG or SANITIZE else ["-Xswiftc", "-enforce-exclusivity=unchecked"]
    # Debugging information would be stripped; making it takes time.
    command += [] if DEBUG or SANITIZE or SYMBOLS else ["-Xswiftc", "-gnone"]
    return command


def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=ROOT).stdout.strip()


def check_tools():
    """End with one sentence if this machine cannot build swiftkan."""
    if not sys.platform.startswith("linux"):
        raise SystemExit(f"swiftkan builds on Linux only; this is {sys.platform}.")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise SystemExit("swiftkan uses Python's stable ABI, which free-threaded builds of Python do not have.")
    for tool in ("ld.bfd", "objcopy") if joined() else ():
        if not shutil.which(tool):
            raise SystemExit(f"swiftkan needs {tool} of the GNU binutils to be built; install them (Debian, Ubuntu: apt install binutils).")
    found = "none"
    if shutil.which("swift") and shutil.which("swiftc"):
        version = re.search(r"Swift version (\d+)\.(\d+)\S*", output("swift", "--version"))
        if version and tuple(map(int, version.groups())) >= SWIFT:
            return
        found = version.group(0) if version else "one of unknown version"
    raise SystemExit(
        f"swiftkan needs the Swift {SWIFT[0]}.{SWIFT[1]} toolchain or a newer one to be built, but found {found} on PATH; "
        "install it from https://www.swift.org/install and put its usr/bin on PATH."
    )


def find_file(*names):
    """The first of the files that the C compiler's library path (or SWIFTKAN_LAPACK_DIR) has, or None."""
    own = os.environ.get("SWIFTKAN_LAPACK_DIR")
    for name in names:
        path = os.path.join(own, name) if own else output("gcc", f"-print-file-name={name}")
        if os.path.isabs(path) and os.path.exists(path):
            return os.path.realpath(path)
    return None


def lapack():
    """Linker inputs for LAPACK and BLAS: the position-independent archives if there are any, else shared libraries."""
    archives = [find_file("liblapack_pic.a"), find_file("blas/libblas.a", "libblas.a")]
    if all(archives):
        return archives
    if find_file("liblapack.so") and find_file("libblas.so"):
        own = os.environ.get("SWIFTKAN_LAPACK_DIR")
        return [*([f"-L{own}"] if own else []), "-llapack", "-lblas"]
    raise SystemExit(
        "swiftkan needs LAPACK and BLAS to be built; install them (Debian, Ubuntu: apt install liblapack-dev libblas-dev) "
        "or set SWIFTKAN_LAPACK_DIR to the directory of liblapack_pic.a and libblas.a."
    )


class BuildEngine(build_ext):
    """Compiles the C files as setuptools does, builds the Swift archive, and links both with swiftc."""

    def run(self):
        check_tools()
        super().run()

    def swift_archive(self, march):
        """Build the engine as a static library."""
        command = [*engine_build(march), "--product", "SwiftKANStatic"]
        archive = Path(output(*command, "--show-bin-path"), "libSwiftKANStatic.a")
        archive.unlink(missing_ok=True)  # SwiftPM adds to an archive, and would keep objects of deleted sources
        self.spawn(command)
        return str(archive)

    def whole_build(self, objects, archive, march, module):
        """One build of several that are linked together: glue and engine in one object, of which only the module's entry can be seen, and
        of the first one what LAPACK calls (``Sources/CLAPACK/fortran_shim.c``).

        Code stands in a section of the build's own, so that ``.ci/check_wheel.py`` can tell whose instructions it sees. Nothing may be
        left for the linker to share between builds (section groups), since one would then run code made for another's processor.
        """
        result, script = Path(self.build_temp, f"{module}.o"), Path(self.build_temp, f"{module}.ld")
        script.write_text(f"SECTIONS {{ .text_{march.replace('-', '_')} : {{ *(.text .text.*) }} }}\n")
        self.spawn(["ld.bfd", "-r", "--force-group-allocation", "-T", str(script), "-o", str(result), *objects, "--whole-archive", archive])
        seen = [f"PyInit_{module}", *(FOR_LAPACK if module == "_core" else [])]
        seen = [f"--keep-global-symbol={name}" for name in seen]
        self.spawn(["objcopy", f"--redefine-sym=PyInit__core=PyInit_{module}", *seen, str(result)])
        return str(result)

    def build_extension(self, ext):
        if ext.name.endswith("_cpuid"):
            self.force = True  # a file of an earlier build for another purpose (make asan) must not be taken for this one
            return super().build_extension(ext)
        libraries = lapack()  # first: it may end the build
        flags = ["-fvisibility=hidden", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra"]
        flags += ["-O0", "-g"] if DEBUG else []
        if SANITIZE:  # the runtime of Swift's own clang serves both languages
            self.compiler.set_executable("compiler_so", ["clang", "-fPIC", "-O1", "-g", f"-fsanitize={SANITIZE}"])
        objects = self.compiler.compile(ext.sources, self.build_temp, include_dirs=[*ext.include_dirs, *self.include_dirs],
                                        extra_postargs=flags, depends=ext.depends)  # fmt: skip

        # Found before the shared one, the archive of the C++ library makes its code part of the extension.
        static = Path(self.build_temp).resolve() / "static"
        static.mkdir(parents=True, exist_ok=True)
        cxx = static / "libstdc++.a"
        cxx.unlink(missing_ok=True)
        cxx.symlink_to(output("gcc", "-print-file-name=libstdc++.a"))

        target = self.get_ext_fullpath(ext.name)
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        linker = [f"--version-script={ROOT / 'python/exports.map'}", "--gc-sections"]
        linker += [] if DEBUG or SANITIZE or SYMBOLS else ["--strip-all"]
        # The compiler works on one core at first, then on all; it needs 0.7 GB. One more than there are cores leaves none of them idle
        # at the end.
        with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0)) + 1) as pool:
            archives = list(pool.map(self.swift_archive, marches()))
        inputs = [*objects, *archives]
        if builds := joined():
            modules = ["_core", *(f"_core_{march.replace('-', '_')}" for march in builds[1:])]
            inputs = [self.whole_build(objects, *build) for build in zip(archives, builds, modules, strict=True)]
        command = ["swiftc", "-emit-library", "-static-stdlib", "-use-ld=lld", "-o", target, *inputs, *libraries]
        command += [f"-L{static}", *(word for option in linker for word in ("-Xlinker", option))]
        command += [f"-sanitize={SANITIZE}"] if SANITIZE else []
        self.spawn(command)


class Tool(Command):
    """What the tests of the engine ask of this file: a command without options that prints its answer."""

    user_options = []

    def initialize_options(self):
        """There are none."""

    finalize_options = initialize_options


class ProcessorFlags(Tool):
    """Flags of ``swift build`` for the instruction set SWIFTKAN_MARCH."""

    def run(self):
        print(*processor_flags(MARCH))


class ABIProgram(Tool):
    """The C program of ``Tests/ABI``, built with the package's first engine, or that for SWIFTKAN_MARCH, as it is for use."""

    def run(self):
        command = [*engine_build(marches()[0]), "--product", "ABITests"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        print(Path(output(*command, "--show-bin-path"), "ABITests"))


os.chdir(ROOT)  # setuptools wants relative paths of sources
setup(
    cmdclass={"build_ext": BuildEngine, "processor_flags": ProcessorFlags, "abi_program": ABIProgram},
    ext_modules=[
        # First: the engine's build may change the compiler for its own files.
        Extension("swiftkan._cpuid", ["python/_cpuid.c"], py_limited_api=True, extra_compile_args=["-Wall", "-Wextra"],
                  define_macros=[("SWIFTKAN_BUILDS", f'"{" ".join(joined())}"')]),
        Extension(
            "swiftkan._core",
            sorted(set(glob("python/*.c")) - {"python/_cpuid.c"}),
            include_dirs=["Sources/CSwiftKAN/include"],
            depends=[*glob("python/*.h"), *glob("Sources/CSwiftKAN/include/*.h")],
            py_limited_api=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
