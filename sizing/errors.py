"""The errors a rule can raise. Each has how many, which, got and expected, and what to do next."""


class BallastError(Exception):
    """Base of every error that a user can act on."""


class ContractError(BallastError, ValueError):
    """A frame does not have the shape that a stage requires."""
