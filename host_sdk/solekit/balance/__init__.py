"""Standing, rising from a chair, and the timed walk from it: from the load of both feet."""

from solekit.balance.chair_stand import ChairStand
from solekit.balance.standing import FootStance, StandingBalance
from solekit.balance.timed_up_and_go import TimedUpAndGo

__all__ = ["ChairStand", "FootStance", "StandingBalance", "TimedUpAndGo"]
