"""Signs that a run is lost, each told once while it runs."""

from collections.abc import Callable, Sequence

import numpy as np

STEPS = 500  # for which a sign has to last
STILL = 1e-5  # relative change of losses that counts as none
CERTAIN = 0.01  # distance of D(x) from 1, of D(G(z)) from 0
ALIKE = 0.05  # standard deviation of samples, relative to that of the data

_REMEDY = "try another --config.seed or lower learning rates"


class Watch:
    """Looks at logged metrics and at samples of one run, or at metrics of several.

    The signs are losses that do not move, a discriminator without doubt and samples that are all
    alike. Nothing of the run depends on it.
    """

    def __init__(
        self, tell: Callable[[str], None], real: np.ndarray, names: Sequence[str] = ("",)
    ) -> None:
        """Starts to watch.

        Args:
          tell: called with each line.
          real: examples of the data [m, ...].
          names: of the runs; one empty name for a single run.
        """
        self._tell, self._names, self._std = tell, names, _spread(real)
        self._last: np.ndarray | None = None  # losses [runs, 2], as of when they moved last
        self._since: dict[str, np.ndarray] = {}  # the first step of each sign, NaN where it is not
        self._told: dict[str, np.ndarray] = {}

    def metrics(self, step: int, values: dict[str, np.ndarray | float]) -> None:
        """Takes the metrics of a step, of which each is a number or has one for each run."""
        given = {name: np.atleast_1d(np.asarray(x, float)) for name, x in values.items()}
        losses = np.stack([given["disc_loss"], given["gen_loss"]], 1)
        if self._last is None:
            self._last = np.full_like(losses, np.nan)
        near = np.abs(losses - self._last) <= STILL * np.maximum(1, np.abs(self._last))
        still = near.all(1)
        self._last = np.where(still[:, None], self._last, losses)
        self._note(step, "the losses do not move", still)
        if "D(x)" in given:
            # The loss tells probabilities from a critic's values, which may be of any size.
            certain = (given["D(x)"] > 1 - CERTAIN) & (given["D(G(z))"] < CERTAIN)
            certain &= (losses[:, 0] >= 0) & (losses[:, 0] < 5 * CERTAIN)
            self._note(step, "the discriminator is never in doubt", certain)

    def samples(self, step: int, fake: np.ndarray, label: np.ndarray) -> None:
        """Takes samples [n, ...] of a step with their labels [n]."""
        std = max(_spread(fake[label == c]) for c in np.unique(label))
        alike = step > 0 and std < ALIKE * self._std
        self._note(step, "all samples are alike", np.array([alike]))

    def _note(self, step: int, sign: str, found: np.ndarray) -> None:
        since = self._since.get(sign, np.full(found.shape, np.nan))
        since = np.where(found, np.where(np.isnan(since), step, since), np.nan)
        told = self._told.setdefault(sign, np.zeros(found.shape, bool))
        lost = ~told & (step - since >= STEPS)
        self._since[sign] = since
        if lost.any():
            told |= lost
            names = ", ".join(
                name for name, is_lost in zip(self._names, lost, strict=True) if is_lost
            )
            first = int(since[lost].min())
            self._tell(
                f"warning: {names and names + ': '}{sign} since step {first}; the run may be lost: "
                f"{_REMEDY}"
            )


def _spread(x: np.ndarray) -> float:
    """Returns the standard deviation of examples [n, ...], over all their values."""
    return float(np.mean(x.reshape(len(x), -1).astype(np.float32).var(0)) ** 0.5)
