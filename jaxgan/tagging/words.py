"""Words as vectors: read from word2vec and fastText files, or trained from tags (skip-gram)."""

import collections
import contextlib
import gzip
import importlib.util
import mmap
import os
import pathlib
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan import storage
from jaxgan.data import files
from jaxgan.errors import UserError

_FASTTEXT = (793712314).to_bytes(4, "little")  # how its binary files begin
_LONGEST_WORD = 10_000  # bytes


class Words(NamedTuple):
    """A vocabulary.

    Attributes:
      words: V distinct ones.
      vectors: float32 [V, dimensions], each scaled to the length `sqrt(dimensions)`, so that its
        components are of order one; neighbours are by cosine, which no scale changes.
    """

    words: tuple[str, ...]
    vectors: np.ndarray


def scaled(words: Iterable[str], vectors: np.ndarray) -> Words:
    """Returns words with their vectors, float [V, dimensions], scaled; without those of length 0.

    Raises:
      ValueError: a vector is not finite.
    """
    vectors = np.asarray(vectors, np.float64)
    if not np.isfinite(vectors).all():
        raise ValueError("vectors: not all values are finite; look at what they come from")
    length = np.linalg.norm(vectors, axis=1)
    kept = np.flatnonzero(length)
    vectors = vectors[kept] / length[kept, None] * vectors.shape[1] ** 0.5
    words = tuple(words)
    return Words(tuple(words[i] for i in kept), vectors.astype(np.float32))


def frequent(tags: Iterable[Iterable[str]], min_count: int) -> list[str]:
    """Returns the words that are tags of at least `min_count` images, the most frequent first."""
    counts = collections.Counter(word for words in tags for word in set(words))
    kept = [(-count, word) for word, count in counts.items() if count >= min_count]
    return [word for _, word in sorted(kept)]


def read(path: str | pathlib.Path, keep: Collection[str]) -> Words:
    """Reads vectors from a file of word2vec (text, or binary where it ends in `.bin`) or fastText.

    Args:
      path: the file, `.gz` too; of fastText the text format, `.vec`, or `.bin`.
      keep: the words wanted, in this order; those that the file does not have are left out.

    Raises:
      UserError: gensim is missing for fastText's `.bin`, or the file cannot be read or has none of
        the words.
    """
    where = f"dataset.tags.vectors={str(path)!r}"
    path = pathlib.Path(path).expanduser()
    if not os.path.isfile(path):
        raise UserError(f"{where} is no file; give word vectors, or '' to train them from the tags")
    binary = path.suffixes[-1:] == [".bin"] or path.suffixes[-2:] == [".bin", ".gz"]
    try:
        with _content(path, lambda problem: UserError(f"{where} {problem}")) as content:
            if binary and content[:4] == _FASTTEXT:
                _check_fasttext(content)
                models = _gensim(where)
                table = models.fasttext.load_facebook_vectors(str(path))
                count = len(table.key_to_index)
                found = {word: table[word] for word in keep if word in table.key_to_index}
            else:
                found, count = (_binary if binary else _text)(content, frozenset(keep))
    except UserError:
        raise
    except Exception as error:  # of gensim and others, for whatever the bytes may be
        kind = "binary" if binary else "text"
        raise UserError(
            f"{where} is damaged or not of word2vec's {kind} format ({str(error) or 'cut short'}); "
            "give word2vec's text or .bin format, or fastText's .vec or .bin"
        ) from error
    kept = [word for word in keep if word in found]
    if not kept:
        raise UserError(
            f"{where} has none of the {len(keep)} tags of the data among its {count} words; "
            "give vectors of the tags' language"
        )
    vectors = np.stack([found[word] for word in kept])
    if not np.all(np.isfinite(vectors)):
        raise UserError(f"{where} has vectors that are not finite; give others")
    if not np.any(vectors):
        raise UserError(f"{where} has nothing but zeros for the tags of the data; give others")
    return scaled(kept, vectors)


Buffer = bytes | mmap.mmap


@contextlib.contextmanager
def _content(path: pathlib.Path, fail: Callable[[str], UserError]) -> Iterator[Buffer]:
    """Yields what is in a file, unpacked where it ends in `.gz`."""
    with path.open("rb") as file:
        if path.suffix != ".gz":
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield content
            return
        parts, size = [], 0
        with gzip.open(file) as unpacked:
            while part := unpacked.read(1 << 24):
                size += len(part)
                files.check_unpacked(path.stat().st_size, size, fail)
                parts.append(part)
        yield b"".join(parts)


def _end(content: Buffer, mark: bytes, start: int, longest: int = _LONGEST_WORD) -> int:
    """Returns where the next `mark` is; raises `ValueError` where none is near."""
    end = content.find(mark, start, start + longest)
    if end < 0:
        raise ValueError(f"no end of a word or line within {longest} bytes of byte {start}")
    return end


def _header(content: Buffer) -> tuple[int, int, int]:
    """Returns the numbers of words and dimensions in word2vec's first line, and where it ends."""
    end = _end(content, b"\n", 0)
    count, size = (int(number) for number in content[:end].split())
    if count < 1 or size < 1 or 2 * count * size > len(content):  # a number has a byte and a space
        raise ValueError(f"its first line says {count} words of {size} dimensions")
    return count, size, end + 1


def _binary(content: Buffer, keep: Collection[str]) -> tuple[dict[str, np.ndarray], int]:
    """Returns the wanted vectors in word2vec's binary format, and the number of all words."""
    count, size, start = _header(content)
    found: dict[str, np.ndarray] = {}
    for _ in range(count):
        end = _end(content, b" ", start)
        word = content[start:end].lstrip(b"\n").decode("utf-8", "replace")
        start = end + 1 + 4 * size
        if start > len(content):
            raise ValueError("cut short")
        if word in keep:
            found.setdefault(word, np.frombuffer(content[end + 1 : start], "<f4"))
    return found, count


def _text(content: Buffer, keep: Collection[str]) -> tuple[dict[str, np.ndarray], int]:
    """Returns the wanted vectors in word2vec's text format, and the number of all words."""
    count, size, start = _header(content)
    found: dict[str, np.ndarray] = {}
    longest = _LONGEST_WORD + 32 * size
    for i in range(count):
        last = start + longest > len(content) and content.find(b"\n", start) < 0
        end = len(content) if last else _end(content, b"\n", start, longest)
        word, *numbers = content[start:end].rstrip().split(b" ")
        if len(numbers) != size:
            raise ValueError(f"line {i + 2} does not have a word and {size} numbers")
        word, start = word.decode("utf-8", "replace"), end + 1
        if word in keep:
            found.setdefault(word, np.array([float(x) for x in numbers], np.float32))
    return found, count


def _check_fasttext(content: Buffer) -> None:
    """Raises `ValueError` where fastText's dictionary is damaged, which gensim would read for long.

    The header of fastText's `Dictionary::save`: magic number, version, 12 arguments and a double;
    numbers of all entries, words and labels, of tokens and of what was pruned; then each entry.
    """
    fields = struct.Struct("<3i2q")
    entries, words, labels, _, pruned = fields.unpack_from(content, 64)
    if not (entries == words + labels and words >= 1 and labels >= 0 and pruned < len(content)):
        raise ValueError(f"it says that {entries} entries are {words} words and {labels} labels")
    start = 64 + fields.size
    for _ in range(entries):
        start = _end(content, b"\0", start) + 10  # the count and the kind of the entry
    rows, size = struct.unpack_from("<2q", content, start + 8 * max(pruned, 0) + 1)
    if min(rows, size) < 1 or rows * size > len(content):
        raise ValueError(f"it says that it has {rows} vectors of {size} dimensions")


def train(
    tags: Sequence[Sequence[str]], *, size: int, min_count: int, epochs: int = 5, seed: int = 0
) -> Words:
    """Trains skip-gram vectors with negative sampling; the tags of an image are one sentence.

    Mikolov et al. 2013 (arXiv 1310.4546), by gensim; all tags of an image are each other's context.
    A vector is the word's vector plus its context vector, each less their mean: words that occur
    together are then near each other, where the word vectors alone bring together words that occur
    in each other's place (Levy, Goldberg & Dagan 2015, TACL 3, section 3.3), thin and thick.

    Args:
      tags: of each image.
      size: dimensions of a vector.
      min_count: images that a word must be a tag of, or it is left out.
      epochs: passes over the tags.
      seed: of the vectors and of the sampling.

    Raises:
      UserError: gensim is missing, or an argument leaves nothing to train.
    """
    if size < 1:
        raise UserError(f"dataset.tags.size={size}: give 1 dimension or more")
    known = frequent(tags, min_count)
    kept = set(known)
    # Each word once: the order within a sentence is the users', which a wide window ignores.
    sentences = [[word for word in dict.fromkeys(words) if word in kept] for words in tags]
    sentences = [words for words in sentences if len(words) > 1]
    if not sentences:
        raise UserError(
            f"dataset.tags.min_count={min_count}: no image has two tags that are so frequent; "
            "give a smaller number"
        )
    models = _gensim("dataset.tags.vectors=''")
    window = max(map(len, sentences))
    model = models.Word2Vec(
        sentences,
        vector_size=size,
        window=window,
        shrink_windows=False,
        min_count=1,
        sg=1,
        negative=5,
        sample=0 if len(known) < 1000 else 1e-3,
        epochs=epochs,
        seed=seed,
        workers=1,  # more would make the result a matter of timing
    )
    found = [word for word in known if word in model.wv]
    vectors = model.wv[found]
    contexts = model.syn1neg[[model.wv.key_to_index[word] for word in found]]
    return scaled(found, vectors - vectors.mean(0) + contexts - contexts.mean(0))


def _gensim(where: str):
    """Returns `gensim.models`."""
    if importlib.util.find_spec("gensim") is None:
        raise UserError(f"{where} needs gensim; pip install gensim")
    import gensim.models
    import gensim.models.fasttext

    return gensim.models


def save(words: Words, file: pathlib.Path) -> None:
    """Writes a `.npz` for `load`, so that it is never seen half-written."""
    with storage.replacing(file) as opened:
        np.savez(opened, words=np.array(words.words, np.str_), vectors=words.vectors)


def load(file: pathlib.Path, where: str = "--workdir") -> Words:
    """Reads what `save` wrote.

    Args:
      file: the `.npz`.
      where: what an error calls it.

    Raises:
      UserError: it is missing or damaged.
    """

    def fail(problem: str) -> UserError:
        return UserError(f"{where}: {file} {problem}; train in another folder")

    arrays = files.read_arrays(file, ("words", "vectors"), fail)
    words, vectors = (arrays.get(name, np.zeros(0)) for name in Words._fields)
    if words.dtype.kind != "U" or vectors.dtype != np.float32 or vectors.ndim != 2:
        raise fail("does not have words and their vectors")
    if words.shape != vectors.shape[:1]:
        raise fail(f"has {len(words)} words and {len(vectors)} vectors")
    return Words(tuple(words.tolist()), vectors)
