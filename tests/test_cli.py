import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from jaxgan import cli

if sys.argv[1] == "keep":
    cli.keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(3):  # 128 MB each, freed at once
    before = faults()
    np.ones(2**24)
    after = faults()
print(after - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.libc_ver()[1] < "2.35",
    reason="the allocator of glibc 2.35 or later",
)
def test_freed_memory_is_kept():
    def faults(mode):
        out = subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, check=True)
        return int(out.stdout)

    assert faults("keep") < 0.1 * faults("leave")
