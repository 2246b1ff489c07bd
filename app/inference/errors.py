"""Why inputs of a node cannot be worked on; raised by the mathematics here, shown by the executor."""


class WrongInput(ValueError):
    """An input cannot be used. The text says what is wrong and what to do; other inputs will work."""

    code = "wrong_input"


class SizeNotUsable(WrongInput):
    """A width, height or radius is too small, too large or does not fit to another one."""

    code = "size_not_usable"


class ChannelsDoNotFit(WrongInput):
    """Pictures or latents have another number of channels than is needed."""

    code = "channels_do_not_fit"


class BatchesDoNotFit(WrongInput):
    """Batches have numbers of pictures that cannot be matched."""

    code = "batches_do_not_fit"
