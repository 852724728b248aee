"""The environment of the libraries that swiftkan is measured against, apart from the project's own .venv.

    python benchmarks/_peers.py            makes .venv-peers/ with pykan 0.2.8 and torch (1.4 GB, or several with torch's CUDA build), once
    python benchmarks/_peers.py --jaxkan   adds jaxKAN to it
    python benchmarks/_peers.py --remove   removes it

What it must get right: the versions are those with which the figures in README and docs/ were measured, so that they can be measured
again (data/pykan_hellokan.json names its own); and swiftkan's own environment is not touched. SWIFTKAN_PEERS_PYTHON=/path/to/python uses
an environment that is there.

A `Peer` runs one script of this folder in that interpreter and speaks with it, one JSON object a line.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

EFFICIENT_KAN = "the file src/efficient_kan/kan.py of that project; default SWIFTKAN_EFFICIENT_KAN"
FAST_KAN = "the file fastkan/fastkan.py of that project; default SWIFTKAN_FAST_KAN"
HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent / ".venv-peers"
TORCH = "2.15.0"
NEEDS = [  # pykan names none
    "numpy==2.4.6", "scikit-learn==1.9.1", "sympy==1.14.0", "pandas==3.1.1", "pyyaml==6.0.3", "tqdm==4.70.1", "matplotlib==3.11.2",
    "setuptools==84.2.1",
]  # fmt: skip
JAXKAN = ["jaxkan==0.3.7", "jax==0.10.2", "jaxlib==0.10.2", "flax==0.12.8", "optax==0.2.8"]


def python():
    """The peers' interpreter; makes the environment if there is none."""
    given = os.environ.get("SWIFTKAN_PEERS_PYTHON")
    if given:
        return given
    interpreter = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (FOLDER / "complete").exists():
        create(interpreter)
    return str(interpreter)


def create(interpreter):
    """Makes the environment; the file 'complete' is written last, so that a broken start is repeated."""
    print(f"making {FOLDER} with pykan 0.2.8 and torch {TORCH}; this takes a few minutes", file=sys.stderr)
    venv.create(FOLDER, with_pip=True, clear=True)
    pip = [interpreter, "-m", "pip", "install", "--quiet"]
    # PyPI's torch for Linux is the CUDA build, several GB; the one for CPUs is taken where pip is configured to find it.
    if subprocess.run([*pip, f"torch=={TORCH}+cpu"], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run([*pip, f"torch=={TORCH}"], check=True)
    subprocess.run([*pip, *NEEDS], check=True)
    subprocess.run([*pip, "--no-deps", "pykan==0.2.8"], check=True)
    subprocess.run([interpreter, "-c", "from kan import KAN"], check=True)
    (FOLDER / "complete").write_text("pykan 0.2.8\n")


class Peer:
    """A script of this folder, running in the peers' interpreter.

    `peer(op="fit", steps=50)` sends one line of JSON and returns the answer, a dict; an answer {"error": …} is raised.
    """

    def __init__(self, script):
        command = [python(), str(HERE / script)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with status {self._process.wait()}; its words are above")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the peer: {answer['error']}")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["--remove"]:
        shutil.rmtree(FOLDER, ignore_errors=True)
    elif sys.argv[1:] == ["--jaxkan"]:
        subprocess.run([python(), "-m", "pip", "install", "--quiet", *JAXKAN], check=True)
    else:
        print(python())
