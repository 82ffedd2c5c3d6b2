"""The medium between virtual radios: bumble's, with scan responses."""

from __future__ import annotations

import dataclasses

from bumble import ll
from bumble.controller import Controller
from bumble.link import LocalLink


class Ether(LocalLink):
    """A link on which an active scanner learns what the scan response says.

    bumble 0.0.236 repeats the advertising data in place of the response; here both travel
    together. It has no packet loss and no connection interval; see ``peripheral.Shape``.
    """

    def send_advertising_pdu(
        self, sender_controller: Controller, packet: ll.AdvertisingPdu
    ) -> None:
        """Send ``packet`` to every other controller, the scan response behind its data."""
        if isinstance(packet, ll.AdvInd | ll.AdvExtInd):
            response = bytes(sender_controller.le_legacy_advertiser.scan_response_data)
            for one in sender_controller.advertising_sets.values():
                response = response or bytes(one.scan_response_data)
            packet = dataclasses.replace(packet, data=packet.data + response)
        super().send_advertising_pdu(sender_controller, packet)
