"""Failed: carries the reason why an errand failed, until our own error can be raised without a chained exception."""


class Failed(Exception):
    """An errand failed; *text* says why. *kind*: the class of `errors` to raise, chained from *cause*."""

    def __init__(self, text: str, *, kind: str = "TokenEndpointError", cause: BaseException | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind
        self.cause = cause
