"""``python -P -m hub``: how the hub starts its own parts.

``-P`` keeps the current folder out of the import path: a project folder may well have ``schemas/`` and
``connectors/`` of its own.
"""

from hub.cli import main

if __name__ == "__main__":
    main()
