"""``python -m tools.protocol [--write]``: the message table, from the messages themselves.

Without ``--write`` it is printed; with it the page firmware/solecore/wire/README.md is renewed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from solecore.wire import messages as m
from solecore.wire.schema import REST, Message

PAGE = Path(__file__).parents[1] / "firmware" / "solecore" / "wire" / "README.md"
BEGIN, END = "<!-- table: python -m tools.protocol --write -->", "<!-- end of table -->"


def table() -> str:
    """Return all messages as Markdown."""
    lines = [
        f"Protocol {m.PROTOCOL_VERSION}, little-endian, at most {m.MAX_MESSAGE} bytes a message.",
        "",
        "| id | message | bytes | fields (offset type name) |",
        "|---|---|---:|---|",
    ]
    for message in m.ALL:
        size = f"{message.size} + rest" if message.rest else str(message.size)
        lines.append(f"| 0x{message.msg_id:02x} | {message.name} | {size} | {_fields(message)} |")
    return "\n".join(lines)


def _fields(message: Message) -> str:
    parts = []
    for field in (*message.fixed, *((message.rest,) if message.rest else ())):
        count = "..." if field.count == REST else f"{field.count}" if field.count > 1 else ""
        unit = f" [{field.unit}]" if field.unit else ""
        kind = _TYPES[field.code] + (f"[{count}]" if count else "")
        parts.append(f"{message.offset(field.name)} {kind} {field.name}{unit}")
    return ", ".join(parts) or "none"


_TYPES = {"B": "u8", "H": "u16", "I": "u32", "Q": "u64", "h": "i16"}


def page() -> str:
    """Return the page with its table renewed."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Print or write."""
    parser = argparse.ArgumentParser(prog="python -m tools.protocol", description=__doc__)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(table())


if __name__ == "__main__":
    main()
