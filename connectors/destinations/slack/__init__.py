"""Messages in Slack, or at anything that speaks its incoming webhooks or its Web API."""

from connectors.destinations.slack.config import SlackConfig, SlackOptions
from connectors.destinations.slack.destination import SlackDestination

__all__ = ["SlackConfig", "SlackDestination", "SlackOptions"]
