"""Data: a named TFDS dataset or a `.npz` file, as batches that are a function of (seed, step).

```python
dataset = load("mnist", split="train")
for batch in batches(dataset, seed=0, batch_size=100, disc_steps=2):
    batch["image"]  # uint8 [2, 100, 28, 28, 1]
    batch["label"]  # int32 [2, 100]
```

Importing this package imports neither TFDS, grain nor Pillow: they are imported
when a dataset has to be decoded or streamed.
"""

from jaxgan.data.dataset import Dataset, cache_folder, load, shared
from jaxgan.data.order import epoch_order

__all__ = ["Dataset", "batches", "cache_folder", "epoch_order", "load", "shared"]


def __getattr__(name: str):
    # This imports JAX, which the worker processes of a stream do not need.
    if name == "batches":
        from jaxgan.data.batching import batches

        return batches
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
