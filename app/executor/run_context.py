"""The surroundings of node calls in one prompt; implements what nodes see as NodeContext."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.executor.created_files import CreatedFiles
from app.files.folders import DataFolders
from app.inference.interrupts import Interrupted
from app.protocol.codec import FRAME_LIMIT
from app.protocol.events import NodePicture, NodePreview, NodeProgress, NodeText, PromptEvent

if TYPE_CHECKING:  # importing it loads torch; the executor says so politely when torch is missing
    from app.inference.memory.model_store import ModelStore


MOST_PICTURE_BYTES = FRAME_LIMIT - 4096  # names and lengths need the rest


class PictureTooLarge(Exception):
    """A picture does not fit into a message to the client."""

    code = "picture_too_large"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is the same for every prompt of an executor."""

    folders: DataFolders
    models: "ModelStore"
    preview_method: str = "latent2rgb"
    preview_size: int = 512
    metadata: bool = True


class RunContext:
    """Context of one node call."""

    def __init__(
        self,
        *,
        surroundings: Surroundings,
        prompt_id: str,
        node_id: str,
        prompt: Mapping[str, Any],
        extra_pnginfo: Mapping[str, Any] | None,
        emit: Callable[[PromptEvent], None],
        interrupted: Callable[[], bool],
        created: CreatedFiles,
    ) -> None:
        self._surroundings = surroundings
        self._prompt_id = prompt_id
        self._emit = emit
        self._interrupted = interrupted
        self._created = created
        self.node_id = node_id
        self.prompt = prompt
        self.extra_pnginfo = extra_pnginfo

    @property
    def folders(self) -> DataFolders:
        """Where models, inputs, outputs and temporary files lie."""
        return self._surroundings.folders

    @property
    def models(self) -> "ModelStore":
        """Loaded models, kept between prompts."""
        return self._surroundings.models

    @property
    def metadata(self) -> bool:
        """Whether results carry the prompt and workflow."""
        return self._surroundings.metadata

    @property
    def preview_method(self) -> str:
        """none, auto, latent2rgb or taesd."""
        return self._surroundings.preview_method

    @property
    def preview_size(self) -> int:
        """Longest side of a preview in pixels."""
        return self._surroundings.preview_size

    def interrupted(self) -> bool:
        """Whether the prompt was asked to stop."""
        return self._interrupted()

    def progress(self, value: float, total: float) -> None:
        """Report progress; raises Interrupted when the prompt was stopped."""
        self._emit(
            NodeProgress(
                prompt_id=self._prompt_id,
                node_id=self.node_id,
                display_node_id=self.node_id,
                value=value,
                total=total,
            )
        )
        if self._interrupted():
            raise Interrupted

    def preview(self, image: bytes, image_type: str = "image/jpeg") -> None:
        """Show an encoded picture of the work so far."""
        self._emit(
            NodePreview(
                prompt_id=self._prompt_id,
                node_id=self.node_id,
                display_node_id=self.node_id,
                image_type=image_type,
                image=image,
            )
        )

    def picture(self, image: bytes, image_type: str = "image/png") -> None:
        """Hand a finished, encoded picture to whoever queued the prompt; none of them is left out."""
        if len(image) > MOST_PICTURE_BYTES:
            raise PictureTooLarge(
                f"A picture of {len(image)} bytes cannot be sent; the limit is {MOST_PICTURE_BYTES}. "
                "Save it with Save Image instead."
            )
        self._emit(
            NodePicture(
                prompt_id=self._prompt_id,
                node_id=self.node_id,
                display_node_id=self.node_id,
                image_type=image_type,
                image=image,
            )
        )

    def text(self, text: str) -> None:
        """Show a line at the node while the prompt runs."""
        self._emit(NodeText(prompt_id=self._prompt_id, node_id=self.node_id, text=text))

    def created(self, path: Path) -> None:
        """Note a file before it is written; raises Interrupted when the prompt was stopped."""
        if self._interrupted():
            raise Interrupted
        self._created.add(path)
