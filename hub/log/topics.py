"""The names of the hub's topics. ``hub topics`` and the README print the table below."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic, group and client names of one hub; two hubs with different names share nothing on a cluster."""

    hub: str = "hub"

    @property
    def events(self) -> str:
        return f"{self.hub}.events"

    @property
    def decisions(self) -> str:
        return f"{self.hub}.decisions"

    @property
    def dead_letters(self) -> str:
        return f"{self.hub}.dead-letters"

    @property
    def config(self) -> str:
        return f"{self.hub}.config"

    def deliveries(self, destination: str) -> str:
        return f"{self.hub}.deliveries.{destination}"

    def outcomes(self, destination: str) -> str:
        return f"{self.hub}.outcomes.{destination}"

    def group(self, processor: str) -> str:
        """The consumer group (and client id) of one processor, such as ``route`` or ``deliver.warehouse``."""
        return f"{self.hub}.{processor}"
