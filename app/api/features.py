"""What this server can do, as /features and the socket tell it."""

from typing import Any


def server_features(max_upload_bytes: int) -> dict[str, Any]:
    """The feature flags in ComfyUI's words."""
    return {"supports_preview_metadata": True, "max_upload_size": max_upload_bytes}
