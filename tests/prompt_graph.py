"""Builds prompts in API format node by node; tests that POST every node of a kind use it."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from app.nodes.registry import builtin_nodes

NODES = builtin_nodes()
Link: TypeAlias = list[Any]
"""Node and output number."""


@dataclass
class PromptGraph:
    """A prompt that grows; `shown` are the nodes that show pictures and the pictures' links."""

    prompt: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Link] = field(default_factory=dict)

    def add(self, class_type: str, **inputs: Any) -> Link:
        """Add a node with its declared defaults; returns a link to its first output."""
        node_id = str(len(self.prompt) + 1)
        defaults = {
            each.name: each.options.get("default", each.choices[0] if each.choices else False)
            for each in NODES[class_type].schema.inputs
            if each.choices or "default" in each.options or each.type == "BOOLEAN"
        }
        self.prompt[node_id] = {"class_type": class_type, "inputs": {**defaults, **inputs}}
        return [node_id, 0]

    def show(self, latent: Link, vae: Link) -> Link:
        """Decode a latent and show the picture; returns a link to the picture."""
        image = self.add("VAEDecode", samples=latent, vae=vae)
        self.show_picture(image)
        return image

    def show_picture(self, image: Link) -> None:
        """Show a picture."""
        self.shown[self.add("PreviewImage", images=image)[0]] = image

    @property
    def classes(self) -> set[str]:
        """Classes of all nodes."""
        return {node["class_type"] for node in self.prompt.values()}
