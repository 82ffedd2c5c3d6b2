"""The insole's GATT service, as both sides name it.

Every message is cut by ``fragments``: requests are written to CTRL, their replies come as
indications of CTRL, LOG_DATA as notifications of LOG, all other data as notifications of DATA.
INFO is read: protocol u8, side u8, features u32, then the text of HELLO.
"""

SERVICE: str = "50e1e001-5b4d-4b9e-9d3a-3c7f1a2b6d10"
DATA: str = "50e1e002-5b4d-4b9e-9d3a-3c7f1a2b6d10"
CTRL: str = "50e1e003-5b4d-4b9e-9d3a-3c7f1a2b6d10"
INFO: str = "50e1e004-5b4d-4b9e-9d3a-3c7f1a2b6d10"
LOG: str = "50e1e005-5b4d-4b9e-9d3a-3c7f1a2b6d10"

# Manufacturer data of the scan response: u16 company, then side u8, flags u8, serial (ASCII).
COMPANY: int = 0xFFFF  # the identifier for tests: the project has none of its own
FLAG_PAIRING: int = 1  # the pairing window is open
FLAG_LOW_BATTERY: int = 2
