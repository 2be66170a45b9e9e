"""Parts of the GPU benchmark that end in every way; `test_gpu_benchmark` runs them."""

import os
import subprocess
import time


def measure(task):
    child = subprocess.Popen(["sleep", "60"])  # which the part leaves behind
    (task.out / "child").write_text(str(child.pid))
    yield {"value": 1.0, "ok": True}
    kind = task.images.name
    if kind == "raises":
        raise ValueError("no such thing\nand more")
    if kind == "dies":
        os._exit(3)
    if kind == "hangs":
        time.sleep(60)
    print("said")
    yield {"value": 2.0, "ok": True}
