"""Generative adversarial networks in JAX, functional to the core."""

__version__ = "0.1.0"
