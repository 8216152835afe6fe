"""Runs all pitfalls one after the other, or the named ones: `python -m examples.pitfalls [NAME…]`."""

import sys
from importlib import import_module

from examples.pitfalls import PITFALLS


def main() -> None:
    names = sys.argv[1:] or PITFALLS
    if unknown := set(names) - set(PITFALLS):
        raise SystemExit(f"no pitfall is called {', '.join(sorted(unknown))}; there are {', '.join(PITFALLS)}")
    for name in names:
        pitfall = import_module(f"examples.pitfalls.{name}")
        print(f"── {name}: {(pitfall.__doc__ or '').splitlines()[0]}", flush=True)
        pitfall.main()
        print()


if __name__ == "__main__":
    main()
