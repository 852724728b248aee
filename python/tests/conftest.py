"""What holds for all tests: SIGINT raises KeyboardInterrupt, also where the shell had it ignored (a job in the background).

Without it the tests that interrupt a long call would wait for its end, which is far away.
"""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
