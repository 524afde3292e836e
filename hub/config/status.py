"""``status:`` of ``hub.yaml``: where the projection of the ledger lives."""

from pydantic import Field, SecretStr, field_validator

from connectors.api import ConfigModel

_SCHEMES = ("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")


class StatusConfig(ConfigModel):
    """Where the rows live that ``hub status`` asks. Everything in them is in the log: they can be made again."""

    url: SecretStr | None = Field(
        None,
        description="`sqlite:///FILE` (relative to the hub's data folder, `.hub`) or `postgresql://…`, which workers "
        "on several machines need. Default: `sqlite:///status.db`.",
    )

    @field_validator("url")
    @classmethod
    def _supported(cls, url: SecretStr | None) -> SecretStr | None:
        written = "" if url is None else url.get_secret_value()
        if url is not None and not written.startswith(_SCHEMES):
            raise ValueError("not a database URL; write sqlite:///FILE or postgresql://…")
        if written in {"sqlite:///", "sqlite:///:memory:"}:
            raise ValueError("a database in memory is gone with the process; name a file: sqlite:///status.db")
        return url
