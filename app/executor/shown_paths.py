"""Takes absolute paths out of sentences that clients read; used by run_prompt for the errors of nodes."""

import os

from app.files.folders import DataFolders


def relative_in(text: str, folders: DataFolders) -> str:
    """`text` with files under the model folders as `checkpoints/x.safetensors`, others as `output/x.png`."""
    names = {str(folder): key for key, paths in folders.models.as_paths().items() for folder in paths}
    for name in ("input", "output", "temp", "user", "state"):
        names.setdefault(str(getattr(folders, name)), name)
    names.setdefault(str(folders.base), ".")
    for place in sorted(names, key=len, reverse=True):
        text = text.replace(place + os.sep, f"{names[place]}/")
    return text
