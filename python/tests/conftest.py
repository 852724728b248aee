"""What holds for all tests: SIGINT raises KeyboardInterrupt, also where the shell had it ignored (a job in the background).

Without it the tests that interrupt a long call would wait for its end, which is far away.

Functions that a test adds to the library are taken out of it again: other tests look at all of it.

Hypothesis tries the same examples every time, and does not mind how long they take: a slow machine is no failure.

Under an emulated processor (``SWIFTKAN_EMULATED=1``, see ``.ci/test_cpus``) tests marked ``not_emulated(reason)`` are skipped.
"""

import os
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "swiftkan", deadline=None, max_examples=200, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("swiftkan")
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def library_as_it_was():
    from swiftkan import SYMBOLIC_LIB

    before = set(SYMBOLIC_LIB)
    yield
    for name in set(SYMBOLIC_LIB) - before:
        SYMBOLIC_LIB.pop(name)


def pytest_runtest_setup(item):
    mark = item.get_closest_marker("not_emulated")
    if mark and os.environ.get("SWIFTKAN_EMULATED"):
        pytest.skip(f"under an emulated processor: {mark.args[0]}")
