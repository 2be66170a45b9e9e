"""The side of PyTorch: each player's update, its loss as in `benchmarks.torch_models`."""

import resource
import time
from typing import Any

import numpy as np
import torch

from benchmarks import torch_models
from benchmarks.models import MODELS, Settings, make_batch
from jaxgan import cli


class Side:
    """One model in PyTorch."""

    def __init__(self, settings: Settings) -> None:
        """Makes networks, optimizers and data.

        Args:
          settings: of the worker.
        """
        if settings.same_allocator:
            cli.keep_freed_memory()
        self._gpu = torch.cuda.is_available()
        self._dtype = settings.dtype or ("bfloat16" if self._gpu else "float32")
        self._mode = settings.torch or ("compile" if self._gpu else "eager")
        self._device = torch.device("cuda" if self._gpu else "cpu")
        model = MODELS[settings.model]
        game = getattr(torch_models, settings.model)()
        memory_format = torch.channels_last if self._gpu else torch.contiguous_format
        if self._gpu:  # as jaxgan has it: the fastest convolutions, TF32 where float32 is asked
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        self._nets = [
            net.to(self._device, memory_format=memory_format) for net in (game.gen, game.disc)
        ]
        self._losses = [game.gen_loss, game.disc_loss]
        if self._mode == "compile":
            self._losses = [torch.compile(loss) for loss in self._losses]
        self._optimizers = [
            torch.optim.Adam(
                net.parameters(),
                model.learning_rate,
                (0.5, 0.999),
                fused=True if self._mode == "compile" else None,
            )
            for net in self._nets
        ]

        def convert(name: str, x: np.ndarray) -> torch.Tensor:
            x = torch.from_numpy(x)
            if name == "label":
                return torch.nn.functional.one_hot(x.long(), model.num_classes).float()
            return x.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)

        self._batch = {k: convert(k, v).to(self._device) for k, v in make_batch(settings).items()}

    def describe(self) -> dict[str, Any]:
        """Returns what is run, and on what."""
        mode = f"{self._mode}, {torch.get_num_threads()} threads"
        return {
            "version": f"torch {torch.__version__} ({mode})",
            "platform": "gpu" if self._gpu else "cpu",
            "dtype": self._dtype,
            "parameters": [sum(p.numel() for p in net.parameters()) for net in self._nets],
        }

    def run(self, iterations: int) -> float:
        """Returns the seconds that each of the iterations took."""
        gen, disc = self._nets
        begun = time.perf_counter()
        for _ in range(iterations):
            self._update(disc, 1)
            disc.requires_grad_(self._mode == "eager")
            self._update(gen, 0)
            disc.requires_grad_(True)
        if self._gpu:
            torch.cuda.synchronize()
        return (time.perf_counter() - begun) / iterations

    def _update(self, net: torch.nn.Module, player: int) -> None:
        self._optimizers[player].zero_grad()
        half = self._dtype == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half):
            loss = self._losses[player](**self._batch)
        loss.backward()
        self._optimizers[player].step()

    def peak_bytes(self) -> int:
        """Returns the most memory held so far: of the device, or of the process on CPU."""
        if self._gpu:
            return torch.cuda.max_memory_allocated()
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
