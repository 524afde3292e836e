"""``type: object``: each delivery is one object, of its result or its body."""

from connectors.api import Delivery, EachDestination, Options
from connectors.destinations.object_store.client import StoreDestination
from connectors.destinations.object_store.config import ObjectConfig
from connectors.destinations.object_store.formats import extension, sent_as


class ObjectDestination(StoreDestination[ObjectConfig], EachDestination[ObjectConfig, Options]):
    """Each delivery as an object of its own: what its route's ``enrich`` fetched, whatever its size (a batch's results
    as JSON Lines), else the bytes that were received. For many events, `object_store` makes fewer and larger objects.
    """

    name = "object"
    config_model = ObjectConfig

    async def deliver_one(self, delivery: Delivery[Options]) -> None:
        result = delivery.result
        data = delivery.sent.body if result is None else await result.read()
        content_type = sent_as(delivery.sent.content_type if result is None else result.content_type)
        await self._client.put(f"{self.config.path.render(delivery)}{extension(content_type)}", data, content_type)
