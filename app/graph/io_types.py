"""Which output may feed which input."""

ANY = "*"


def accepts(declared: str, received: str) -> bool:
    """Whether an input declared as `declared` takes a value of type `received`.

    Types match when they are equal, when either is `*`, or when two comma lists share a member.
    """
    if received == declared or ANY in (declared, received):
        return True
    return not _members(received).isdisjoint(_members(declared))


def _members(slot_type: str) -> set[str]:
    return {part.strip() for part in slot_type.split(",")}
