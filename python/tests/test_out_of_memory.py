"""Too little memory is an error, not the end of the process, and the model is as it was."""

import os
import signal
import subprocess
import sys

import pytest

# The child has a network, and tries one call under one limit after the other, each in a process of its own. What such a
# process ends with: 0 the call was made, 1 it was refused and the model is unharmed, else how it died.
CHILD = """
import os, resource, sys
import numpy as np
from swiftkan import KAN, set_num_threads

set_num_threads(1)  # a thread's stack is the system's affair
X = np.random.RandomState(0).rand(4000, 20)
MANY = np.random.RandomState(1).rand(50000, 20)
Y = X[:, :1].copy()
model = KAN([20, 30, 1])
small = KAN([3, 5, 1])
before = model.act_fun[0].coef.copy()
pages = int(open("/proc/self/statm").read().split()[0])
for kilobytes in map(int, sys.argv[2].split(",")):
    child = os.fork()
    if not child:
        code = 9
        try:
            limit = pages * resource.getpagesize() + 1024 * kilobytes
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            eval(sys.argv[1])
            code = 0
        except MemoryError:
            code = 1 if np.array_equal(model.act_fun[0].coef, before) else 3
        finally:
            os._exit(code)
    print(kilobytes, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
LIMITS = [0, 300, 600, 1000, 1500, 2000, 3000, 5000, 8000, 12000, 20000, 40000, 100000, 500000]
CALLS = {
    "a network": "KAN([300, 200, 10])",
    "a fine grid": "KAN([3, 3, 1], grid=900)",
    "a prediction": "model(MANY)",
    "a gradient": "model.value_and_grad(X, Y)",
    "grids from samples": "model.update_grid_from_samples(X)",
    "means and deviations": "(model.get_act(X), model.attribute())",
    "a grid refined": "(model.get_act(X), model.refine(10))",
    "Levenberg-Marquardt": "small.fit((X[:, :3].copy(), Y), opt='LM', steps=2)",
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.skipif("libclang_rt.asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer reserves its shadow memory")
@pytest.mark.parametrize("kind", CALLS)
def test_too_little_memory(kind):
    command = [sys.executable, "-c", CHILD, CALLS[kind], ",".join(map(str, LIMITS))]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # an array asks the system, not what an earlier one left behind
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert run.returncode == 0, run.stderr
    ends = dict(map(int, line.split()) for line in run.stdout.splitlines())
    died = {limit: signal.Signals(-code).name if code < 0 else code for limit, code in ends.items() if code not in (0, 1)}
    assert list(ends) == LIMITS and not died, run.stderr[-2000:]
    assert ends[0] == 1 and ends[LIMITS[-1]] == 0  # both were tried: too little and enough
