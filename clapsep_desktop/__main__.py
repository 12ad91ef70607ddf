"""``python -m clapsep_desktop [FILE]``: the editor."""

from clapsep_desktop.gui.app import main

if __name__ == "__main__":
    raise SystemExit(main())
