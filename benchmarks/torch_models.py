"""The models of `benchmarks.models` in PyTorch, a function of the same name for each."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Game(NamedTuple):
    """Two networks and their losses.

    Attributes:
      gen: the generator.
      disc: the discriminator.
      gen_loss: from the data, `image` [batch, channels, height, width] and `input` of that shape
        or `label` [batch, classes] where there are such, to a scalar.
      disc_loss: the same.
    """

    gen: nn.Module
    disc: nn.Module
    gen_loss: Callable[..., Tensor]
    disc_loss: Callable[..., Tensor]


def bce(logits: Tensor, target: float) -> Tensor:
    """Returns the mean binary cross-entropy of logits [batch, ...] with one target for all."""
    target = torch.full_like(logits, target)
    return functional.binary_cross_entropy_with_logits(logits, target)


class Maxout(nn.Module):
    """Fully connected maxout layer."""

    def __init__(self, inputs: int, features: int, pieces: int) -> None:
        """Makes the layer."""
        super().__init__()
        self.linear, self.shape = nn.Linear(inputs, features * pieces), (pieces, features)

    def forward(self, x: Tensor) -> Tensor:
        """Maps [batch, inputs] to [batch, features]."""
        return self.linear(x).view(-1, *self.shape).amax(-2)


class PaperGenerator(nn.Module):
    """The generator of Mirza & Osindero 2014, section 4.1."""

    def __init__(self) -> None:
        """Makes the layers."""
        super().__init__()
        self.z, self.y = nn.Linear(100, 200), nn.Linear(10, 1000)
        self.joint, self.out = nn.Linear(1200, 1200), nn.Linear(1200, 784)
        self.drop = nn.Dropout(0.5)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Maps noise [batch, 100] and one-hot labels [batch, 10] to images [batch, 784]."""
        x = torch.cat([self.z(z).relu(), self.y(y).relu()], 1)
        return self.out(self.drop(self.joint(self.drop(x)).relu())).sigmoid()


class PaperDiscriminator(nn.Module):
    """The discriminator of Mirza & Osindero 2014, section 4.1."""

    def __init__(self) -> None:
        """Makes the layers."""
        super().__init__()
        self.x, self.y, self.joint = Maxout(784, 240, 5), Maxout(10, 50, 5), Maxout(290, 240, 4)
        self.out, self.drop = nn.Linear(240, 1), nn.Dropout(0.5)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Maps images [batch, 784] and one-hot labels [batch, 10] to logits [batch]."""
        x = self.joint(self.drop(torch.cat([self.x(x), self.y(y)], 1)))
        return self.out(self.drop(x))[:, 0]


def cgan_mlp() -> Game:
    """Returns the conditional GAN with the paper's networks."""
    gen, disc = PaperGenerator(), PaperDiscriminator()

    def draw(label: Tensor) -> Tensor:
        return gen(torch.rand(len(label), 100, device=label.device), label)

    def gen_loss(image: Tensor, label: Tensor) -> Tensor:
        return bce(disc(draw(label), label), 1)

    def disc_loss(image: Tensor, label: Tensor) -> Tensor:
        with torch.no_grad():
            both = torch.cat([image.flatten(1), draw(label)])
        real, fake = disc(both, torch.cat([label, label])).chunk(2)
        return bce(real, 1) + bce(fake, 0)

    return Game(gen, disc, gen_loss, disc_loss)


def down(inputs: int, outputs: int, stride: int = 2) -> nn.Module:
    """Returns a 4x4 convolution with padding 1 and no bias."""
    return nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False)


def up(inputs: int, outputs: int) -> nn.Module:
    """Returns a 4x4 transposed convolution that doubles the resolution, without bias."""
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


def leaky() -> nn.Module:
    """Returns LeakyReLU .2, in place: in none of the networks is its input needed any more."""
    return nn.LeakyReLU(0.2, inplace=True)


def dcgan(base: int, channels: tuple[int, ...]) -> Game:
    """Returns a DCGAN (Radford et al. 2015) with kernels of 4.

    Args:
      base: height and width of the smallest maps.
      channels: of the image, and of the maps from the largest to the smallest.
    """
    shape = (channels[-1], base, base)
    layers: list[nn.Module] = [
        nn.Linear(100, math.prod(shape), bias=False),
        nn.Unflatten(1, shape),
    ]
    for inputs, outputs in pairwise(reversed(channels)):
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), up(inputs, outputs)]
    gen = nn.Sequential(*layers, nn.Tanh())
    layers = [down(*channels[:2]), leaky()]
    for inputs, outputs in pairwise(channels[1:]):
        layers += [down(inputs, outputs), nn.BatchNorm2d(outputs), leaky()]
    disc = nn.Sequential(*layers, nn.Flatten(), nn.Linear(math.prod(shape), 1, bias=False))

    def draw(image: Tensor) -> Tensor:
        return gen(torch.randn(len(image), 100, device=image.device))

    def gen_loss(image: Tensor) -> Tensor:
        return bce(disc(draw(image)), 1)

    def disc_loss(image: Tensor) -> Tensor:
        with torch.no_grad():
            fakes = draw(image)
        return bce(disc(image), 1) + bce(disc(fakes), 0)

    return Game(gen, disc, gen_loss, disc_loss)


def dcgan_28() -> Game:
    """Returns the DCGAN for 28x28x1."""
    return dcgan(7, (1, 64, 128))


def dcgan_64() -> Game:
    """Returns the DCGAN for 64x64x3."""
    return dcgan(4, (3, 64, 128, 256, 512))


class Skip(nn.Sequential):
    """Layers, and their input beside their result.

    The first layer may be an activation in place, where a ReLU follows the skip as in the U-Net.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Maps [batch, channels, height, width] to maps of the same size and more channels."""
        return torch.cat([super().forward(x), x], 1)


def unet() -> nn.Module:
    """Returns the U-Net-256 of Isola et al. 2017, appendix 6.1.1."""
    channels = (64, 128, 256, 512, 512, 512, 512, 512)
    inner: list[nn.Module] = []
    for i in reversed(range(1, len(channels))):
        outside, inside = channels[i - 1 : i + 1]
        layers = [leaky(), down(outside, inside)]
        if inner:
            layers += [nn.BatchNorm2d(inside), *inner]
        layers += [nn.ReLU(inplace=True), up(inside * (1 + len(inner)), outside)]
        layers += [nn.BatchNorm2d(outside)]
        if i > len(channels) - 4:
            layers += [nn.Dropout(0.5)]
        inner = [Skip(*layers)]
    return nn.Sequential(down(3, 64), *inner, nn.ReLU(inplace=True), up(128, 3), nn.Tanh())


def pix2pix() -> Game:
    """Returns U-Net and 70x70 PatchGAN with the losses of Isola et al. 2017."""
    gen = unet()
    layers = [down(6, 64), leaky()]
    for inputs, outputs, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [down(inputs, outputs, stride), nn.BatchNorm2d(outputs), leaky()]
    disc = nn.Sequential(*layers, down(512, 1, 1))

    def gen_loss(image: Tensor, input: Tensor) -> Tensor:
        fakes = gen(input)
        adversarial = bce(disc(torch.cat([input, fakes], 1)), 1)
        return adversarial + 100 * functional.l1_loss(fakes, image)

    def disc_loss(image: Tensor, input: Tensor) -> Tensor:
        with torch.no_grad():
            fakes = gen(input)
        real, fake = (disc(torch.cat([input, x], 1)) for x in (image, fakes))
        return (bce(real, 1) + bce(fake, 0)) / 2

    return Game(gen, disc, gen_loss, disc_loss)


def ebgan_mnist() -> Game:
    """Returns the energy-based GAN (Zhao et al. 2016) with fully connected networks."""
    layers: list[nn.Module] = []
    for inputs in (100, 800, 800, 800):
        layers += [nn.Linear(inputs, 800), nn.BatchNorm1d(800), nn.ReLU(inplace=True)]
    gen = nn.Sequential(*layers, nn.Linear(800, 784), nn.Tanh())
    disc = nn.Sequential(nn.Linear(784, 1024), nn.ReLU(inplace=True), nn.Linear(1024, 784))

    def draw(image: Tensor) -> Tensor:
        return gen(torch.randn(len(image), 100, device=image.device))

    def energy(x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(disc(x) - x, dim=1)

    def gen_loss(image: Tensor) -> Tensor:
        return energy(draw(image)).mean()

    def disc_loss(image: Tensor) -> Tensor:
        with torch.no_grad():
            both = torch.cat([image.flatten(1), draw(image)])
        real, fake = energy(both).chunk(2)
        return real.mean() + functional.relu(10 - fake).mean()

    return Game(gen, disc, gen_loss, disc_loss)
