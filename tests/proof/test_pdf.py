"""R39: the pages of a dossier say in words what its document holds, in both languages, however long the history is."""

import io
import json
from pathlib import Path
from typing import Any

import pypdf
import pytest
from optkeeper.proof.pdf import pages, words
from optkeeper.status.words import LANGUAGES

Dossier = dict[str, Any]
SPECIMEN = Path(__file__).parents[2] / "docs" / "specimen-dossier.pdf"
DOSSIER: Dossier = json.loads((Path(__file__).parent / "example.json").read_text())


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())


def in_language(language: str) -> Dossier:
    return {**json.loads(json.dumps(DOSSIER)), "dct:language": language}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "nl",
            (
                "Bewijsdossier",
                "toestemming ingetrokken",
                "Nieuwsbrief",
                "Het webformulier",
                "Nederland",
                "1 maart 2025",
            ),
        ),
        ("en", ("Proof dossier", "withdrew consent", "Newsletter", "Netherlands", "1 March 2025")),
    ],
)
def test_the_pages_say_it_in_the_language_asked_for(language: str, expected: tuple[str, ...]) -> None:
    text = text_of(pages(in_language(language), LANGUAGES[language].why))
    for one in (*expected, "Ja, stuur mij de nieuwsbrief", "https://noord.example/aanmelden", "noord-news-v2"):
        assert one.lower() in text.lower(), one


def test_equal_content_gives_equal_octets() -> None:
    assert pages(in_language("nl"), LANGUAGES["nl"].why) == pages(in_language("nl"), LANGUAGES["nl"].why)


def test_the_pages_can_be_read_aloud_and_name_their_language() -> None:
    catalogue = pypdf.PdfReader(io.BytesIO(pages(in_language("nl"), LANGUAGES["nl"].why))).trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "nl"
    assert b"pdfuaid:part" in catalogue["/Metadata"].get_object().get_data()


def test_a_history_of_thousands_of_events_is_set_whole() -> None:
    dossier = in_language("en")
    event = dossier["events"][0] if dossier["events"] else dossier["consents"][0]
    dossier["events"] = [{**event, "event": f"web/{number}", "record_id": number} for number in range(100_000, 102_000)]
    text = text_of(pages(dossier, LANGUAGES["en"].why))
    assert "100000" in text
    assert "101999" in text


def test_one_that_nothing_is_known_of_gets_a_page_too() -> None:
    dossier = in_language("en")
    for name in ("consents", "other_bases", "events", "sources", "vendors", "lead_channels", "timeline", "records"):
        dossier[name] = []
    dossier["dpv:hasDataSubject"] |= {"is_known": False, "known_as": None, "addresses": []}
    dossier["decisions"] = [{**dossier["decisions"][-1], "scopes": []}]
    dossier["head"] = None
    assert "Nothing is known of this address" in text_of(pages(dossier, LANGUAGES["en"].why))


def test_what_would_be_markup_is_set_as_it_stands() -> None:
    dossier = in_language("en")
    dossier["asked"]["because"] = '#panic("x") *bold* _it_ $y$ @ref <label> \\ [a] `raw`'
    assert '#panic("x") *bold* _it_ $y$ @ref <label> \\ [a] `raw`' in text_of(pages(dossier, LANGUAGES["en"].why))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_type_of_event_has_words(language: str) -> None:
    import csv

    from optkeeper import settings

    with (settings.DBT_PROJECT / "seeds" / "event_types.csv").open(encoding="utf-8") as lines:
        assert {row["event_type"] for row in csv.DictReader(lines)} <= set(words(language).event_types)


def test_the_specimen_in_the_docs_is_the_one_that_is_made_today() -> None:
    assert SPECIMEN.read_bytes() == pages(DOSSIER, LANGUAGES["nl"].why), "run `make specimen`"


if __name__ == "__main__":
    SPECIMEN.write_bytes(pages(DOSSIER, LANGUAGES["nl"].why))
