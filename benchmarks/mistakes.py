"""Random mistakes: what a user may type, name or have, over all programs.

A case is a command that works, with one or two mistakes, in a folder of its own with data and runs.
Its seed and its number determine it, up to the random names of files in checkpoints.
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import random
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks import forks

LINES = 3  # that a program may say on standard error
NARROW = {"gan.gen_width": 8, "gan.disc_width": 8}
SHORT = {
    "batch_size": 8,
    "steps": 4,
    "log_every": 1,
    "sample_every": 4,
    "checkpoint_every": 2,
}
RING = {**SHORT, **NARROW}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "digits": (
        "cgan_mnist",
        {**SHORT, "dataset.path": "digits.npz", "gan.width": 4, "evaluate_every": 0},
    ),
    "points": (
        "gan_ring",
        {
            **RING,
            "evaluate_every": 2,
            "evaluation.num": 50,
            "evaluation.best": "mixture_reverse_kl",
        },
    ),
    "many": ("gan_ring", {**RING, "evaluate_every": 0, "population.seeds": 2}),
    "pairs": (
        "pix2pix_facades",
        {
            **SHORT,
            "dataset.path": "scenes",
            "dataset.data_dir": "prepared",
            "dataset.image_size": 8,
            "dataset.jitter_size": 10,
            "gan.width": 2,
            "gan.disc_layers": 1,
        },
    ),
    "tags": (
        "cgan_tags_mirflickr",
        {
            **SHORT,
            "dataset.path": "flickr",
            "dataset.data_dir": "prepared",
            "dataset.tags.features": "features.npz",
            "dataset.tags.size": 4,
            "dataset.tags.min_count": 1,
            "gan.gen_units": "(4,4)",
            "gan.disc_units": "(4,4)",
            "gan.maxout": "(4,2)",
        },
    ),
}
COMMANDS: dict[str, list[str]] = {  # programs, and what they do with the runs
    "jaxgan.sample": [
        "--workdir=runs/digits --num=10 --out=new.png",
        "--workdir=runs/digits --label=3 --num=4 --out=new.npz",
        "--workdir=runs/points --num=20 --checkpoint=best --out=new/a.npz",
        "--workdir=runs/many/member_001 --num=20 --seed=5",
        "--workdir=runs/digits --checkpoint=mean:2 --num=9 --out=new.jpg",
    ],
    "jaxgan.latent": [
        "interpolate --workdir=runs/digits --points=3 --rows=2 --out=new.png",
        "arithmetic --workdir=runs/digits --a=label:7 --b=index:1,2 --c=seed:3 --out=new.png",
        "turn --workdir=runs/digits --from=label:1 --to=label:7 --rows=2 --points=3 --out=new.png",
        "direction --workdir=runs/digits --property=weight --points=2 --rows=1 --out=new.png",
        "neighbours --workdir=runs/digits --num=4 --out=new.png",
        "features --workdir=runs/digits --filters=2 --out=new.png",
    ],
    "jaxgan.evaluate": [
        "--workdir=runs/points --num=20 --seeds=1 --metrics=mixture",
        "--workdir=runs/digits --num=20 --seeds=1 --metrics=pixels --test-split=train"
        " --out=new.json",
        "--samples=samples.npz --dataset=digits.npz --metrics=pixels --features=classifier"
        " --train-split=train --test-split=train --out=new.json",
    ],
    "jaxgan.evaluate_pairs": ["--workdir=runs/pairs --num=2", "--workdir=runs/pairs --out=a.json"],
    "jaxgan.disc_features": [
        "--workdir=runs/digits --test-split=train[:50] --train-split=train[50:] --out=new.json",
    ],
    "jaxgan.translate": [
        "--workdir=runs/pairs --input=pictures --out=new",
        "--workdir=runs/pairs --input=pictures/a.png --out=new --size=own --batch=1",
        "--workdir=runs/pairs --input=pictures --target=pictures --out=new --unreadable=skip",
    ],
    "jaxgan.tag": [
        "--workdir=runs/tags --input=flickr --features=features.npz --samples=5 --out=new.html",
    ],
    "jaxgan.tagging.evaluate": [
        "--workdir=runs/tags --test-split=train --num=4 --samples=5 --out=new.json",
    ],
    "jaxgan.pod_check": ["--config=gan_ring --image-shape=1,1,2 --out=new.json"],
    "examples.gan_1d": ["--steps=20 --disc-steps=1 --out=new.png"],
    "examples.proposition_2": ["--steps=5 --out=new.png"],
    "examples.dirac_gan": ["--steps=3 --out=new.png"],
    "benchmarks.modes": ["--seeds=2 --config=gan_ring --out=new --config.steps=2"],
}
# Of these, large values are valid and take long.
COUNTS = {"num", "seeds", "samples", "steps", "evaluation.num", "points", "rows", "count"}
SKIPPED = {"--coordinator", "--process-id", "--num-processes", "--help"}  # these wait for others
# Nothing that a program could make outside the folder of a case.
WORDS = (
    " ", "0", "-1", "1", "2", "3", "1.5", "nan", "inf", "-inf", "1e400", "1e-400", "1e30", "1e3",
    "2147483648", "4294967296", "9223372036854775808", "-9223372036854775809", str(2**70), "0x10",
    "1_000", "\u0661\u0662", "abc", "None", "True", "false", "[]", "()", "(1,2)", "(0,0)", "{",
    "'", '"', "a,b", ",", "=", "-", "--", "é", "\u202e", "\x1b[31mred", "two\nlines", "\udcff",
    "..", "~", "~nobody/x", "/proc", "null", "full", "/proc/self/cmdline", "/proc/none/a", "*",
    "$HOME", "x" * 300, "x" * 5000, "last", "best", "mean:2", "mean:9", "mean:", "4", "train",
    "test", "train[:3]", "train[:0%]", "train[5:2]", "train[", "index:0,1", "index:", "label:99",
    "seed:-1", "adam", "sgd", "bfloat16", "float16", "pixels", "all", "mixture", "frechet", "cpu",
    "mnist", "optimizer.gen.learning_rate=1e-3,1e30", "gan.width=1,2", "AtoB", "BtoA", "edges",
    "side_by_side",
)  # fmt: skip


class Case(NamedTuple):
    """One command with mistakes.

    Attributes:
      program: `train.py`, or a module.
      arguments: of it.
      environment: variables of the environment that are added.
      notes: what was done to the files.
    """

    program: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    notes: tuple[str, ...]

    def command(self) -> str:
        """Returns the command line, in ASCII."""
        name = [self.program] if self.program.endswith(".py") else ["-m", self.program]
        words = [f"{key}={value}" for key, value in self.environment.items()]
        line = shlex.join([*words, "python", *name, *self.arguments])
        return line.encode("unicode_escape", "surrogatepass").decode().replace("\\\\", "\\")


class Setting(NamedTuple):
    """What all cases share.

    Attributes:
      base: a folder with data and runs, made by `make_base`.
      scratch: a folder for the cases.
      flags: known arguments of each program, by name.
      keys: keys of the configuration of each run.
      keep: whether the folders of failing cases stay.
    """

    base: pathlib.Path
    scratch: pathlib.Path
    flags: Mapping[str, Sequence[str]]
    keys: Mapping[str, Sequence[str]]
    keep: bool


def overrides(run: str, **changes: Any) -> list[str]:
    """Returns the arguments with which a run of `RUNS` was trained."""
    config, values = RUNS[run]
    values = {**values, **changes}
    return [f"--config={config}", *(f"--config.{key}={value}" for key, value in values.items())]


def make_data(folder: pathlib.Path) -> None:
    """Writes digits, pairs, tagged pictures and other files of a user."""
    rng = np.random.default_rng(0)

    def picture(path: pathlib.Path, *shape: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(path)

    digits = rng.integers(0, 256, (60, 28, 28, 1)).astype(np.uint8)
    np.savez(folder / "digits.npz", image=digits, label=np.arange(60) % 10)
    np.savez(folder / "samples.npz", image=digits[:40], label=np.arange(40) % 10)
    for split, count in (("train", 6), ("test", 3)):
        for i in range(count):
            picture(folder / "scenes" / split / f"{i}.png", 12, 24, 3)
    for name in ("a.png", "b c.png", "d.jpg"):
        picture(folder / "pictures" / name, 12, 12, 3)
    for name in ("meta/tags", "annotations"):
        (folder / "flickr" / name).mkdir(parents=True)
    names = [f"im{i}" for i in range(1, 13)]
    for i, name in enumerate(names):
        picture(folder / "flickr" / f"{name}.jpg", 8, 8, 3)
        (folder / "flickr/meta/tags" / f"tags{i + 1}.txt").write_text(f"sea\nsky\nt{i % 3}\n")
    (folder / "flickr/annotations/sky.txt").write_text("1\n2\n")
    features = rng.normal(size=(12, 6)).astype(np.float32)
    np.savez(folder / "features.npz", feature=features, name=np.array(names))
    (folder / "prepared").mkdir()
    (folder / "notes.txt").write_text("mine\n")
    for name in ("null", "full"):
        (folder / name).symlink_to(f"/dev/{name}")
    (folder / "existing.json").write_text("{}\n")
    shutil.copy(folder / "pictures/a.png", folder / "existing.png")


def make_base(folder: pathlib.Path, runs: Sequence[str]) -> None:
    """Writes the data and trains the runs.

    Raises:
      RuntimeError: a run fails.
    """
    make_data(folder)
    for run in runs:
        arguments = [*overrides(run), f"--workdir=runs/{run}"]
        call = forks.program("train.py", arguments)
        log = folder.with_name(f"{run}.err")
        outcome = forks.Job(call, folder, log, forks.homes(folder.parent)).wait()
        if outcome.status:
            raise RuntimeError(f"{shlex.join(arguments)}: {outcome.status}, {outcome.err}")
        (folder / "runs" / run / "my notes.txt").write_text("mine\n")
    if "digits" in runs:
        shutil.copytree(folder / "runs/digits", folder / "runs/half")
        shutil.rmtree(folder / "runs/half/checkpoints/4")


def known_flags(program: str) -> list[str]:
    """Returns the arguments that the help of a program names."""
    found: list[str] = []
    commands = {line.split()[0] for line in COMMANDS.get(program, ())}
    for first in sorted({c for c in commands if not c.startswith("-")}) or [None]:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            forks.main_of(program)([*([first] if first else []), "--help"])
        found += re.findall(r"--[a-z][a-z-]*", text.getvalue())
    return [flag for flag in dict.fromkeys(found) if flag not in SKIPPED]


def working(rng: random.Random, runs: Sequence[str]) -> tuple[str, list[str]]:
    """Returns a program and arguments without any mistake."""
    if rng.random() < 0.4:
        run = rng.choice(runs)
        folder = rng.choice([f"runs/{run}", "new"])
        if run == "digits" and rng.random() < 0.3:
            folder = "runs/half"
        return "train.py", [*overrides(run), f"--workdir={folder}"]
    usable = {
        program: [line for line in lines if _runs_named(line) <= {*runs}]
        for program, lines in COMMANDS.items()
    }
    program = rng.choice([program for program, lines in usable.items() if lines])
    return program, shlex.split(rng.choice(usable[program]))


def _runs_named(line: str) -> set[str]:
    return set(re.findall(r"runs/(\w+)", line))


def make_case(rng: random.Random, setting: Setting, folder: pathlib.Path) -> Case:
    """Returns a command with mistakes, some of them made in `folder`, a copy of `setting.base`."""
    return _Maker(rng, setting, folder).make()


class _Maker:
    """Makes mistakes in one case, in its folder."""

    def __init__(self, rng: random.Random, setting: Setting, folder: pathlib.Path) -> None:
        self.rng, self.setting, self.folder = rng, setting, folder
        self.program, self.arguments = working(rng, list(setting.keys))
        self.environment: dict[str, str] = {}
        self.notes: list[str] = []

    def make(self) -> Case:
        """Makes one or two mistakes."""
        kinds: list[tuple[Callable[[], None], int]] = [
            (self._drop, 1),
            (self._misspell, 2),
            (self._add, 3),
            (self._value, 4),
            (self._key, 5 if self.program == "train.py" else 0),
            (self._config_file, 2 if self.program == "train.py" else 0),
            (self._path, 4),
            (self._workdir, 6),
            (self._input, 4),
            (self._surroundings, 1),
        ]
        for _ in range(1 if self.rng.random() < 0.75 else 2):
            self.rng.choices(*zip(*kinds, strict=True))[0]()
        return Case(self.program, tuple(self.arguments), dict(self.environment), tuple(self.notes))

    def _position(self, wanted: Callable[[str], bool] = lambda word: True) -> int | None:
        found = [i for i, word in enumerate(self.arguments) if "=" in word and wanted(word)]
        return self.rng.choice(found) if found else None

    def _random_value(self, name: str) -> str:
        files = sorted(path.name for path in self.folder.iterdir())
        files += [f"runs/{run}" for run in self.setting.keys] + ["pictures/a.png", "new/a.png"]
        while True:
            value = self.rng.choice(WORDS) if self.rng.random() < 0.75 else self.rng.choice(files)
            if name.removeprefix("--").removeprefix("config.") not in COUNTS:
                return value
            with contextlib.suppress(ValueError):
                if 100 < float(value) < 2**62:
                    continue
            return value

    def _drop(self) -> None:
        if self.arguments:
            del self.arguments[self.rng.randrange(len(self.arguments))]

    def _misspell(self) -> None:
        i = self._position()
        if i is None:
            return
        name, _, value = self.arguments[i].partition("=")
        at = self.rng.randrange(2, len(name))
        before, letter, after = name[:at], name[at], name[at + 1 :]
        letters = [before + after, f"{before}x{letter}{after}", before + letter.upper() + after]
        letters += [name.replace("-", "_"), f"{name} "]
        self.arguments[i] = f"{self.rng.choice(letters)}={value}"
        if self.rng.random() < 0.2:
            self.arguments[i : i + 1] = [name, value]

    def _add(self) -> None:
        flags = self.setting.flags.get(self.program, ())
        if flags:
            name = self.rng.choice(flags)
            word = name if self.rng.random() < 0.1 else f"{name}={self._random_value(name)}"
            self.arguments.append(word)

    def _value(self) -> None:
        i = self._position()
        if i is not None:
            name = self.arguments[i].partition("=")[0]
            self.arguments[i] = f"{name}={self._random_value(name)}"

    def _key(self) -> None:
        run = self.rng.choice(list(self.setting.keys))
        key = self.rng.choice(list(self.setting.keys[run]))
        self.arguments.append(f"--config.{key}={self._random_value(key)}")

    def _config_file(self) -> None:
        body = self.rng.choice(_CONFIG_FILES)
        (self.folder / "mine.py").write_text(body)
        self.notes.append(f"mine.py is {body!r}")
        i = self._position(lambda word: word.startswith("--config="))
        if i is not None:
            self.arguments[i] = "--config=mine.py"

    def _path(self) -> None:
        """Another path in place of one that is named."""
        names = (
            "--workdir",
            "--out",
            "--input",
            "--target",
            "--samples",
            "--dataset",
            "--features",
            "--config",
            "--config.dataset.path",
            "--config.dataset.data_dir",
        )
        i = self._position(lambda word: word.partition("=")[0] in names)
        if i is None:
            return self._value()
        name, _, value = self.arguments[i].partition("=")
        others = [
            "notes.txt",
            "notes.txt/x",
            "existing.json",
            "existing.png",
            "digits.npz",
            "samples.npz",
            "scenes",
            "scenes/train/0.png",
            "pictures",
            "pictures/a.png",
            "flickr",
            "features.npz",
            "runs",
            "runs/none",
            "none/none.json",
            "none/none.png",
            ".",
            "",
            "null",
            "full",
            "/proc/x.json",
            "x" * 256 + ".png",
            "é.json",
            "runs/digits/config.json",
            "runs/digits/checkpoints",
            "runs/points/samples/step_0000000.png",
            f"{value}/",
            f"{value} ",
            f"./{value}",
            *(f"runs/{run}" for run in self.setting.keys),
        ]
        self.arguments[i] = f"{name}={self.rng.choice(others)}"
        return None

    def _workdir(self) -> None:
        """Damages a file of a work folder that the command names."""
        i = self._position(lambda word: word.startswith("--workdir=runs/"))
        folder = self.folder / self.arguments[i].partition("=")[2] if i is not None else None
        if folder is None or not folder.is_dir():
            return self._value()
        files = sorted(
            path for path in folder.rglob("*") if path.is_file() and "my " not in path.name
        )
        texts = [
            path
            for path in files
            if path.suffix in (".json", ".jsonl") and path.parent in (folder, folder.parent)
        ]
        if texts and self.rng.random() < 0.6:
            file = self.rng.choice(texts)
            if file.suffix == ".json" and self.rng.random() < 0.7:
                return self._edit_json(file)
        else:
            file = self.rng.choice(files)
        return self.damage(file)

    def _edit_json(self, file: pathlib.Path) -> None:
        """Deletes, changes or adds a key."""
        tree = json.loads(file.read_text())
        places = list(_places(tree))
        if not places:
            return self.damage(file)
        where, key = self.rng.choice(places)
        values = (None, "x", -1, 0, 1e400, [], {}, [1, 2], True, "..", 2**70, "\x1b[31m")
        action = self.rng.choice(("delete", "change", "add"))
        value = self.rng.choice(values)
        self.notes.append(f"{self._name(file)}: {action} {key!r}, {value!r}")
        if action == "delete":
            del where[key]
        elif action == "change" or isinstance(where, list):
            where[key] = value
        else:
            where["unknown"] = value
        file.write_text(json.dumps(tree))
        return None

    def _name(self, file: pathlib.Path) -> str:
        return os.fsencode(file.relative_to(self.folder)).decode(errors="replace")

    def damage(self, file: pathlib.Path) -> None:
        """Damages a file."""
        kinds = [
            "flip",
            "truncate",
            "empty",
            "noise",
            "delete",
            "folder",
            "dangling",
            "pipe",
            "bytes",
        ]
        self.notes.append(damage(self.rng, file, self.rng.choice(kinds), self.folder))

    def _input(self) -> None:
        """Damages or changes the data that the command names."""
        words = " ".join(self.arguments)
        if "digits.npz" in words or "runs/digits" in words:
            name = self.rng.choice(list(_ARRAYS))
            np.savez(self.folder / "digits.npz", **_ARRAYS[name])
            self.notes.append(f"digits.npz: {name}")
            if self.rng.random() < 0.3:
                self.damage(self.folder / "digits.npz")
            return
        folders = [f for f in ("scenes/train", "pictures", "flickr") if f.split("/")[0] in words]
        if not folders:
            return self._value()
        folder = self.folder / self.rng.choice(folders)
        files = sorted(path for path in folder.iterdir() if path.is_file())
        if self.rng.random() < 0.5:
            return self.damage(self.rng.choice(files))
        names = (
            "im13.jpg",
            "new.png",
            "\x1b[31mred.png",
            "two\nlines.png",
            os.fsdecode(b"\xff.png"),
            "x" * 250 + ".png",
            "a.gif",
            "UPPER.PNG",
            ".hidden.png",
            "a.tif",
            "a.webp",
        )
        path = folder / self.rng.choice(names)
        kind = self.rng.choice(list(_PICTURES))
        self.notes.append(f"{folder.name} has {path.name!r}: {kind}")
        _PICTURES[kind](path)
        return None

    def _surroundings(self) -> None:
        """Changes the environment, the current folder or what is already there."""
        kind = self.rng.choice(("platform", "cache", "home", "out", "folder"))
        if kind == "platform":
            self.environment["JAX_PLATFORMS"] = self.rng.choice(("cuda", "foo", "tpu", ""))
        elif kind == "cache":
            self.environment["XDG_CACHE_HOME"] = self.rng.choice(("notes.txt", "/proc/x"))
        elif kind == "home":
            self.environment |= {"HOME": "/proc/x", "TMPDIR": "/none"}
        else:
            name = self.rng.choice(
                ("new.png", "new.npz", "new.json", "new.html", "new", "samples.png")
            )
            path = self.folder / name
            if not path.exists():
                path.mkdir() if kind == "folder" else path.write_text("mine\n")
                self.notes.append(f"{name} exists")


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Returns every (container, key) of a tree of JSON."""
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    found = [(tree, key) for key, _ in items]
    for _, value in items:
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def damage(rng: random.Random, file: pathlib.Path, kind: str, root: pathlib.Path) -> str:
    """Damages a file; returns what was done."""
    name = os.fsencode(file.relative_to(root)).decode(errors="replace")
    content = file.read_bytes()
    file.unlink()
    at = rng.randrange(max(1, len(content)))
    if kind == "flip":
        changed = bytearray(content or b"\0")
        changed[at] ^= 1 << rng.randrange(8)
        file.write_bytes(changed)
    elif kind == "truncate":
        file.write_bytes(content[:at])
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "noise":
        file.write_bytes(rng.randbytes(len(content)))
    elif kind == "bytes":
        file.write_bytes(content + b"\xff\0{\n" * 3)
    elif kind == "folder":
        file.mkdir()
    elif kind == "dangling":
        file.symlink_to("none")
    elif kind == "pipe":
        os.mkfifo(file)
    return f"{name}: {kind} at {at} of {len(content)}"


_DIGIT = np.zeros((20, 28, 28, 1), np.uint8)
_ARRAYS: dict[str, dict[str, np.ndarray]] = {
    "other digits": {"image": _DIGIT + 9, "label": np.arange(20) % 10},
    "no label": {"image": _DIGIT},
    "no image": {"label": np.arange(20)},
    "nothing": {},
    "no examples": {"image": _DIGIT[:0], "label": np.arange(0)},
    "one example": {"image": _DIGIT[:1], "label": np.arange(1)},
    "floats": {"image": _DIGIT.astype(np.float32), "label": np.arange(20) % 10},
    "NaN": {"image": np.full((20, 28, 28, 1), np.nan), "label": np.arange(20) % 10},
    "other size": {"image": _DIGIT[:, :5, :7], "label": np.arange(20) % 10},
    "colour": {"image": _DIGIT.repeat(3, 3), "label": np.arange(20) % 10},
    "two axes": {"image": _DIGIT[:, :, 0, 0], "label": np.arange(20) % 10},
    "no size": {"image": _DIGIT[:, :0], "label": np.arange(20) % 10},
    "float labels": {"image": _DIGIT, "label": np.arange(20) / 2},
    "negative labels": {"image": _DIGIT, "label": np.arange(20) - 1},
    "few labels": {"image": _DIGIT, "label": np.arange(3)},
    "words for labels": {"image": _DIGIT, "label": np.array(["a"] * 20)},
    "huge labels": {"image": _DIGIT, "label": np.arange(20) * 10**6},
    "labels from 1": {"image": _DIGIT, "label": np.arange(20) % 9 + 1},
    "one label": {"image": _DIGIT, "label": np.zeros(20, int)},
    "objects": {"image": np.array([{}] * 20, object), "label": np.arange(20)},
    "input": {"image": _DIGIT, "input": _DIGIT, "label": np.arange(20) % 10},
}
_PICTURES: dict[str, Callable[[pathlib.Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no picture\n"),
    "a folder": lambda path: path.mkdir(),
    "a dangling link": lambda path: path.symlink_to("none"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a pipe": os.mkfifo,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "one pixel": lambda path: _save(path, "RGB", (1, 1)),
    "long": lambda path: _save(path, "RGB", (3000, 1)),
    "huge": lambda path: _save(path, "1", (14000, 14000)),
    "transparent": lambda path: _save(path, "RGBA", (24, 12)),
    "grey": lambda path: _save(path, "L", (24, 12)),
    "16 bits": lambda path: _save(path, "I;16", (24, 12)),
    "floats": lambda path: _save(path, "F", (24, 12), "TIFF"),
    "CMYK": lambda path: _save(path, "CMYK", (24, 12), "JPEG"),
    "palette": lambda path: _save(path, "P", (24, 12), "GIF"),
    "as the others": lambda path: _save(path, "RGB", (24, 12)),
}


def _save(path: pathlib.Path, mode: str, size: tuple[int, int], kind: str = "PNG") -> None:
    Image.new(mode, size).save(path, kind)


_CONFIG_FILES = (
    "",
    "def get_config(:\n",
    "import none_such\n",
    "import sys\nsys.exit(3)\n",
    "raise SystemExit\n",
    "1 / 0\n",
    "get_config = 3\n",
    "def get_config():\n    return None\n",
    "def get_config():\n    return {'steps': 3}\n",
    "def get_config(a, b):\n    return a\n",
    "def get_config():\n    raise ValueError('two\\nlines')\n",
    "from jaxgan import config\n\n\ndef get_config():\n    return config.base()\n",
    "from jaxgan import config\n\n\ndef get_config():\n    c = config.base()\n    c.stepz = 3\n"
    "    return c\n",
    "from jaxgan import config\n\n\ndef get_config():\n    c = config.base()\n    c.steps = 'a'\n"
    "    return c\n",
    "\0",
    "# \udcff\n".encode("utf-8", "surrogateescape").decode("latin-1"),
)


def content(folder: pathlib.Path) -> dict[str, str]:
    """Returns a hash of everything below a folder, by name; directories have none."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(top, name)
            key = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[key] = f"link to {os.readlink(path)}"
            elif os.path.isdir(path):
                found[key] = "folder"
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[key] = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                found[key] = "special"
    return found


_OWNED = re.compile(
    r"config\.json|dataset\.json|best\.json|metrics\.jsonl|words\.npz|curves\.png|samples\.gif|"
    r"population\.json|\.jaxgan\.lock|(samples|checkpoints|best|tensorboard|member_\d+)(/.*)?"
)


def owned(case: Case, path: str, before: Mapping[str, str]) -> bool:
    """Returns whether a program may change a file: in its work folder, or by `--overwrite`."""
    if "--overwrite" in case.arguments:
        outs = [word.partition("=")[2] for word in case.arguments if word.startswith("--out=")]
        return path.startswith(tuple(os.path.splitext(out)[0] for out in outs))
    if case.program != "train.py":
        return False
    folders = [word.partition("=")[2] for word in case.arguments if word.startswith("--workdir=")]
    folder = os.path.normpath(folders[-1]) if folders else "runs/none"
    if f"{folder}/config.json" not in before or not path.startswith(folder + "/"):
        return False
    return _OWNED.fullmatch(path.removeprefix(folder + "/")) is not None


_PREPARED = re.compile(r"(^|/)jaxgan_(cache|pairs)/")  # data, whatever becomes of the command
_PROGRESS = re.compile(r"\d+%\||\d+it \[|it/s|s/it|^INFO: |^$|^stopping after this step")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def said(err: str) -> list[str]:
    """Returns the lines of standard error, without those of progress."""
    lines = [part for line in err.split("\n") for part in line.split("\r")[-1:]]
    return [line for line in lines if line.strip() and not _PROGRESS.search(line)]


def faults(
    case: Case, outcome: forks.Outcome, before: Mapping[str, str], after: Mapping[str, str]
) -> list[str]:
    """Returns what is wrong with what a program did."""
    found = []
    lines = said(outcome.err)
    if "Traceback" in outcome.err + outcome.out:
        found.append("traceback")
    if outcome.status not in (0, 1, 2):
        found.append(f"status {outcome.status} after {outcome.seconds:.0f} s")
    if len(lines) > LINES:
        found.append(f"{len(lines)} lines")
    if outcome.status in (1, 2) and not any(line.startswith("error: ") for line in lines):
        found.append("no error line")
    if _CONTROL.search(outcome.out + "\n".join(lines)):
        found.append("control characters")
    for path, value in before.items():
        if after.get(path) != value and not owned(case, path, before):
            found.append(f"{'changed' if path in after else 'deleted'} {path!r}")
    for path in after.keys() - before.keys():
        if re.search(r"\.part|\.tmp|(^|/)tmp", path):
            found.append(f"left {path!r}")
        elif outcome.status == 2 and after[path] != "folder" and not _PREPARED.search(path):
            found.append(f"a mistake made {path!r}")
    return found


class Result(NamedTuple):
    """What became of a case.

    Attributes:
      index: its number.
      case: the command.
      outcome: what it did.
      faults: what is wrong with that.
    """

    index: int
    case: Case
    outcome: forks.Outcome
    faults: list[str]


def run(setting: Setting, seed: int, index: int) -> Result:
    """Makes a case, runs it and looks at what it did."""
    place = setting.scratch / f"case_{index:04d}"
    folder = place / "work"
    shutil.copytree(setting.base, folder, symlinks=True)
    case = make_case(random.Random(f"{seed}-{index}"), setting, folder)
    environment = {**forks.homes(place), **case.environment}
    before = content(folder)
    call = forks.program(case.program, case.arguments)
    outcome = forks.Job(call, folder, place / "err", environment).wait()
    found = faults(case, outcome, before, content(folder))
    if not (found and setting.keep):
        shutil.rmtree(place)
    return Result(index, case, outcome, found)
