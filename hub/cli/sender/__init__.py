"""``hub gemini``: commands about the account at a sender. Another vendor's are one line more here and in COMMANDS."""

from hub.cli.sender.group import sender_commands

gemini = sender_commands("gemini", "the Gemini API", "Register webhooks at the Gemini API, find what they missed.")

__all__ = ["gemini"]
