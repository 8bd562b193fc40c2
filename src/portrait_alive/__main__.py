"""`python -m portrait_alive` is `portrait-alive`."""

from portrait_alive.cli import main

if __name__ == "__main__":
    main()
