"""The decoders of the Encoding standard, step by step as it has them, and as slow. They need its indexes.

https://encoding.spec.whatwg.org
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.conformance import data

ERROR = "\ufffd"
Queue = list[int]  # bytes, in reverse: what is restored is appended
Indexes = dict[str, list[Any]]


@cache
def indexes() -> Indexes:
    """Return the indexes by name: code points, or ``None``, by pointer."""
    found: Indexes = json.loads((data("whatwg-encoding") / "indexes.json").read_text(encoding="utf-8"))
    return found


def code_point(index: str, pointer: int | None) -> str | None:
    listed = indexes()[index]
    number = listed[pointer] if pointer is not None and 0 <= pointer < len(listed) else None
    return None if number is None else chr(number)


def decode(body: bytes, encoding: str) -> str:
    """Return ``body`` as text, as the standard's decoder for the ``encoding`` reads it."""
    queue = list(reversed(body))
    if encoding == "iso-2022-jp":
        return iso_2022_jp(queue)
    if encoding.startswith("utf-16"):
        return utf_16(queue, is_big=encoding == "utf-16be")
    step = {
        "gbk": gb18030, "gb18030": gb18030, "big5": big5, "euc-jp": euc_jp, "shift_jis": shift_jis, "euc-kr": euc_kr,
    }.get(encoding)  # fmt: skip
    if step is None:
        return "".join(single_byte(byte, encoding) for byte in body)
    text = ""
    while queue:
        text += step(queue)
    return text


def single_byte(byte: int, encoding: str) -> str:
    if encoding == "x-user-defined":
        return chr(byte if byte < 0x80 else 0xF780 + byte - 0x80)
    return chr(byte) if byte < 0x80 else code_point(encoding.removesuffix("-i"), byte - 0x80) or ERROR


def pair(
    queue: Queue, is_lead: Callable[[int], bool], text_of: Callable[[int, int], str | None], single: dict[int, str]
) -> str:
    """Read one character of an encoding in which it has one or two bytes."""
    lead = queue.pop()
    if lead < 0x80:
        return chr(lead)
    if not is_lead(lead):
        return single.get(lead, ERROR)
    if not queue:
        return ERROR
    byte = queue.pop()
    if text := text_of(lead, byte):
        return text
    if byte < 0x80:
        queue.append(byte)
    return ERROR


def big5(queue: Queue) -> str:
    def text_of(lead: int, byte: int) -> str | None:
        pointer = None
        if 0x40 <= byte <= 0x7E or 0xA1 <= byte <= 0xFE:
            pointer = (lead - 0x81) * 157 + byte - (0x40 if byte < 0x7F else 0x62)
        two = {1133: "\xca\u0304", 1135: "\xca\u030c", 1164: "\xea\u0304", 1166: "\xea\u030c"}
        return two.get(pointer or 0) or code_point("big5", pointer)

    return pair(queue, lambda lead: 0x81 <= lead <= 0xFE, text_of, {})


def euc_kr(queue: Queue) -> str:
    def text_of(lead: int, byte: int) -> str | None:
        pointer = (lead - 0x81) * 190 + byte - 0x41 if 0x41 <= byte <= 0xFE else None
        return code_point("euc-kr", pointer)

    return pair(queue, lambda lead: 0x81 <= lead <= 0xFE, text_of, {})


def shift_jis(queue: Queue) -> str:
    def text_of(lead: int, byte: int) -> str | None:
        pointer = None
        if 0x40 <= byte <= 0x7E or 0x80 <= byte <= 0xFC:
            pointer = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 188 + byte - (0x40 if byte < 0x7F else 0x41)
            if 8836 <= pointer <= 10715:
                return chr(0xE000 - 8836 + pointer)
        return code_point("jis0208", pointer)

    single = {0x80: "\x80", **{byte: chr(0xFF61 - 0xA1 + byte) for byte in range(0xA1, 0xE0)}}
    return pair(queue, lambda lead: 0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC, text_of, single)


def euc_jp(queue: Queue) -> str:  # noqa: PLR0911  # as the standard has it
    lead, index = queue.pop(), "jis0208"
    if lead < 0x80:
        return chr(lead)
    if lead not in {0x8E, 0x8F} and not 0xA1 <= lead <= 0xFE:
        return ERROR
    if not queue:
        return ERROR
    byte = queue.pop()
    if lead == 0x8E and 0xA1 <= byte <= 0xDF:
        return chr(0xFF61 - 0xA1 + byte)
    if lead == 0x8F and 0xA1 <= byte <= 0xFE:
        lead, index = byte, "jis0212"
        if not queue:
            return ERROR
        byte = queue.pop()
    if 0xA1 <= lead <= 0xFE and 0xA1 <= byte <= 0xFE and (text := code_point(index, (lead - 0xA1) * 94 + byte - 0xA1)):
        return text
    if byte < 0x80:
        queue.append(byte)
    return ERROR


def gb18030(queue: Queue) -> str:
    first = queue.pop()
    if first < 0x80:
        return chr(first)
    if first == 0x80:
        return "\u20ac"
    if first == 0xFF or not queue:
        return ERROR
    second = queue.pop()
    if 0x30 <= second <= 0x39:
        return gb18030_of_four(queue, first, second)
    pointer = None
    if 0x40 <= second <= 0x7E or 0x80 <= second <= 0xFE:
        pointer = (first - 0x81) * 190 + second - (0x40 if second < 0x7F else 0x41)
    if text := code_point("gb18030", pointer):
        return text
    if second < 0x80:
        queue.append(second)
    return ERROR


def gb18030_of_four(queue: Queue, first: int, second: int) -> str:  # noqa: PLR0911  # as the standard has it
    if not queue:
        return ERROR
    third = queue.pop()
    if not 0x81 <= third <= 0xFE:
        queue += [third, second]
        return ERROR
    if not queue:
        return ERROR
    fourth = queue.pop()
    if not 0x30 <= fourth <= 0x39:
        queue += [fourth, third, second]
        return ERROR
    pointer = (first - 0x81) * 12600 + (second - 0x30) * 1260 + (third - 0x81) * 10 + fourth - 0x30
    if 39419 < pointer < 189000 or pointer > 1237575:
        return ERROR
    if pointer == 7457:
        return "\ue7c7"
    offset, code_point_offset = max(entry for entry in indexes()["gb18030-ranges"] if entry[0] <= pointer)
    return chr(code_point_offset + pointer - offset)


def iso_2022_jp(queue: Queue) -> str:  # noqa: C901, PLR0912  # the standard's steps, one after the other
    ascii_, roman, katakana, leading, trailing, escape_start, escape = range(7)
    state = output_state = ascii_
    lead, output, text = 0, False, ""
    while True:
        byte = queue.pop() if queue else None
        if state in {ascii_, roman, katakana, leading}:
            if byte is None:
                return text
            if byte == 0x1B:
                state = escape_start
                continue
            output = False
            if state == leading and 0x21 <= byte <= 0x7E:
                lead, state = byte, trailing
            elif state == katakana and 0x21 <= byte <= 0x5F:
                text += chr(0xFF61 - 0x21 + byte)
            elif state in {ascii_, roman} and byte <= 0x7F and byte not in {0x0E, 0x0F}:
                text += {0x5C: "\xa5", 0x7E: "\u203e"}.get(byte, chr(byte)) if state == roman else chr(byte)
            else:
                text += ERROR
        elif state == trailing:
            state = escape_start if byte == 0x1B else leading
            if byte is not None and 0x21 <= byte <= 0x7E:
                text += code_point("jis0208", (lead - 0x21) * 94 + byte - 0x21) or ERROR
            else:
                text += ERROR
        elif state == escape_start:
            if byte in {0x24, 0x28}:
                lead, state = byte or 0, escape
                continue
            if byte is not None:
                queue.append(byte)
            output, state = False, output_state
            text += ERROR
        else:
            pairs = {(0x28, 0x42): ascii_, (0x28, 0x4A): roman, (0x28, 0x49): katakana}
            found = {**pairs, (0x24, 0x40): leading, (0x24, 0x42): leading}.get((lead, byte))  # type: ignore[arg-type]
            if found is not None:
                state = output_state = found
                text += ERROR if output else ""
                output = True
                continue
            queue += [lead] if byte is None else [byte, lead]
            output, state = False, output_state
            text += ERROR


def utf_16(queue: Queue, *, is_big: bool) -> str:
    text, leading = "", None
    while queue:
        first = queue.pop()
        if not queue:
            return text + ERROR
        second = queue.pop()
        unit = (first << 8) + second if is_big else (second << 8) + first
        if leading is not None:
            surrogate, leading = leading, None
            if 0xDC00 <= unit <= 0xDFFF:
                text += chr(0x10000 + ((surrogate - 0xD800) << 10) + unit - 0xDC00)
            else:
                queue += [second, first]
                text += ERROR
        elif 0xD800 <= unit <= 0xDBFF:
            leading = unit
        else:
            text += ERROR if 0xDC00 <= unit <= 0xDFFF else chr(unit)
    return text + ("" if leading is None else ERROR)
