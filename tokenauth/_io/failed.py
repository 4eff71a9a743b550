"""Failed: why an errand brought nothing, until an error of ours is raised where nothing else is at hand."""


class Failed(Exception):
    """An errand brought nothing; *text* says why. *kind*: the class of `errors` to raise, chained from *cause*."""

    def __init__(self, text: str, *, kind: str = "TokenEndpointError", cause: BaseException | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind
        self.cause = cause
