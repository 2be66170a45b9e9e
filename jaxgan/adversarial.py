"""What most variants do alike: two networks, a prior, and losses from pairs of logits.

A variant gives its modules and its prior as `Networks`, and `adversarial_gan` makes the `GAN` from
them. A variant with losses of its own writes them with the methods of `Networks`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from jaxgan import losses, penalties, rows
from jaxgan.arguments import check_at_least, check_choice
from jaxgan.base import (
    GAN,
    Batch,
    Metrics,
    Players,
    interleave,
    is_set,
    sample_by,
    separate,
    shown,
)

Prior = Callable[[jax.Array, int], jax.Array]


class Module(Protocol):
    """A Flax module, or an object with these two methods of one."""

    init: Callable[..., Any]
    apply: Callable[..., Any]


def make_prior(name: str, size: int, low: float = -1.0, high: float = 1.0) -> Prior:
    """Returns the prior of the latent, `(key, count) -> latent` float32 [count, size].

    Args:
      name: `normal`, standard, or `uniform` on [low, high).
      size: dimensions of the latent; its argument is called `latent_size` in errors.
      low: of the uniform distribution.
      high: of the uniform distribution.

    Raises:
      ValueError: the name is unknown or the size is below 1.
    """
    check_choice(("normal", "uniform"), latent=name)
    check_at_least(1, latent_size=size)

    def prior(key: jax.Array, count: int) -> jax.Array:
        if name == "normal":
            return jax.random.normal(key, (count, size))
        return jax.random.uniform(key, (count, size), minval=low, maxval=high)

    return prior


def split_first(prior: Prior) -> Prior:
    """Returns a prior that draws from the first of two keys that it splits its key into."""
    return lambda key, count: prior(jax.random.split(key)[0], count)


@dataclass(frozen=True)
class Nested:
    """A module whose parameters are `{"params": parameters}`, as checkpoints of `cgan` have them.

    Attributes:
      module: a Flax module that has parameters alone.
    """

    module: Module

    def init(self, *args: Any) -> dict[str, Any]:
        """Returns what the module's `init` does, as its parameters."""
        return {"params": self.module.init(*args)}

    def apply(self, variables: Any, *args: Any, **options: Any) -> Any:
        """Returns what the module's `apply` does."""
        return self.module.apply(variables["params"], *args, **options)


@dataclass(frozen=True)
class Networks:
    """Generator and discriminator as pure functions of their parameters and statistics.

    Attributes:
      generator: called as `(latent, *condition, train)`, returns images.
      discriminator: called as `(image, *condition, train)`, returns logits [batch, ...]; `train`
        has a default.
      prior: `(key, count) -> latent` [count, size].
      condition: the entry of a batch on which both are conditioned, `label` or `feature`; `none`.
      sample_statistics: what batch normalisation uses in samples, `running` statistics or those of
        the `batch`.

    Modules use the stream `dropout` and the collections `params`, `batch_stats` and, for features
    of the discriminator, `intermediates`.
    """

    generator: Module
    discriminator: Module
    prior: Prior
    condition: str = "none"
    sample_statistics: str = "running"

    def __post_init__(self) -> None:
        check_choice(("none", "label", "feature"), condition=self.condition)
        check_choice(("batch", "running"), sample_statistics=self.sample_statistics)

    def conditions(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns the condition of a batch as a tuple, which is empty where there is none."""
        return () if self.condition == "none" else (batch[self.condition],)

    def init(self, key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        """Returns new parameters, and the other variables."""
        gen_key, disc_key = jax.random.split(key)
        batch = {name: x[:2] for name, x in batch.items()}
        condition = self.conditions(batch)
        gen = dict(self.generator.init(gen_key, self.prior(gen_key, 2), *condition, False))
        disc = dict(self.discriminator.init(disc_key, batch["image"], *condition))
        return Players(gen.pop("params"), disc.pop("params")), Players(gen, disc)

    def generate(self, gen: Any, key: jax.Array, stats: Any, batch: Batch) -> tuple[jax.Array, Any]:
        """Returns generated examples for a batch, in training mode, and the new statistics."""
        z = rows.draw(self.prior, key, batch["image"].shape[0])
        return self.generator.apply(
            {"params": gen, **stats},
            z,
            *self.conditions(batch),
            True,
            rngs={"dropout": jax.random.split(key)[1]},
            mutable=["batch_stats"],
        )

    def critic(
        self, disc: Any, key: jax.Array, stats: Any, image: jax.Array, *condition: jax.Array
    ) -> tuple[Any, Any]:
        """Returns the discriminator's output in training mode, and the new statistics."""
        return self.discriminator.apply(
            {"params": disc, **stats},
            image,
            *condition,
            True,
            rngs={"dropout": key},
            mutable=["batch_stats"],
        )

    def decode(self, gen: Any, variables: Players, latent: jax.Array, label: Any) -> jax.Array:
        """Returns the samples of given noise, as `GAN.decode`."""
        weights = {"params": gen, **variables.gen}
        inputs = (latent,) if self.condition == "none" else (latent, label)
        if self.sample_statistics == "running":
            return self.generator.apply(weights, *inputs, False)
        return self.generator.apply(weights, *inputs, True, mutable=["batch_stats"])[0]

    def observe(
        self, disc: Any, variables: Players, image: jax.Array, label: Any
    ) -> tuple[Any, dict[str, jax.Array]]:
        """Returns output and features of the discriminator in inference mode, as `GAN.critic`."""
        weights = {"params": disc, **variables.disc}
        inputs = (image,) if self.condition == "none" else (image, label)
        output, state = self.discriminator.apply(weights, *inputs, False, mutable=["intermediates"])
        return output, shown(state)


def score_together(
    critic: Callable[..., tuple[jax.Array, Any]],
    stats: Any,
    real: jax.Array,
    fake: jax.Array,
    *condition: jax.Array,
) -> tuple[jax.Array, jax.Array, Any]:
    """Scores real and generated examples in one pass.

    Args:
      critic: `(stats, image, *condition) -> (logits, stats)`.
      stats: statistics of the discriminator.
      real: examples, float [batch, ...].
      fake: examples, of the same shape.
      condition: of both.

    Returns:
      The logits of real and of generated examples, and the new statistics.
    """
    conditions = (interleave(x, x) for x in condition)
    logits, stats = critic(stats, interleave(real, fake), *conditions)
    return *separate(logits), stats


def score_apart(
    critic: Callable[..., tuple[jax.Array, Any]],
    stats: Any,
    real: jax.Array,
    fake: jax.Array,
    *condition: jax.Array,
) -> tuple[jax.Array, jax.Array, Any]:
    """Scores real examples and then generated ones, as `score_together` otherwise.

    Each has batch statistics of its own (Radford et al. 2015, arXiv 1511.06434, in their code).
    """
    real, stats = critic(stats, real, *condition)
    fake, stats = critic(stats, fake, *condition)
    return real, fake, stats


def disc_metrics(loss: jax.Array, real: jax.Array, fake: jax.Array) -> Metrics:
    """Returns the discriminator's loss and its mean probabilities, D(x) and D(G(z))."""
    return {
        "disc_loss": loss,
        "D(x)": jnp.mean(jax.nn.sigmoid(real)),
        "D(G(z))": jnp.mean(jax.nn.sigmoid(fake)),
    }


class Penalty(NamedTuple):
    """A penalty of the discriminator's gradients.

    Attributes:
      name: one of `penalties.PENALTIES`.
      weight: of its mean in the discriminator's loss; 0 for none.
      share: of the batch on which it is estimated, in (0, 1].
    """

    name: str = "r1_r2"
    weight: Any = 0.0
    share: float = 1.0


NO_PENALTY = Penalty()


def adversarial_gan(
    networks: Networks,
    *,
    loss: str,
    penalty: Penalty = NO_PENALTY,
    value_range: tuple[float, float] | None = (-1.0, 1.0),
    score: Callable[..., tuple[jax.Array, jax.Array, Any]] = score_together,
    keys: Callable[[jax.Array, int], Any] = jax.random.split,
    augment: Callable[[jax.Array, jax.Array], jax.Array] = lambda image, key: image,
) -> GAN:
    """Returns the GAN of two networks whose losses are functions of pairs of logits.

    Args:
      networks: the players.
      loss: a name of `losses.PAIRS`.
      penalty: of the discriminator.
      value_range: (low, high) of images; None for data that are not images.
      score: how the discriminator is given its examples, `score_together` or `score_apart`.
      keys: `(key, count) -> keys` of the latent, the discriminator and the penalty.
      augment: `(image, key) -> image`, applied to all images that the discriminator is given in
        training, real and generated.

    Raises:
      ValueError: the loss is unknown, or the penalty is unknown or out of its range.
    """
    check_choice(losses.PAIRS, loss=loss)
    penalties.check(*penalty)
    disc_pair, gen_pair = losses.PAIRS[loss]

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        latent_key, critic_key, penalty_key = keys(key, 3)
        condition = networks.conditions(batch)
        fakes, _ = networks.generate(gen, latent_key, variables.gen, batch)
        image = augment(batch["image"], jax.random.fold_in(critic_key, 2))
        fakes = augment(fakes, jax.random.fold_in(critic_key, 3))
        critic = functools.partial(networks.critic, disc, critic_key)
        real, fake, stats = score(critic, variables.disc, image, fakes, *condition)
        loss = jnp.mean(disc_pair(real, fake))
        metrics = disc_metrics(loss, real, fake)
        if is_set(penalty.weight):
            metrics["penalty"] = penalty.weight * penalties.estimate(
                penalties.PENALTIES[penalty.name],
                lambda *inputs: networks.critic(disc, penalty_key, stats, *inputs)[0],
                image,
                fakes,
                jax.random.fold_in(penalty_key, 1),
                *condition,
                share=penalty.share,
            )
            loss += metrics["penalty"]
        return loss, (variables._replace(disc=stats), metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        latent_key, critic_key = keys(key, 2)
        condition = networks.conditions(batch)
        fakes, stats = networks.generate(gen, latent_key, variables.gen, batch)
        image = augment(batch["image"], jax.random.fold_in(critic_key, 2))
        fakes = augment(fakes, jax.random.fold_in(critic_key, 3))
        critic = functools.partial(networks.critic, disc, critic_key, variables.disc)
        fake, _ = critic(fakes, *condition)
        real, _ = critic(image, *condition)  # compiled away where the loss does not need it
        loss = jnp.mean(gen_pair(real, fake))
        return loss, (variables._replace(gen=stats), {"gen_loss": loss})

    return GAN(
        networks.init,
        disc_loss,
        gen_loss,
        sample_by(networks.prior, networks.decode),
        value_range,
        networks.prior,
        networks.decode,
        networks.observe,
        conditional=networks.condition == "label",
    )
