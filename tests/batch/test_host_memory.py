"""The memory that a worker reports is what it and its encoder had, not the same pages twice."""

import subprocess
import sys
import time

import numpy as np
import pytest

from portrait_alive import host


@pytest.mark.skipif(sys.platform != "linux", reason="children are looked at where Linux lists them")
def test_children_count_with_what_they_take_themselves():
    ballast = np.ones(200 * 2**20, np.uint8)  # a child shows its parent's memory until it is itself
    watch = host.MemoryWatch()
    watch.look()
    alone = watch.peak()
    assert alone > ballast.nbytes
    script = "b = bytearray(60 * 2**20); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(host._LOOK_EVERY_S)
        watch.look()
        child.communicate(b"\n")
    grown = watch.peak() - alone
    assert 60 * 2**20 < grown < 120 * 2**20


def test_a_process_that_ended_is_not_alive():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert host.is_alive(child.pid)
        child.communicate(b"\n")
    assert not host.is_alive(child.pid)
