import os
import subprocess
import sys

from optkeeper.runtime import identity


def test_a_process_keeps_its_start_and_shares_it_with_no_later_one() -> None:
    assert identity.started(os.getpid()) == identity.started(os.getpid())
    later = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        assert identity.started(later.pid) != identity.started(os.getpid())
    finally:
        later.kill()
        later.wait()


def test_a_number_that_nobody_has_has_no_start() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert identity.started(ended.pid) is None
