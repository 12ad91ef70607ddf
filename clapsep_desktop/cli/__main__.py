"""``python -m clapsep_desktop.cli``: the command line."""

from clapsep_desktop.cli.main import main

if __name__ == "__main__":
    main()
