"""Evaluation during training, and the best checkpoint by it."""

import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from jaxgan import parallel, storage, workdir
from jaxgan.checkpoint import Checkpoints
from jaxgan.errors import UserError
from jaxgan.metrics import networks, suite

SEED = 2**31 - 1  # of the samples; programs that evaluate later start from 0


class Monitor:
    """Measures samples at steps of a run and keeps the checkpoint that measured best.

    Attributes:
      floors: the values of real images, by name.
    """

    def __init__(
        self,
        config: FrozenConfigDict,
        folder: pathlib.Path,
        image_shape: tuple[int, int, int],
        class_counts: Sequence[int],
        *,
        mixed: Sequence[int] = (),
    ) -> None:
        """Loads the feature network and the real data.

        Args:
          config: of the run, `config.evaluate_every` above 0.
          folder: the work folder.
          image_shape: (height, width, channels).
          class_counts: of the model, `Model.class_counts`, whose shares are drawn.
          mixed: of the model, `Model.mixed`.

        Raises:
          UserError: an option of `config.evaluation` is wrong.
        """
        options, where = config.evaluation, "--config.evaluation"
        self._folder, self._mixed = folder, mixed
        self._label = workdir.shares(options.num, class_counts)
        self._labelled = len(class_counts) > 0
        self._devices = config.parallel.devices or jax.device_count()
        keys = ("name", "path", "split", "data_dir", "image_size")
        dataset = {key: config.dataset[key] or None for key in keys}
        judge = options.features or suite.default_judge(dataset)
        if judge not in networks.NAMES:
            known = ", ".join(networks.NAMES)
            raise UserError(f"{where}.features: unknown {judge!r}; known: {known}")
        self._names = suite.choose(
            options.metrics,
            image_shape=image_shape,
            judge=judge,
            labelled=self._labelled,
            where=f"{where}.metrics",
        )
        network = None
        if suite.needs_network(self._names):
            try:
                network = networks.load(judge, options.inception or None)
                networks.check_shape(network, image_shape, "the dataset")
            except UserError as error:
                raise UserError(
                    f"{where}: {error}; or turn it off by --config.evaluate_every=0"
                ) from error
        values = suite.values_of(self._names, network.prefix if network else "")
        chosen = {name: better for name, better in values.items() if suite.can_select(name, better)}
        if not chosen:
            raise UserError(f"{where}.metrics: {options.metrics} chooses nothing; add frechet")
        self._metric = options.best or next(iter(chosen))
        if self._metric not in chosen:
            raise UserError(
                f"{where}.best: unknown {self._metric!r}; known: {', '.join(chosen)}; "
                f"others come with other {where}.metrics"
            )
        self._lower = chosen[self._metric] == "lower"
        suite.check_count(self._names, options.num, network, f"{where}.num")
        self._reference = suite.real_data(
            dataset,
            {"test": options.test_split, "valid": options.valid_split},
            image_shape,
            self._names,
            network,
            flags={name: f"--config.dataset.{name}" for name in keys}
            | {"train": "--config.dataset.split"}
            | {kind: f"{where}.{kind}_split" for kind in ("test", "valid")},
        )
        self.floors = suite.floors(self._reference, self._names, options.num)

    def open(self) -> None:
        """Opens the folder of the best checkpoint and reads what was measured before."""
        self._checkpoints = Checkpoints(self._folder / "best", keep=1)
        found = workdir.read_best(self._folder) or self._rebuild_note()
        self._best = found["best"] if found else None

    def _rebuild_note(self) -> dict[str, Any] | None:
        """Writes `best.json` anew by its checkpoint and the metrics; None where they lack it."""
        steps, file = self._checkpoints.steps(), self._folder / "metrics.jsonl"
        rows = storage.read_metrics(file) if steps and file.exists() else []
        values = {row["step"]: row[self._metric] for row in rows if self._metric in row}
        if not steps or steps[-1] not in values:
            return None
        last = max(values)
        return self._write_note(
            {"step": steps[-1], "value": values[steps[-1]]}, {"step": last, "value": values[last]}
        )

    def _write_note(self, best: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
        real = self.floors[self._metric]
        note = {"metric": self._metric, "best": best, "last": last, "real": real}
        if parallel.is_main():
            storage.write_json(self._folder / "best.json", note)
        return note

    def close(self) -> None:
        """Waits for what is being saved."""
        self._checkpoints.close()

    def __call__(
        self, step: int, sample: Callable[[jax.Array, np.ndarray], jax.Array], state: Any
    ) -> dict[str, float]:
        """Measures, keeps the state if it is the best so far, and returns the values by name.

        Args:
          step: generator updates done.
          sample: `(key, label) -> uint8 images`, as for `workdir.draw`.
          state: what to keep.

        Raises:
          OSError: the folder cannot be written.
        """
        images = workdir.draw(sample, self._label, SEED, mixed=self._mixed, devices=self._devices)
        candidate = suite.make_candidate(
            images, self._label if self._labelled else None, self._reference.network
        )
        values = suite.measure(candidate, self._reference, self._names)
        now = {"step": step, "value": values[self._metric]}
        better = self._best is None or self._is_better(now["value"], self._best["value"])
        if parallel.everywhere(better):
            self._checkpoints.delete_after(step)  # of a resumed run on other hardware
            if step not in self._checkpoints.steps():  # or a kill came before the note below
                self._checkpoints.save(step, state)
                self._checkpoints.wait()
            self._best = now
        self._write_note(self._best, now)
        return values

    def _is_better(self, new: float, old: float) -> bool:
        if math.isnan(new) or math.isnan(old):  # NaN is worse than any number
            return not math.isnan(new)
        return new < old if self._lower else new > old
