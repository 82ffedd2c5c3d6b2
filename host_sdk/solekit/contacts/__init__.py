"""Contacts of the feet with the ground, from recorded pressure."""

from solekit.contacts.streaming import FootContacts

__all__ = ["FootContacts"]
