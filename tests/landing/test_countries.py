import io

import pytest
from optkeeper import settings
from optkeeper.landing import countries


@pytest.mark.parametrize(
    ("spelled", "country"),
    [
        ("NL", "NL"), (" nl ", "NL"), ("NLD", "NL"), ("Nederland", "NL"), ("The Netherlands", "NL"), ("HOLLAND", "NL"),
        ("Niederlande", "NL"), ("Pays-Bas", "NL"), ("Duitsland", "DE"), ("Germany", "DE"), ("Deutschland", "DE"),
        ("Allemagne", "DE"), ("DEU", "DE"), ("Bundesrepublik Deutschland", "DE"), ("Belgi\u00eb", "BE"), ("BELGIE\u0308", "BE"),
        ("Belgie", "BE"), ("Oesterreich", "AT"), ("\u00d6sterreich", "AT"), ("Oostenrijk", "AT"), ("U.K.", "GB"),
        ("Groot-Brittanni\u00eb", "GB"), ("USA", "US"), ("V.S.", "US"), ("\u00c9tats-Unis", "US"), ("Zwitserland", "CH"),
        ("Suisse", "CH"), ("C\u00f4te d\u2019Ivoire", "CI"), ("Tsjechische Republiek", "CZ"), ("NA", "NA"), ("Kosovo", "XK"),
        ("Atlantis", "ZZ"), ("ZZ", "ZZ"), ("D", "ZZ"), ("276", "ZZ"), ("Korea", "ZZ"), ("\u0395\u03bb\u03bb\u03ac\u03b4\u03b1", "ZZ"),
        ("-", None), ("", None), ("  ", None), ("n/a", None), ("N.V.T.", None), ("Unknown", None), ("\u2013", None), (None, None),
    ],
)  # fmt: skip
def test_a_country_is_read_in_any_usual_spelling(spelled: str | None, country: str | None) -> None:
    assert countries.code(spelled) == country


def test_the_seed_by_which_the_models_read_is_what_the_libraries_know() -> None:
    written = io.StringIO()
    countries.write(written)
    assert (settings.DBT_PROJECT / "seeds" / "country_names.csv").read_text() == written.getvalue(), (
        "make country-names"
    )


def test_no_spelling_stands_for_nothing_and_for_a_country() -> None:
    assert [name for name in countries.names() if countries.code(name) is None] == []
