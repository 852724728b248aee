"""What every peer's script shares: it answers JSON requests on standard input, one a line, until the input ends.

What it must get right: only answers reach standard output, whatever libraries print; a request that fails is answered by its
error, not by silence. `_peers.Peer` is the other end. NumPy is not imported here: the peer chooses what it needs.
"""

import importlib.util
import json
import os
import sys


def load(path):
    """The module of a peer that is one file."""
    spec = importlib.util.spec_from_file_location("peer_module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve(side):
    """Answers {"op": "fit", "steps": 50} with the dict that side.fit(steps=50) returns, or with {"error": "..."}."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(side, request.pop("op"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
