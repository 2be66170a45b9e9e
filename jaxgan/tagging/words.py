"""Words as vectors: read from word2vec and fastText files, or trained from tags (skip-gram)."""

import collections
import importlib
import importlib.util
import pathlib
import zipfile
import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan import storage
from jaxgan.errors import UserError


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
      path: the file, `.gz` too; of fastText the text format, `.vec`.
      keep: the words wanted, in this order; those that the file does not have are left out.

    Raises:
      UserError: gensim is missing, or the file cannot be read or has none of the words.
    """
    where = f"dataset.tags.vectors={str(path)!r}"
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"{where} is no file; give word vectors, or '' to train them from the tags")
    models = _gensim(where)
    binary = path.suffixes[-1:] == [".bin"] or path.suffixes[-2:] == [".bin", ".gz"]
    try:
        if binary and _is_fasttext(path):
            table = importlib.import_module("gensim.models.fasttext").load_facebook_vectors(
                str(path)
            )
        else:
            table = models.KeyedVectors.load_word2vec_format(
                str(path), binary=binary, unicode_errors="replace"
            )
    except (ValueError, OSError, EOFError, IndexError, MemoryError, zlib.error) as error:
        kind = "binary" if binary else "text"
        raise UserError(
            f"{where} is damaged or not of word2vec's {kind} format ({error or 'cut short'}); give "
            "word2vec's text or .bin format, or fastText's .vec or .bin"
        ) from error
    found = [word for word in keep if word in table.key_to_index]
    if not found:
        raise UserError(
            f"{where} has none of the {len(keep)} tags of the data among its {len(table)} words; "
            "give vectors of the tags' language"
        )
    vectors = table[found]
    if not np.all(np.isfinite(vectors)):
        raise UserError(f"{where} has vectors that are not finite; give others")
    if not np.any(vectors):
        raise UserError(f"{where} has nothing but zeros for the tags of the data; give others")
    return scaled(found, vectors)


def _is_fasttext(path: pathlib.Path) -> bool:
    """Returns whether a binary file begins with fastText's magic number."""
    if path.suffix == ".gz":
        return False
    with path.open("rb") as file:
        return file.read(4) == (793712314).to_bytes(4, "little")


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
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return Words(tuple(arrays["words"].tolist()), arrays["vectors"])
    except OSError as error:
        raise UserError(f"{where}: {file} cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{where}: {file} is damaged; train in another folder") from error
