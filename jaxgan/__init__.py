"""Generative adversarial networks in JAX, functional to the core."""

import importlib.metadata
import os

__version__ = "0.1.0"

if importlib.metadata.version("jaxlib") == "0.10.1":
    # It prints two pages about every program that it reads from the compilation cache.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
