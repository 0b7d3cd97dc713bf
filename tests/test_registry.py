from optkeeper import registry
from optkeeper.sources import CONNECTORS


def test_every_pulled_source_is_registered_and_has_a_known_connector() -> None:
    pulled = registry.pulled_sources()
    assert pulled
    assert {source.connector for source in pulled} <= set(CONNECTORS)
