"""The encoders of the Encoding standard, and how the URL standard percent-encodes what they return, step by step.

https://encoding.spec.whatwg.org, https://url.spec.whatwg.org/#string-percent-encode-after-encoding
"""

from __future__ import annotations

from functools import cache

from tests.conformance.standard_decoders import indexes

ENCODED = {*range(0x21), *b"\"#<>'", *range(0x7F, 0x100)}  # the special-query percent-encode set, as bytes
PRIVATE = "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864"
CODES = bytes.fromhex("a6d9 a6da a6db a6dc a6dd a6de a6df a6ec a6ed a6f3 fe59 fe61 fe66 fe67 fe6d fe7e fe90 fea0")
ROWS_OF_GB18030 = {text: CODES[2 * place : 2 * place + 2] for place, text in enumerate(PRIVATE)}


@cache
def pointers(index: str, start: int = 0, left_out: range = range(0), *, last: bool = False) -> dict[int, int]:
    """Return the first (or last) pointer of each code point in an index."""
    found: dict[int, int] = {}
    for pointer, code_point in enumerate(indexes()[index]):
        if code_point is not None and pointer >= start and pointer not in left_out:
            found[code_point] = pointer if last else found.get(code_point, pointer)
    return found


def encode(character: str, encoding: str) -> bytes | None:  # noqa: PLR0911  # as the standard has it
    """Return the bytes of a ``character``; ``None`` is an error."""
    number = ord(character)
    if number < 0x80:
        return bytes([number])
    if encoding == "x-user-defined":
        return bytes([number - 0xF780 + 0x80]) if 0xF780 <= number <= 0xF7FF else None
    if encoding in {"gbk", "gb18030"}:
        return gb18030(character, is_gbk=encoding == "gbk")
    if encoding in {"euc-jp", "shift_jis"}:
        return japanese(number, encoding)
    if encoding == "big5":
        return big5(number)
    if encoding == "euc-kr":
        pointer = pointers("euc-kr").get(number)
        return None if pointer is None else bytes([pointer // 190 + 0x81, pointer % 190 + 0x41])
    pointer = pointers(encoding.removesuffix("-i")).get(number)
    return None if pointer is None else bytes([pointer + 0x80])


def big5(number: int) -> bytes | None:
    is_last = number in {0x2550, 0x255E, 0x2561, 0x256A, 0x5341, 0x5345}
    pointer = pointers("big5", (0xA1 - 0x81) * 157, last=is_last).get(number)
    if pointer is None:
        return None
    trailing = pointer % 157
    return bytes([pointer // 157 + 0x81, trailing + (0x40 if trailing < 0x3F else 0x62)])


def japanese(number: int, encoding: str) -> bytes | None:
    if number in {0xA5, 0x203E}:
        return b"\\" if number == 0xA5 else b"~"
    if encoding == "shift_jis" and number == 0x80:
        return b"\x80"
    if 0xFF61 <= number <= 0xFF9F:
        return (b"" if encoding == "shift_jis" else b"\x8e") + bytes([number - 0xFF61 + 0xA1])
    number = 0xFF0D if number == 0x2212 else number
    if encoding == "euc-jp":
        pointer = pointers("jis0208").get(number)
        return None if pointer is None else bytes([pointer // 94 + 0xA1, pointer % 94 + 0xA1])
    pointer = pointers("jis0208", left_out=range(8272, 8836)).get(number)
    if pointer is None:
        return None
    leading, trailing = divmod(pointer, 188)
    return bytes([leading + (0x81 if leading < 0x1F else 0xC1), trailing + (0x40 if trailing < 0x3F else 0x41)])


def gb18030(character: str, *, is_gbk: bool) -> bytes | None:
    if character == "\ue5e5":
        return None
    if is_gbk and character == "\u20ac":
        return b"\x80"
    if row := ROWS_OF_GB18030.get(character):
        return row
    pointer = pointers("gb18030").get(ord(character))
    if pointer is not None:
        leading, trailing = divmod(pointer, 190)
        return bytes([leading + 0x81, trailing + (0x40 if trailing < 0x3F else 0x41)])
    if is_gbk:
        return None
    pointer = 7457
    if character != "\ue7c7":
        offset, first = max(entry for entry in indexes()["gb18030-ranges"] if entry[1] <= ord(character))
        pointer = offset + ord(character) - first
    first, pointer = divmod(pointer, 12600)
    second, pointer = divmod(pointer, 1260)
    return bytes([first + 0x81, second + 0x30, pointer // 10 + 0x81, pointer % 10 + 0x30])


def percent(code: bytes) -> str:
    return "".join(f"%{byte:02X}" if byte in ENCODED else chr(byte) for byte in code)


def percent_encoded(text: str, encoding: str) -> str:
    """Return a query, percent-encoded after encoding."""
    if encoding == "iso-2022-jp":
        return iso_2022_jp(text)
    return "".join(
        f"%26%23{ord(each)}%3B" if (code := encode(each, encoding)) is None else percent(code) for each in text
    )


def iso_2022_jp(text: str) -> str:  # noqa: C901, PLR0912  # the standard's steps, one after the other
    queue, output, state = list(reversed(text)), "", "ascii"
    while queue or state != "ascii":
        if not queue:
            return output + percent(b"\x1b(B")
        character = queue.pop()
        number = ord(character)
        if state in {"ascii", "roman"} and number in {0x0E, 0x0F, 0x1B}:
            output += "%26%2365533%3B"
        elif state == "ascii" and number < 0x80:
            output += percent(bytes([number]))
        elif state == "roman" and ((number < 0x80 and number not in {0x5C, 0x7E}) or number in {0xA5, 0x203E}):
            output += percent({0xA5: b"\\", 0x203E: b"~"}.get(number, character.encode()))
        elif number < 0x80 and state != "ascii":
            queue.append(character)
            state, output = "ascii", output + percent(b"\x1b(B")
        elif number in {0xA5, 0x203E} and state != "roman":
            queue.append(character)
            state, output = "roman", output + percent(b"\x1b(J")
        else:
            number = 0xFF0D if number == 0x2212 else number
            if 0xFF61 <= number <= 0xFF9F:
                number = indexes()["iso-2022-jp-katakana"][number - 0xFF61]
            pointer = pointers("jis0208").get(number)
            if pointer is None and state == "jis0208":
                queue.append(character)
                state, output = "ascii", output + percent(b"\x1b(B")
            elif pointer is None:
                output += f"%26%23{number}%3B"
            elif state != "jis0208":
                queue.append(character)
                state, output = "jis0208", output + percent(b"\x1b$B")
            else:
                output += percent(bytes([pointer // 94 + 0x21, pointer % 94 + 0x21]))
    return output
