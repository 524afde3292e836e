"""Options whose default is an environment variable of a well-known name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DefaultVariable:
    """Annotates an option of ``config_model``: where the option is left out and the variable is set, its value counts,
    as ``${NAME}`` would. ``api_key: Annotated[SecretStr | None, DefaultVariable("VENDOR_API_KEY")] = None``
    """

    name: str
