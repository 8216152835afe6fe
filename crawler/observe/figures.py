"""Numbers, sizes and times, formatted for people."""

from __future__ import annotations

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_BLOCKS = "▁▂▃▄▅▆▇█"


def count(number: int) -> str:
    """Return a whole number with commas between its thousands.

    >>> count(12345)
    '12,345'
    """
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "page"), plural(2000, "page")
    ('1 page', '2,000 pages')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes in the unit that fits, powers of 1000.

    >>> size(12_345_678)
    '12.3 MB'
    """
    value = float(number)
    for unit in _UNITS:
        if value < 999.95 or unit == _UNITS[-1]:
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def rate(number: float) -> str:
    """Return a rate, with one decimal below 100.

    >>> rate(3.14159), rate(1234.5)
    ('3.1', '1,234')
    """
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def percent(share: float) -> str:
    """Return a share of 1 in percent.

    >>> percent(0.614)
    '61 %'
    """
    return f"{share * 100:.0f} %"


def duration(seconds: float) -> str:
    """Return seconds in the unit that fits.

    >>> duration(0.0321), duration(3.21), duration(75), duration(4000)
    ('32 ms', '3.2 s', '1:15 min', '1:06:40 h')
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def milliseconds(seconds: float) -> str:
    """Return a short time in milliseconds.

    >>> milliseconds(0.00123)
    '1.2 ms'
    """
    return f"{seconds * 1000:.1f} ms"


def bar(share: float) -> str:
    """Return one block character, as high as ``share``, 0 to 1.

    >>> bar(0), bar(0.5), bar(1)
    ('▁', '▅', '█')
    """
    return _BLOCKS[min(len(_BLOCKS) - 1, max(0, int(share * len(_BLOCKS))))]


def bars(values: list[float]) -> str:
    """Return a block character for each of ``values``, the largest at full height.

    >>> bars([0, 1, 2])
    '▁▅█'
    """
    largest = max(values, default=0.0)
    return "".join(bar(value / largest if largest else 0.0) for value in values)
