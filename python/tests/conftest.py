"""What holds for all tests: SIGINT raises KeyboardInterrupt, also where the shell had it ignored (a job in the background).

Without it the tests that interrupt a long call would wait for its end, which is far away.

Under an emulated processor (``SWIFTKAN_EMULATED=1``, see ``.ci/test_cpus``) tests marked ``not_emulated(reason)`` are skipped.
"""

import os
import signal

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item):
    mark = item.get_closest_marker("not_emulated")
    if mark and os.environ.get("SWIFTKAN_EMULATED"):
        pytest.skip(f"under an emulated processor: {mark.args[0]}")
