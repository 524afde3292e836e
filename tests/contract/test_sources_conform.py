"""The built-in sources keep the contract that every plugin's have to keep."""

from connectors.sources.gemini import GeminiSource
from connectors.sources.github import GithubSource
from connectors.sources.standard_webhooks import StandardWebhooksSource
from connectors.testing import source_suite

_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SECRETS = ["whsec_NnZ2aTU5MzdqOXY2bXFwZjgzb2R2cXM1Y3B6cTlyMnM=", "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="]

TestGemini = source_suite(GeminiSource, config={"secrets": _SECRETS}, security_headers=_STANDARD)
TestGithub = source_suite(
    GithubSource, config={"secrets": ["first-of-two", "second-of-two"]}, security_headers=("x-hub-signature-256",)
)
TestStandardWebhooks = source_suite(StandardWebhooksSource, config={"secrets": _SECRETS}, security_headers=_STANDARD)
