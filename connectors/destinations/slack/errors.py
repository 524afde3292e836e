"""What Slack's errors mean for the hub. The decision is made by Slack's error codes and HTTP status.

The codes are those of https://docs.slack.dev/reference/methods/chat.postMessage/ and
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/. A channel that refuses is a matter of
that channel: RetryableError, since somebody can invite the bot, while other channels get through. An incoming
webhook has one channel, so there it is DestinationDownError.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

import aiohttp

from connectors.api import (
    BadRecordError,
    DeliveryError,
    DestinationDownError,
    RedirectRefusedError,
    RetryableError,
    ThrottledError,
)

_CODE = re.compile(r"[a-z0-9_]{1,64}")
_DEFAULT_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE_S = 3600

_EVERY_MESSAGE = """
    access_denied accesslimited account_inactive as_user_not_supported deprecated_endpoint ekm_access_denied
    enterprise_is_restricted invalid_auth message_limit_exceeded method_deprecated missing_scope
    not_allowed_token_type not_authed org_login_required service_unavailable team_access_not_granted
    team_added_to_org team_not_found token_expired token_revoked two_factor_setup_required unknown_method
"""
_CHANNEL = """
    channel_not_found channel_type_not_supported external_channel_migrating is_archived is_inactive
    messages_tab_disabled
    method_not_supported_for_channel_type no_permission not_in_channel restricted_action
    restricted_action_non_threadable_channel restricted_action_read_only_channel restricted_action_thread_locked
    restricted_action_thread_only_channel user_not_found
"""
_TRANSIENT = "fatal_error internal_error request_timeout"
_THIS_MESSAGE = """
    attachment_payload_limit_exceeded blocked_file_type cannot_reply_to_message duplicate_channel_not_found
    duplicate_message_not_found invalid_arg_name invalid_arguments invalid_array_arg invalid_blocks
    invalid_blocks_format invalid_charset invalid_form_data invalid_json invalid_metadata_format
    invalid_metadata_schema invalid_post_type json_not_object markdown_text_conflict metadata_must_be_sent_from_app
    metadata_too_large missing_charset missing_file_data missing_post_type msg_blocks_too_long msg_too_long no_text
    post_contains_blocked_file_type slack_connect_blocked_file_type slack_connect_canvas_sharing_blocked
    slack_connect_clip_sharing_blocked slack_connect_file_link_sharing_blocked
    slack_connect_file_upload_sharing_blocked slack_connect_lists_sharing_blocked superfluous_charset
    too_many_attachments too_many_contact_cards
"""
_RATE = "rate_limited ratelimited"

WEB_API: dict[str, type[DeliveryError]] = {
    **dict.fromkeys(_EVERY_MESSAGE.split(), DestinationDownError),
    **dict.fromkeys(_CHANNEL.split(), RetryableError),
    **dict.fromkeys(_TRANSIENT.split(), RetryableError),
    **dict.fromkeys(_THIS_MESSAGE.split(), BadRecordError),
    **dict.fromkeys(_RATE.split(), ThrottledError),
}

WEBHOOK: dict[str, type[DeliveryError]] = {
    "action_prohibited": DestinationDownError,
    "channel_is_archived": DestinationDownError,
    "channel_not_found": DestinationDownError,
    "invalid_blocks": BadRecordError,
    "invalid_blocks_format": BadRecordError,
    "invalid_payload": BadRecordError,
    "invalid_token": DestinationDownError,
    "missing_text_or_fallback_or_attachments": BadRecordError,
    "no_active_hooks": DestinationDownError,
    "no_service": DestinationDownError,
    "no_service_id": DestinationDownError,
    "no_team": DestinationDownError,
    "no_text": BadRecordError,
    "posting_to_general_channel_denied": DestinationDownError,
    "rate_limited": ThrottledError,
    "rollup_error": RetryableError,
    "team_disabled": DestinationDownError,
    "too_many_attachments": BadRecordError,
    "user_not_found": DestinationDownError,
}

_STATUS: dict[int, type[DeliveryError]] = {
    400: BadRecordError,
    408: RetryableError,
    413: BadRecordError,
    422: BadRecordError,
    429: ThrottledError,
    503: DestinationDownError,
}

TRANSPORT: tuple[tuple[type[Exception], type[DeliveryError]], ...] = (
    (aiohttp.ClientConnectorError, DestinationDownError),  # refused, no such name, TLS, an address that is forbidden
    (aiohttp.ConnectionTimeoutError, DestinationDownError),
    (RedirectRefusedError, DestinationDownError),
    (aiohttp.InvalidURL, DestinationDownError),
    (aiohttp.NonHttpUrlClientError, DestinationDownError),
    (aiohttp.ClientError, RetryableError),  # the connection broke with the request on its way
    (TimeoutError, RetryableError),
    (OSError, DestinationDownError),
)
"""The first that fits counts."""


def answer_error(
    status: int, code: str, headers: Mapping[str, str], codes: Mapping[str, type[DeliveryError]]
) -> DeliveryError:
    """What a refusal means: 429 first, then Slack's ``code``, then the status; unknown codes are retried."""
    kind = _STATUS[429] if status == 429 else codes.get(code) or _of_status(status)
    message = f"Slack answered {status}" + (f": {code}" if _CODE.fullmatch(code) else "")
    if kind is ThrottledError:
        return ThrottledError(message, _retry_after(headers))
    return kind(message)


def transport_error(error: Exception) -> DeliveryError:
    """What a failure on the way to Slack means. The message names no URL: a webhook's URL is its secret."""
    kind = next((ours for foreign, ours in TRANSPORT if isinstance(error, foreign)), RetryableError)
    reason = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = str(error.certificate_error)
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = str(error.os_error)
    return kind(f"no answer from Slack: {reason}")


def _of_status(status: int) -> type[DeliveryError]:
    if status in _STATUS:
        return _STATUS[status]
    return DestinationDownError if 300 <= status < 500 else RetryableError


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    seconds = headers.get("Retry-After", "")
    if not (seconds.isascii() and seconds.isdigit()):
        return _DEFAULT_PAUSE
    return timedelta(seconds=min(int(seconds[:9]), _LONGEST_PAUSE_S))
