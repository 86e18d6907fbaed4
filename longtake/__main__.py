"""`python -m longtake`, and the installed `longtake`."""

import sys


def main() -> None:
    """Run the command line; whoever presses Ctrl-C while modules are loading is not shown where."""
    try:
        from longtake import cli

        cli.main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
