"""What a node call may ask of its surroundings; the executor implements it, nodes only see this."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from app.files.folders import DataFolders
    from app.inference.memory.model_store import ModelStore


class NodeContext(Protocol):
    """Surroundings of one node call."""

    @property
    def node_id(self) -> str:
        """Id of the node in the prompt."""
        ...

    @property
    def prompt(self) -> Mapping[str, Any]:
        """The whole prompt in API format, for embedding into results."""
        ...

    @property
    def extra_pnginfo(self) -> Mapping[str, Any] | None:
        """Further documents to embed, usually `workflow`."""
        ...

    @property
    def metadata(self) -> bool:
        """Whether results carry the prompt and workflow."""
        ...

    @property
    def preview_method(self) -> str:
        """none, auto, latent2rgb or taesd."""
        ...

    @property
    def preview_size(self) -> int:
        """Longest side of a preview in pixels."""
        ...

    @property
    def folders(self) -> "DataFolders":
        """Where models, inputs, outputs and temporary files lie."""
        ...

    @property
    def models(self) -> "ModelStore":
        """Loaded models, kept between prompts."""
        ...

    def progress(self, value: float, total: float) -> None:
        """Report progress; raises Interrupted when the prompt was stopped."""
        ...

    def preview(self, image: bytes, image_type: str = "image/jpeg") -> None:
        """Show an encoded picture of the work so far."""
        ...

    def picture(self, image: bytes, image_type: str = "image/png") -> None:
        """Hand a finished, encoded picture to whoever queued the prompt; none of them is left out."""
        ...

    def text(self, text: str) -> None:
        """Show a line at the node while the prompt runs."""
        ...

    def interrupted(self) -> bool:
        """Whether the prompt was asked to stop."""
        ...

    def created(self, path: Path) -> None:
        """Name a file under output or temp before writing it, so that a lost attempt can be cleaned up.

        Raises Interrupted when the prompt was stopped: many pictures are not written to their end first.
        """
        ...
