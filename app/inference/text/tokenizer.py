"""Words to numbers: CLIP's byte pair encoding, built from the bundled table; used by `chunks.py`."""

import gzip
from functools import cache
from importlib import resources
from itertools import islice

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

BOS = 49406
EOS = 49407
VOCABULARY_SIZE = 49408

_START, _END = "<|startoftext|>", "<|endoftext|>"
_END_OF_WORD = "</w>"
_BYTES = 256
_MERGES = VOCABULARY_SIZE - 2 * _BYTES - 2  # every byte with and without end of word, and two marks
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"  # Radford et al. 2021, simple tokenizer


@cache
def clip_tokenizer() -> Tokenizer:
    """The encoder for all CLIP text towers; built on first use, then kept."""
    merges = _merges()
    letters = _byte_letters()
    words = [*letters, *(letter + _END_OF_WORD for letter in letters)]
    words += [first + second for first, second in merges]
    words += [_START, _END]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix=_END_OF_WORD, unk_token=_END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.BPEDecoder(suffix=_END_OF_WORD)
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True, normalized=False) for mark in (_START, _END)]
    )
    return tokenizer


def encode_words(text: str) -> list[int]:
    """Token ids of a text without begin and end marks; a mark written out in the text counts as the mark."""
    return clip_tokenizer().encode(text, add_special_tokens=False).ids


def _merges() -> list[tuple[str, str]]:
    """Pairs in the order in which they are joined; the file's first line is a heading."""
    table = resources.files("app.inference.text").joinpath("clip_bpe.txt.gz")
    with table.open("rb") as packed, gzip.open(packed, "rt", encoding="utf-8") as lines:
        next(lines)
        pairs = (line.split() for line in islice(lines, _MERGES))
        return [(first, second) for first, second in pairs]


def _byte_letters() -> list[str]:
    """One visible letter per byte: printable Latin-1 stands for itself, the rest moves up from 256.

    In the table's order: printable ones first. (Radford et al. 2019, byte-level encoding.)
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = _BYTES - len(printable)
    return [chr(code) for code in [*printable, *range(_BYTES, _BYTES + moved)]]
