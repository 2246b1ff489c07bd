"""One CLIP text network of a file: its shape, loading, and tokens to states; `text_encoder.py` joins them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.models.building import build
from app.inference.models.detect_text import FoundTower, count_layers
from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile
from app.inference.models.files.stored import Stored
from app.inference.models.weights import PatchedWeights
from app.inference.text.encode import TowerStates
from app.inference.text.tokenizer import EOS, VOCABULARY_SIZE
from app.inference.weight_patch import WeightPatch

if TYPE_CHECKING:
    from transformers.models.clip.configuration_clip import CLIPTextConfig

HEAD_WIDTH = 64  # of every CLIP text encoder; not visible in tensor shapes
LAYERS_OF_H = 24
"""Layers of OpenCLIP ViT-H; layers are counted from its end even where the last, unused one was not saved."""


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """What the tensors of a CLIP text encoder tell; `projected`: there is a projection for pooled vectors."""

    width: int
    layers: int
    mlp_width: int
    vocabulary: int
    positions: int
    projected: bool

    @property
    def heads(self) -> int:
        """Attention heads: one per 64 channels."""
        return max(1, self.width // HEAD_WIDTH)


class ClipTextModule(nn.Module):
    """A tower's tensors under the names of transformers' files: `text_model.*`, `text_projection.weight`."""

    def __init__(self, config: "CLIPTextConfig", *, projected: bool) -> None:
        from transformers.models.clip.modeling_clip import CLIPTextModel

        super().__init__()
        self.text_model = CLIPTextModel(config)
        self.text_projection = (
            nn.Linear(config.hidden_size, config.hidden_size, bias=False) if projected else None
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipTextNetwork:
    """The transformer, seen from outside: token ids or vectors in, states out; float32 throughout.

    `patches` are changes of its weights; they are made before it is called. `missing_layers` is how many
    layers the architecture has after those of the file.
    """

    weights: PatchedWeights[ClipTextModule]
    shape: TextShape
    device: Device
    missing_layers: int = 0
    patches: tuple[WeightPatch, ...] = ()

    @property
    def width(self) -> int:
        """Channels of a state."""
        return self.shape.width

    def with_patches(self, patches: tuple[WeightPatch, ...]) -> "ClipTextNetwork":
        """The network with further changes of its weights, after those it has."""
        return replace(self, patches=self.patches + patches)

    @torch.no_grad()
    def __call__(
        self,
        token_ids: Tensor,
        vectors: Mapping[tuple[int, int], Tensor],
        *,
        layer: int,
        normed: bool,
    ) -> TowerStates:
        """States of rows of tokens; see `TextTransformer`."""
        model = self.weights.network.text_model
        ids = token_ids.to(self.device)
        hidden = model.embeddings(
            input_ids=None, inputs_embeds=self._embedded(ids, vectors), position_ids=None
        )
        after_layers = []
        for each in model.encoder.layers:
            hidden = each(hidden, None, is_causal=True)
            after_layers.append(hidden)
        last = model.final_layer_norm(hidden)
        back = min(-1, layer + self.missing_layers)
        if -back > len(after_layers):
            states = last
        else:
            states = model.final_layer_norm(after_layers[back]) if normed else after_layers[back]
        first_end = (ids == EOS).int().argmax(dim=-1)
        pooled = last[torch.arange(len(last), device=last.device), first_end]
        projection = self.weights.network.text_projection
        return TowerStates(
            tokens=states, pooled=pooled, projected=pooled if projection is None else projection(pooled)
        )

    def _embedded(self, ids: Tensor, vectors: Mapping[tuple[int, int], Tensor]) -> Tensor:
        """Vectors [B, T, width] of the tokens, those of textual inversion at their places."""
        embedded = self.weights.network.text_model.embeddings.token_embedding(ids.clamp(min=0))
        for (row, place), vector in vectors.items():
            embedded[row, place] = vector.to(embedded)
        return embedded


def load_text_tower(file: ModelFile, found: FoundTower, device: Device) -> ClipTextNetwork:
    """Load a text tower; raises WeightsDoNotFit or FamilyNotSupported."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig

    shape = text_shape(file, found)
    config = CLIPTextConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.positions,
        hidden_act="quick_gelu" if found.role == "clip_l" else "gelu",
    )
    weights = build(
        lambda: ClipTextModule(config, projected=shape.projected),
        file,
        _names(file, found, shape),
        part="text encoder",
        device=device,
        dtype=torch.float32,
    )
    positions = torch.arange(shape.positions, device=device).expand(1, -1)
    embeddings = weights.network.text_model.embeddings
    embeddings.register_buffer("position_ids", positions, persistent=False)  # files do not carry it
    missing = 1 if found.role == "clip_h" and shape.layers == LAYERS_OF_H - 1 else 0
    return ClipTextNetwork(weights=weights, shape=shape, device=device, missing_layers=missing)


def text_shape(file: ModelFile, found: FoundTower) -> TextShape:
    """Read a tower's shape off its tensors."""
    tensors, inner = file.tensors, found.inner
    table, positions, mlp = {
        "transformers": (
            "embeddings.token_embedding.weight",
            "embeddings.position_embedding.weight",
            "encoder.layers.0.mlp.fc1.weight",
        ),
        "open_clip": (
            "token_embedding.weight",
            "positional_embedding",
            "transformer.resblocks.0.mlp.c_fc.weight",
        ),
    }[found.layout]
    try:
        vocabulary, width = tensors[inner + table].shape
        shape = TextShape(
            width=width,
            layers=count_layers(tensors, found),
            mlp_width=tensors[inner + mlp].shape[0],
            vocabulary=vocabulary,
            positions=tensors[inner + positions].shape[0],
            projected=found.role != "clip_l" and _projection(file, found) is not None,
        )
    except (KeyError, ValueError) as error:
        raise WeightsDoNotFit(
            file.path,
            f"lacks {error} in its text encoder",
            "It may be an incomplete export; choose another file.",
        ) from error
    if shape.vocabulary != VOCABULARY_SIZE:
        raise FamilyNotSupported(
            file.path,
            f"holds a text encoder with {shape.vocabulary} words instead of CLIP's {VOCABULARY_SIZE}",
            "Choose the text encoder of Stable Diffusion 1, 2 or XL.",
        )
    return shape


def _projection(file: ModelFile, found: FoundTower) -> Stored | None:
    """The matrix of the pooled vector; open_clip multiplies it from the other side."""
    if found.prefix + "text_projection.weight" in file.tensors:
        return Stored(found.prefix + "text_projection.weight")
    if found.prefix + "text_projection" in file.tensors:
        return Stored(found.prefix + "text_projection", transposed=True)
    return None


def _names(file: ModelFile, found: FoundTower, shape: TextShape) -> dict[str, Stored]:
    """The module's tensor names to the file's."""
    if found.layout == "open_clip":
        names = dict(open_clip_names(found.inner, shape.layers))
        names = {name: stored for name, stored in names.items() if stored.name in file.tensors}
    else:
        names = {
            "text_model." + name.removeprefix(found.inner): Stored(name)
            for name in file.tensors
            if name.startswith(found.inner)
        }
    projection = _projection(file, found)
    if projection is not None:
        names["text_projection.weight"] = projection
    return names


_OPEN_CLIP_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def open_clip_names(inner: str, layers: int) -> Iterator[tuple[str, Stored]]:
    """open_clip's names in transformers' words; query, key and value are one tensor there, in this order."""
    for theirs, ours in _OPEN_CLIP_ENDS.items():
        yield f"text_model.{ours}", Stored(inner + theirs)
    for number in range(layers):
        block, layer = f"{inner}transformer.resblocks.{number}", f"text_model.encoder.layers.{number}"
        for kind in ("weight", "bias"):
            for theirs, ours in _OPEN_CLIP_LAYER.items():
                yield f"{layer}.{ours}.{kind}", Stored(f"{block}.{theirs}.{kind}")
            for part, name in enumerate(("q_proj", "k_proj", "v_proj")):
                stored = Stored(f"{block}.attn.in_proj_{kind}", part=part, parts=3)
                yield f"{layer}.self_attn.{name}.{kind}", stored
