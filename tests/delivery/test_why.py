import csv
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from optkeeper.delivery import why
from optkeeper.delivery.deliver import deliver
from optkeeper.delivery.published import Ground, Invitation
from optkeeper.delivery.wording import WORDINGS

from tests.delivery import marts

NL, EN = WORDINGS["nl"], WORDINGS["en"]


def _ground(**given: Any) -> Ground:
    usual: dict[str, Any] = {
        "purpose": "newsletter", "basis": "consent", "granted_on": date(2024, 2, 1),
        "form_url": "https://noord.example/nieuwsbrief", "text_version": "noord-news-v1",
        "consent_text": "Ja, stuur mij de nieuwsbrief.", "source": "web", "anchored_by_type": "link_clicked",
        "anchored_on": date(2024, 3, 21), "expires_on": date(2026, 3, 21), "incomplete_consent": None,
        "incomplete_consent_on": None, "incomplete_consent_lacks": None,
    }  # fmt: skip
    return Ground(**(usual | given))


def _invitation(*grounds: Ground) -> Invitation:
    values: dict[str, Any] = dict.fromkeys(Invitation._fields)
    return Invitation(**(values | {"grounds": grounds}))


def test_a_row_says_when_how_and_by_which_text_it_was_consented_and_what_kept_it_alive() -> None:
    assert why.in_words(_invitation(_ground()), NL) == (
        "Toestemming gegeven op 1 februari 2024, via https://noord.example/nieuwsbrief, met de tekst “Ja, stuur mij de"
        " nieuwsbrief.” (noord-news-v1), aangeleverd door het webformulier (web). In leven gehouden op 21 maart 2024:"
        " op een link geklikt. Laatste dag: 21 maart 2026."
    )
    assert why.in_words(_invitation(_ground()), EN) == (
        "Consented on 1 February 2024, by https://noord.example/nieuwsbrief, with the text “Ja, stuur mij de"
        " nieuwsbrief.” (noord-news-v1), delivered by the web form (web). Kept alive on 21 March 2024: clicked a link."
        " Last day: 21 March 2026."
    )


def test_what_rests_on_nothing_later_and_on_no_form_says_so() -> None:
    ground = _ground(
        basis="soft_opt_in", form_url=None, text_version=None, consent_text=None, source="leadco",
        anchored_by_type="sale_completed", anchored_on=date(2024, 2, 1),
    )  # fmt: skip
    assert why.in_words(_invitation(ground), NL) == (
        "Klant door een aankoop op 1 februari 2024, aangeleverd door leadleverancier LeadCo (leadco)."
        " Daarna geen activiteit die telt. Laatste dag: 21 maart 2026."
    )


def test_a_newer_consent_without_evidence_is_named_with_what_it_lacks() -> None:
    ground = _ground(
        incomplete_consent="crm/c/9",
        incomplete_consent_on=date(2025, 6, 2),
        incomplete_consent_lacks="text_version|form_url",
    )
    assert why.in_words(_invitation(ground), NL).endswith(
        "Let op: een nieuwere toestemming van 2 juni 2025 (crm/c/9) telt niet mee, omdat in het bewijs iets ontbreekt:"
        " de toestemmingstekst, het formulier. Vul dat record aan, dan is geen uitnodiging nodig."
    )
    assert why.in_words(_invitation(ground), EN).endswith("Complete this record and no invitation is needed.")


def test_purposes_that_rest_on_the_same_are_told_together_and_others_apart() -> None:
    alike = _ground(), _ground(purpose="product_news")
    assert why.in_words(_invitation(*alike), NL) == why.in_words(_invitation(_ground()), NL)
    told = why.in_words(_invitation(*alike, _ground(purpose="events", basis="legitimate_interest")), NL)
    assert told.startswith("Nieuwsbrief, Productnieuws: Toestemming gegeven op")
    assert " Evenementen: Gerechtvaardigd belang sinds 1 februari 2024" in told


def test_the_delivered_files_for_people_say_why_and_those_for_programs_do_not(
    published: psycopg.Connection[Any], tmp_path: Path
) -> None:
    marts.add(published, "c1", purpose="product_news")
    marts.add(published, "c1", purpose="newsletter")
    deliver(published, destination_url=tmp_path.as_uri())
    folder = tmp_path / "renewal_due/2026-03-01/noord"
    with (folder / "email.csv").open(encoding="utf-8-sig", newline="") as lines:
        (row,) = csv.DictReader(lines, delimiter=";")
    assert row["Waarom"].startswith("Toestemming gegeven op 1 februari 2024, via https://noord.example/nieuwsbrief")
    assert "Waarom" not in (folder / "email.import.csv").read_text().splitlines()[0]


def test_a_postal_address_is_as_written_with_its_country_where_that_is_another(
    published: psycopg.Connection[Any], tmp_path: Path
) -> None:
    for country, written in (
        ("NL", "Dorpsstraat 47, 1046 AB Delft"),
        ("DE", "Hauptstraße 1-A, 10115 Berlin"),
        ("NL", None),
    ):
        address = f"{country}|{written}|"
        marts.add(published, "c1", channel="post", address=address, address_written=written)
    deliver(published, destination_url=tmp_path.as_uri())
    with (tmp_path / "renewal_due/2026-03-01/noord/post.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert {row["Adres"] for row in csv.DictReader(lines, delimiter=";")} == {
            "Dorpsstraat 47, 1046 AB Delft", "Hauptstraße 1-A, 10115 Berlin, Duitsland", "NL|None|",
        }  # fmt: skip
