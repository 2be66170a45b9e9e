"""Progress of a run: a bar on a terminal, plain lines elsewhere."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Shows steps per second, images per second, metrics and the time left."""

    def __init__(self, start: int, total: int, images_per_step: int, seconds: float = 10.0) -> None:
        """Shows nothing yet.

        Args:
          start: steps already done.
          total: steps to be done.
          images_per_step: real images that one step consumes.
          seconds: least time between two plain lines.
        """
        self._begun, self._total, self._images = start, total, images_per_step
        self._seconds = seconds
        self._bar: tqdm | None = None
        self._last = (start, time.monotonic())
        self._printed = 0.0

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=self._total, initial=self._begun, unit="step", dynamic_ncols=True
            )
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def start(self, step: int) -> None:
        """Starts the clock at `step`, when the program has been compiled."""
        self._last = (step, time.monotonic())
        if self._bar is not None:
            self._bar.unpause()

    def update(self, step: int, values: dict[str, float]) -> dict[str, float]:
        """Shows metrics and returns the rates since the last call.

        Args:
          step: steps done.
          values: metrics by name.

        Returns:
          `steps_per_second` and `images_per_second`.
        """
        now = time.monotonic()
        then = self._last
        speed = (step - then[0]) / max(now - then[1], 1e-9)
        self._last = (step, now)
        shown = {name: f"{value:.3g}" for name, value in values.items()}
        images = f"{speed * self._images:.0f}"
        if self._bar is not None:
            self._bar.set_postfix({"images/s": images, **shown}, refresh=False)
            self._bar.update(step - self._bar.n)
        elif now - self._printed >= self._seconds or step == self._total:
            self._printed = now
            left = int((self._total - step) / speed) if speed else 0
            metrics = ", ".join(f"{name} {value}" for name, value in shown.items())
            self.write(
                f"step {step}/{self._total}: {speed:.1f} steps/s, {images} images/s, {metrics}, "
                f"{left // 60}:{left % 60:02d} left"
            )
        return {"steps_per_second": speed, "images_per_second": speed * self._images}

    def write(self, line: str) -> None:
        """Prints a line without disturbing the bar."""
        tqdm.write(line, file=sys.stdout)
        sys.stdout.flush()
