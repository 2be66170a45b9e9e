"""The MNIST classifier whose features and labels judge generated digits.

`python -m jaxgan.metrics.classifier` trains it on the 60,000 training images and writes the
weights that ship with the package.
"""

import functools
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan import cli, data, results
from jaxgan.base import seed_key
from jaxgan.metrics import weights
from jaxgan.metrics.arguments import check_images, check_labels

WEIGHTS = pathlib.Path(__file__).with_name("mnist_classifier.npz")


class Classifier(nn.Module):
    """Convolutional classifier of 28x28 grey images; the last hidden layer are the features."""

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        """Maps images in [0, 1], float32 [batch, 28, 28, 1], to features and logits.

        Returns:
          Features float32 [batch, 128] and logits float32 [batch, 10].
        """
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9)
        x = 2 * image - 1
        for width in (32, 64):
            x = nn.Conv(width, (5, 5), strides=2, use_bias=False)(x)
            x = nn.relu(norm()(x))
        x = x.reshape(x.shape[0], -1)
        x = nn.Dropout(0.5, deterministic=not train)(x)
        features = nn.relu(norm()(nn.Dense(128, use_bias=False)(x)))
        x = nn.Dropout(0.5, deterministic=not train)(features)
        return features, nn.Dense(10)(x)


def load() -> tuple[dict, str]:
    """Returns the trained variables and their checksum."""
    return weights.load(WEIGHTS)


def _augment(key: jax.Array, image: jax.Array) -> jax.Array:
    """Turns, scales and shifts each image by a little; float32 [batch, 28, 28, 1]."""

    def one(key: jax.Array, image: jax.Array) -> jax.Array:
        angle, scale_y, scale_x, dy, dx = jax.random.uniform(key, (5,), minval=-1)
        angle, scale_y, scale_x = 0.2 * angle, 1 + 0.1 * scale_y, 1 + 0.1 * scale_x
        y, x = jnp.meshgrid(jnp.arange(28.0) - 13.5, jnp.arange(28.0) - 13.5, indexing="ij")
        source_y = scale_y * (jnp.cos(angle) * y - jnp.sin(angle) * x) + 13.5 + 2 * dy
        source_x = scale_x * (jnp.sin(angle) * y + jnp.cos(angle) * x) + 13.5 + 2 * dx
        points = [source_y, source_x]
        return jax.scipy.ndimage.map_coordinates(image[..., 0], points, order=1)[..., None]

    return jax.vmap(one)(jax.random.split(key, image.shape[0]), image)


def train(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    seed: int = 0,
    batch: int = 125,
    show: bool = True,
) -> dict:
    """Trains the classifier: Adam, one cosine cycle, label smoothing, small affine augmentation.

    Args:
      images: uint8 [n, 28, 28, 1].
      labels: int [n], 0 to 9.
      epochs: passes over the data.
      seed: of initialisation, order, augmentation and dropout.
      batch: examples per step.
      show: whether to show a progress bar.

    Returns:
      The variables: an average of parameters and batch statistics over the last steps.
    """
    model, steps = Classifier(), epochs * (len(images) // batch)
    optimizer = optax.adamw(optax.cosine_onecycle_schedule(steps, 4e-3), weight_decay=1e-3)
    variables = model.init(seed_key(seed), jnp.zeros((1, 28, 28, 1)))
    state = (variables, optimizer.init(variables["params"]), variables)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, key, image, label):
        variables, opt_state, average = state
        augment_key, dropout_key = jax.random.split(key)
        image = _augment(augment_key, image.astype(jnp.float32) / 255)

        def loss(params):
            (_, logits), updated = model.apply(
                {**variables, "params": params},
                image,
                train=True,
                rngs={"dropout": dropout_key},
                mutable=["batch_stats"],
            )
            target = optax.smooth_labels(jax.nn.one_hot(label, 10), 0.05)
            return jnp.mean(optax.softmax_cross_entropy(logits, target)), updated

        (value, updated), grads = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        updates, opt_state = optimizer.update(grads, opt_state, variables["params"])
        variables = {"params": optax.apply_updates(variables["params"], updates), **updated}
        average = optax.incremental_update(variables, average, 0.005)
        return (variables, opt_state, average), value

    state = jax.tree.map(jnp.copy, state)
    order = np.random.default_rng(seed)
    key = seed_key(seed + 1)
    with tqdm(total=steps, unit="step", smoothing=0.01, disable=not show) as bar:
        taken = 0
        for _ in range(epochs):
            permutation = order.permutation(len(images))
            for start in range(0, len(images) - batch + 1, batch):
                chosen = permutation[start : start + batch]
                state, value = step(
                    state, jax.random.fold_in(key, taken), images[chosen], labels[chosen]
                )
                taken += 1
                bar.update()
            bar.set_postfix(loss=f"{float(value):.3f}")
    return state[2]


def predict(variables: dict, images: np.ndarray, batch: int = 1000) -> np.ndarray:
    """Returns the class, int [n], that is seen in each image, uint8 [n, 28, 28, 1]."""
    parts = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.pad(part, ((0, batch - len(part)), *((0, 0),) * 3))
        parts.append(np.asarray(_predict(variables, padded))[: len(part)])
    return np.concatenate(parts)


def accuracy(variables: dict, images: np.ndarray, labels: np.ndarray) -> float:
    """Returns the share of images, uint8 [n, 28, 28, 1], that are seen as their label, int [n]."""
    return float(np.mean(predict(variables, images) == labels))


@jax.jit
def _predict(variables: dict, images: jax.Array) -> jax.Array:
    return Classifier().apply(variables, images.astype(jnp.float32) / 255)[1].argmax(1)


def classification_accuracy_score(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    epochs: int = 10,
    seed: int = 0,
) -> float:
    """Accuracy on real images of a classifier that was trained on samples alone.

    Ravuri & Vinyals 2019 (arXiv 1905.10887), section 3; here with the project's MNIST classifier.

    Args:
      images: samples, uint8 [n, 28, 28, 1], at least one batch of 125.
      labels: int [n], the classes that were asked for, 0 to 9.
      test_images: real, uint8 [m, 28, 28, 1].
      test_labels: int [m].
      epochs: passes over the samples.
      seed: of the training.

    Raises:
      ValueError: shapes, types or labels are others, or there are too few samples.
    """
    for name, x, y in (("", images, labels), ("test_", test_images, test_labels)):
        check_images(f"{name}images", x, (28, 28, 1))
        check_labels(f"{name}labels", y, 10)
    if len(images) < 125:
        raise ValueError(f"images: {len(images)} are too few to train on; give 125 or more")
    variables = train(images, labels, epochs=epochs, seed=seed, show=False)
    return accuracy(variables, test_images, test_labels)


def main(argv: list[str]) -> None:
    """Trains, writes and tests the classifier."""
    parser = cli.Parser("python -m jaxgan.metrics.classifier", "Train the MNIST classifier.")
    results.add_arguments(
        parser, "the .npz to write (default: the package's)", default=str(WEIGHTS), metavar="FILE"
    )
    parser.add_argument("--epochs", type=cli.integer(1), default=20)
    parser.add_argument("--seed", type=cli.SEED, default=0)
    args = parser.parse_args(argv)
    out = pathlib.Path(args.out)
    results.check(args, [out])
    cli.start_jax()

    train_set, test_set = data.load("mnist", split="train"), data.load("mnist", split="test")
    variables = train(train_set.images, train_set.labels, epochs=args.epochs, seed=args.seed)
    half = jax.tree.map(lambda x: np.asarray(x, np.float16), variables)
    trained = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), half)
    share = accuracy(trained, test_set.images, test_set.labels)
    print(f"test accuracy {100 * share:.2f} %")
    with results.writing(out):
        checksum = weights.save(out, half)
    print(f"wrote {out} (checksum {checksum})")


if __name__ == "__main__":
    cli.run(main)
