"""The MNIST classifier whose features and labels judge generated digits.

`python -m jaxgan.metrics.classifier` trains it on the 60,000 training images and writes the
weights that ship with the package.
"""

import functools
import hashlib
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from jaxgan import cli, data

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


def load(path: str | pathlib.Path = WEIGHTS) -> tuple[dict, str]:
    """Returns the trained variables and the SHA-256 of the file they come from."""
    variables: dict = {}
    with np.load(path, allow_pickle=False) as file:
        for name, value in file.items():
            *parents, leaf = name.split("/")
            node = variables
            for parent in parents:
                node = node.setdefault(parent, {})
            node[leaf] = jnp.asarray(value, jnp.float32)
    return variables, hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@jax.jit
def _apply(variables: dict, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    return Classifier().apply(variables, image.astype(jnp.float32) / 255)


def predict(variables: dict, images: np.ndarray, batch: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Features and class probabilities of uint8 images.

    Args:
      variables: from `load`.
      images: uint8 [n, 28, 28, 1].
      batch: images per call.

    Returns:
      Features float32 [n, 128] and probabilities float32 [n, 10].
    """
    outputs = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.concatenate([part, np.zeros((batch - len(part), *part.shape[1:]), np.uint8)])
        features, logits = _apply(variables, padded)
        outputs.append((features[: len(part)], jax.nn.softmax(logits)[: len(part)]))
    features, probabilities = (np.concatenate(x) for x in zip(*outputs, strict=True))
    return features, probabilities


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
    images: np.ndarray, labels: np.ndarray, *, epochs: int, seed: int = 0, batch: int = 125
) -> dict:
    """Trains the classifier: Adam, one cosine cycle, label smoothing, small affine augmentation.

    Args:
      images: uint8 [n, 28, 28, 1].
      labels: int [n], 0 to 9.
      epochs: passes over the data.
      seed: of initialisation, order, augmentation and dropout.
      batch: examples per step.

    Returns:
      The variables: an average of parameters and batch statistics over the last steps.
    """
    model, steps = Classifier(), epochs * (len(images) // batch)
    optimizer = optax.adamw(optax.cosine_onecycle_schedule(steps, 4e-3), weight_decay=1e-3)
    variables = model.init(jax.random.key(seed), jnp.zeros((1, 28, 28, 1)))
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
    key = jax.random.key(seed + 1)
    with tqdm(total=steps, unit="step", smoothing=0.01) as bar:
        for _ in range(epochs):
            permutation = order.permutation(len(images))
            for start in range(0, len(images) - batch + 1, batch):
                chosen = permutation[start : start + batch]
                state, value = step(
                    state, jax.random.fold_in(key, bar.n), images[chosen], labels[chosen]
                )
                bar.update()
            bar.set_postfix(loss=f"{float(value):.3f}")
    return state[2]


def save(variables: dict, path: str | pathlib.Path) -> None:
    """Writes variables as a flat `.npz` of float16 arrays."""
    flat = jax.tree_util.tree_leaves_with_path(variables)
    names = ["/".join(key.key for key in path) for path, _ in flat]
    arrays = [np.asarray(leaf, np.float16) for _, leaf in flat]
    np.savez_compressed(path, **dict(zip(names, arrays, strict=True)))


def main(argv: list[str]) -> None:
    """Trains, writes and tests the classifier."""
    parser = cli.Parser("python -m jaxgan.metrics.classifier", "Train the MNIST classifier.")
    parser.add_argument("--out", default=str(WEIGHTS), help="the .npz to write")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    train_set, test_set = data.load("mnist", split="train"), data.load("mnist", split="test")
    save(train(train_set.images, train_set.labels, epochs=args.epochs, seed=args.seed), args.out)
    variables, checksum = load(args.out)
    _, probabilities = predict(variables, test_set.images)
    accuracy = np.mean(probabilities.argmax(1) == test_set.labels)
    print(f"wrote {args.out} (sha256 {checksum}): test accuracy {100 * accuracy:.2f} %")


if __name__ == "__main__":
    cli.run(main)
