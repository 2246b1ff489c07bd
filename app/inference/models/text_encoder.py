"""The text towers of a model and how its family reads their states; what a CLIP socket carries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import device as Device

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.models.detect_text import FoundTower, Role
from app.inference.models.files.model_file import ModelFile
from app.inference.models.text_tower import ClipTextNetwork, load_text_tower
from app.inference.text.chunks import Chunk, chunk_prompt, empty_chunk
from app.inference.text.embeddings import NO_EMBEDDINGS, Embeddings
from app.inference.text.encode import TowerStates, encode_chunks
from app.inference.text.tokenizer import EOS
from app.inference.types import Pooled

INNER_LAYER = -2
PADDING = {"clip_l": EOS, "clip_h": 0, "clip_g": 0}  # token after the end mark, as each tower was trained


@dataclass(frozen=True, kw_only=True, eq=False)
class Tower:
    """A text network with its padding and the layer whose states count.

    `normed`: the final normalisation applies to the states of an inner layer.
    """

    role: Role
    network: ClipTextNetwork
    pad: int
    layer: int
    normed: bool

    @property
    def kind(self) -> str:
        """`l`, `g` or `h`."""
        return self.role.removeprefix("clip_")

    def chunks(self, text: str, embeddings: Embeddings) -> list[Chunk]:
        """The rows of a text."""
        return chunk_prompt(text, pad=self.pad, embeddings=embeddings, key=self.role)

    def states(self, chunks: Sequence[Chunk], layer: int | None) -> TowerStates:
        """States of rows, of the given layer or the tower's own, with the network's patches."""
        with self.network.weights.at_work(self.network.patches):
            return encode_chunks(
                self.network,
                chunks,
                layer=self.layer if layer is None else layer,
                normed=self.normed,
                pad=self.pad,
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEncoder:
    """Towers whose states stand side by side, and the layer that was chosen for all, if any."""

    towers: tuple[Tower, ...]
    layer: int | None = None

    def encode(self, text: str, embeddings: Embeddings = NO_EMBEDDINGS) -> Conditioning:
        """Conditioning of one text with prompt weights, of any length."""
        return self._joined([tower.chunks(text, embeddings) for tower in self.towers])

    def encode_each(
        self, text_of: Callable[[Role], str], embeddings: Embeddings = NO_EMBEDDINGS
    ) -> Conditioning:
        """Conditioning of a text per tower; the shorter ones are filled up with empty chunks."""
        rows = [tower.chunks(text_of(tower.role), embeddings) for tower in self.towers]
        longest = max(len(chunks) for chunks in rows)
        for tower, chunks in zip(self.towers, rows, strict=True):
            chunks += [empty_chunk(pad=tower.pad)] * (longest - len(chunks))
        return self._joined(rows)

    def unprojected_pooled(self, text: str, embeddings: Embeddings = NO_EMBEDDINGS) -> Pooled:
        """The pooled vector [1, width] of the last tower before its projection."""
        tower = self.towers[-1]
        return tower.states(tower.chunks(text, embeddings), self.layer).pooled

    def stopping_at(self, layer: int) -> "TextEncoder":
        """The same encoder with the states of another layer; -1 is the last, -2 the one before."""
        return replace(self, layer=layer)

    @property
    def networks(self) -> Mapping[str, ClipTextNetwork]:
        """The text networks by kind (`l`, `g`, `h`), the first one first."""
        return {tower.kind: tower.network for tower in self.towers}

    def with_networks(self, networks: Mapping[str, ClipTextNetwork]) -> "TextEncoder":
        """The same encoder with other networks in place of its own, by kind."""
        towers = (replace(each, network=networks.get(each.kind, each.network)) for each in self.towers)
        return replace(self, towers=tuple(towers))

    def _joined(self, rows: Sequence[Sequence[Chunk]]) -> Conditioning:
        """States side by side, cut to the shortest; the pooled vector is that of the last tower."""
        given = [tower.states(chunks, self.layer) for tower, chunks in zip(self.towers, rows, strict=True)]
        length = min(each.tokens.shape[1] for each in given)
        tokens = torch.cat([each.tokens[:, :length] for each in given], dim=-1)
        return (CondEntry(tokens=tokens, pooled=given[-1].projected),)


def load_text_encoder(sources: Iterable[tuple[ModelFile, FoundTower]], device: Device) -> TextEncoder:
    """Load towers and read them as the family that has these; raises WeightsDoNotFit, FamilyNotSupported."""
    networks: dict[Role, ClipTextNetwork] = {
        found.role: load_text_tower(file, found, device) for file, found in sources
    }
    order: tuple[Role, ...] = ("clip_l", "clip_h", "clip_g")
    return TextEncoder(
        towers=tuple(_tower(role, networks[role], networks.keys()) for role in order if role in networks)
    )


def _tower(role: Role, network: ClipTextNetwork, together: Iterable[Role]) -> Tower:
    """SD 1 takes CLIP-L's last layer, SD 2 the one before, normalised, XL and its refiner that, as it is."""
    xl = "clip_g" in together
    return Tower(
        role=role,
        network=network,
        pad=PADDING[role],
        layer=INNER_LAYER if xl or role == "clip_h" else -1,
        normed=not xl,
    )
