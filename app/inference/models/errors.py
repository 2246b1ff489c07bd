"""Why a model file cannot be used; raised by the loaders here and shown to the user by the executor."""

from pathlib import Path


class ModelFileError(Exception):
    """A model file cannot be used. The text names the file, what it seems to be and what to do."""

    code = "model_file"

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        super().__init__(f"{path.name} {what}. {remedy} (File: {path})")
        self.path = path
        self.what = what
        self.remedy = remedy


class ModelFileMissing(ModelFileError):
    """The file was there when the menu was made and is gone now."""

    code = "model_file_missing"


class ModelFileDamaged(ModelFileError):
    """The file is shorter than its own table of contents says, or the table cannot be read."""

    code = "model_file_damaged"


class NotAModelFile(ModelFileError):
    """The file is something else: a text, a web page, an archive, a picture."""

    code = "not_a_model_file"


class PickleRefused(ModelFileError):
    """The file is a Python pickle, which may run code when it is opened."""

    code = "pickle_refused"


class PickleUnreadable(ModelFileError):
    """The file is a Python pickle from which no safe copy could be made."""

    code = "pickle_unreadable"


class WrongModelKind(ModelFileError):
    """The file holds weights, but of another kind than the node loads."""

    code = "wrong_model_kind"


class FamilyNotSupported(ModelFileError):
    """The file is a model of a family that cannot be run yet."""

    code = "family_not_supported"


class WeightsDoNotFit(ModelFileError):
    """The family is known, but tensors are missing or have shapes that do not belong together."""

    code = "weights_do_not_fit"


class PartMissing(Exception):
    """A model lacks the part that a node needs, such as a checkpoint without a text encoder."""

    code = "part_missing"
