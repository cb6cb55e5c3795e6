"""``python -m robustrank``."""

from robustrank.cli.main import main

if __name__ == "__main__":
    main()
