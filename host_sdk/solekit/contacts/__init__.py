"""Contacts of the feet with the ground: from recorded pressure, from a foot IMU, from both."""

from solekit.contacts.fusion import FusedContacts
from solekit.contacts.inertial import InertialContacts
from solekit.contacts.pressure import PressureContacts
from solekit.contacts.streaming import FootContacts

__all__ = ["FootContacts", "FusedContacts", "InertialContacts", "PressureContacts"]
