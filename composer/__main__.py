"""`python -m composer` does what the command `composer` does."""

from __future__ import annotations

import sys

from composer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
