"""The CLIP text network of a checkpoint or a file of its own: its shape, loading, and tokens to states."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch import device as Device

from app.inference.conditioning import Conditioning
from app.inference.models.building import build
from app.inference.models.detect import Tensors
from app.inference.models.errors import FamilyNotSupported, WeightsDoNotFit
from app.inference.models.model_file import ModelFile
from app.inference.models.weights import PatchedWeights
from app.inference.text.chunks import chunk_prompt
from app.inference.text.encode import encode_chunks
from app.inference.text.tokenizer import EOS, VOCABULARY_SIZE
from app.inference.types import Pooled, Tokens
from app.inference.weight_patch import WeightPatch

if TYPE_CHECKING:
    from transformers.models.clip.modeling_clip import CLIPTextModel

HEAD_WIDTH = 64  # of every CLIP text encoder; not visible in tensor shapes
CLIP_L_WIDTH = 768


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """What the tensors of a CLIP text encoder tell."""

    width: int
    layers: int
    mlp_width: int
    vocabulary: int
    positions: int

    @property
    def heads(self) -> int:
        """Attention heads: one per 64 channels."""
        return max(1, self.width // HEAD_WIDTH)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipTextNetwork:
    """The transformer, seen from outside: token ids or vectors in, states out; float32 throughout."""

    weights: "PatchedWeights[CLIPTextModel]"
    shape: TextShape
    device: Device
    patches: tuple[WeightPatch, ...] = ()

    @property
    def network(self) -> "CLIPTextModel":
        """The module whose tensors `weights` holds."""
        return self.weights.network

    @property
    def width(self) -> int:
        """Channels of a state."""
        return self.shape.width

    def with_patches(self, patches: tuple[WeightPatch, ...]) -> "ClipTextNetwork":
        """The network with further changes of its weights, after those it has."""
        return replace(self, patches=self.patches + patches)

    @torch.no_grad()
    def __call__(self, token_ids: Tensor, layer: int | None) -> tuple[Tokens, Pooled]:
        """States float32 [B, T, width] and pooled vectors [B, width] of `token_ids` int64 [B, T].

        `layer` counts from the end: -1 and None are the last layer, -2 the one before. Counting beyond the
        first layer means the last. The final normalisation applies in every case. The pooled vector is the
        last layer's state at the first end mark, whatever `layer` says.
        """
        self.weights.use(self.patches)
        ids = token_ids.to(self.device)
        hidden = self.network.embeddings(input_ids=ids)
        after_layers = []
        for each in self.network.encoder.layers:
            hidden = each(hidden, None, is_causal=True)
            after_layers.append(hidden)
        last = self.network.final_layer_norm(hidden)
        back = -1 if layer is None or -layer > len(after_layers) else layer
        states = last if back == -1 else self.network.final_layer_norm(after_layers[back])
        first_end = (ids == EOS).int().argmax(dim=-1)
        return states, last[torch.arange(len(last), device=last.device), first_end]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEncoder:
    """A text network with the layer whose states count; what a CLIP socket carries."""

    network: ClipTextNetwork
    layer: int | None = None

    def encode(self, text: str) -> Conditioning:
        """Conditioning of one text with prompt weights, of any length."""
        return (encode_chunks(self.network, chunk_prompt(text), layer=self.layer),)

    @property
    def networks(self) -> Mapping[str, ClipTextNetwork]:
        """The text networks by kind (`l`, `g`, `h`), the first one first."""
        return {"l": self.network}

    def with_networks(self, networks: Mapping[str, ClipTextNetwork]) -> "TextEncoder":
        """The same encoder with other networks in place of its own, by kind."""
        return replace(self, network=networks.get("l", self.network))

    def stopping_at(self, layer: int) -> "TextEncoder":
        """The same encoder with the states of another layer; -1 is the last, -2 the one before."""
        return replace(self, layer=layer)


def load_text_network(file: ModelFile, prefix: str, device: Device) -> ClipTextNetwork:
    """Load the CLIP text encoder that stands under `prefix`; raises WeightsDoNotFit or FamilyNotSupported."""
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    shape = text_shape(file, prefix)
    config = CLIPTextConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.mlp_width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.positions,
        hidden_act="quick_gelu",
    )
    weights = build(
        lambda: CLIPTextModel(config),
        file,
        {name.removeprefix(prefix): name for name in file.tensors if name.startswith(prefix)},
        part="text encoder",
        device=device,
        dtype=torch.float32,
    )
    positions = torch.arange(shape.positions, device=device).expand(1, -1)
    weights.network.embeddings.register_buffer(
        "position_ids", positions, persistent=False
    )  # files do not carry it
    return ClipTextNetwork(weights=weights, shape=shape, device=device)


def text_shape(file: ModelFile, prefix: str) -> TextShape:
    """Read a CLIP text encoder's shape off its tensors."""
    tensors = file.tensors
    try:
        vocabulary, width = tensors[f"{prefix}embeddings.token_embedding.weight"].shape
        positions = tensors[f"{prefix}embeddings.position_embedding.weight"].shape[0]
        mlp_width = tensors[f"{prefix}encoder.layers.0.mlp.fc1.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise WeightsDoNotFit(
            file.path,
            f"lacks {error} in its text encoder",
            "It may be an incomplete export; choose another file.",
        ) from error
    if vocabulary != VOCABULARY_SIZE:
        raise FamilyNotSupported(
            file.path,
            f"holds a text encoder with {vocabulary} words instead of CLIP's {VOCABULARY_SIZE}",
            "Choose the text encoder of Stable Diffusion 1 (CLIP-L).",
        )
    layers = _layers(tensors, prefix)
    if layers > 12 and width > CLIP_L_WIDTH:
        raise FamilyNotSupported(
            file.path,
            f"holds a text encoder of {layers} layers, larger than CLIP-L, which cannot be run yet",
            "Choose the text encoder of Stable Diffusion 1 (CLIP-L).",
        )
    return TextShape(
        width=width, layers=layers, mlp_width=mlp_width, vocabulary=vocabulary, positions=positions
    )


def _layers(tensors: Tensors, prefix: str) -> int:
    number = 0
    while f"{prefix}encoder.layers.{number}.layer_norm1.weight" in tensors:
        number += 1
    return number
