"""Daily builds over HubSpot and Mailchimp, whose records of a person together tell its events."""

from datetime import UTC, datetime, timedelta

import pytest
from optkeeper import transform
from optkeeper.samples.hubspot import EVENTS, HubSpotServer
from optkeeper.samples.mailchimp import NEWSLETTER, MailchimpServer

from tests.road import test_hubspot_account as hubspot
from tests.road import test_mailchimp_account as mailchimp
from tests.road.road import Road
from tests.road.test_restrictions_survive import _grant


def test_a_platform_of_which_anything_landed_is_read_again_and_the_other_stands(
    travelled: Road, caplog: pytest.LogCaptureFixture
) -> None:
    def build(run_id: str) -> None:
        transform.build(run_id, datetime.now(UTC), address=travelled.address, work_folder=travelled.work)

    with HubSpotServer() as crm, MailchimpServer() as esp, caplog.at_level("INFO", logger="optkeeper"):
        esp.add_list(NEWSLETTER, "Nieuwsbrief", at=mailchimp.SIGNED_UP)
        crm.define_subscription(EVENTS, "Evenementen", at=hubspot.AT)
        travelled.events([_grant(name) for name in ("anna", "bram", "cato", "dirk")])
        members = {name: mailchimp._add(esp, name) for name in ("anna", "dirk", "emma")}
        ids = {name: crm.add_contact({"email": f"{name}@noord.example"}, at=hubspot.AT) for name in ("bram", "cato")}
        hubspot._pulled(travelled, crm)
        mailchimp._pulled(travelled, esp, datetime.now(UTC))
        build("first")

        # what befell the address that a contact had before shows in its records together
        crm.update_contact(ids["bram"], {"hs_email_optout": "true"}, at=datetime.now(UTC))
        crm.update_contact(ids["bram"], {"email": "bram.new@noord.example"}, at=datetime.now(UTC))
        hubspot._pulled(travelled, crm)
        build("of HubSpot")

        esp.unsubscribe(NEWSLETTER, members["dirk"], at=datetime.now(UTC))
        mailchimp._sync(esp, members["emma"], datetime.now(UTC) - timedelta(seconds=10))
        # a pull leaves the last minutes to the next
        mailchimp._pulled(travelled, esp, datetime.now(UTC) + timedelta(hours=1))
        build("of Mailchimp")

        crm.archive_contact(ids["cato"], at=datetime.now(UTC))
        crm.set_status(
            "bram.new@noord.example", EVENTS, "UNSUBSCRIBED", at=datetime.now(UTC), source="SUBSCRIPTION_STATUS"
        )
        hubspot._pulled(travelled, crm)
        travelled.events([_grant("fien")])
        build("of HubSpot and a feed")
    built = [record.args for record in caplog.records if record.msg.startswith("the rows of")]
    assert len(built) == 3
    assert (0,) not in built
    transform.compare(address=travelled.address, work_folder=travelled.work)
    with travelled.connected() as connection:
        withdrawn = connection.execute(
            "select distinct split_part(address, '@', 1) from candidate.decisions"
            " where channel = 'email' and purpose = 'newsletter' and brand = 'noord' and reason = 'withdrawn'"
        ).fetchall()
    assert set(withdrawn) == {("bram",), ("bram.new",), ("dirk",)}
