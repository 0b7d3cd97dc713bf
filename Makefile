# Two commands are enough to look and to develop: `make demo` and `make test`. uv is installed into .optkeeper/tools when it is missing.
SHELL := /bin/sh
PYTHON ?= python3
TOOLS := $(CURDIR)/.optkeeper/tools
UV ?= $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
RUN := $(UV) run --frozen -q
# as many test files side by side, each worker with a server of its own; one does with a debugger
TEST_WORKERS ?= 2

.PHONY: demo down psql docs test lint parse install country-names rules specimen secrets up backup restore compose-test compose-exercise helm-check bench

install: $(UV)
	@$(UV) sync --frozen -q

$(TOOLS)/bin/uv:
	@echo "optkeeper: uv is missing; installing it into .optkeeper/tools"
	@$(PYTHON) -m venv --clear $(TOOLS) && $(TOOLS)/bin/python -m pip install -q uv \
		|| { echo "optkeeper: uv could not be installed: is there a network, and has $(PYTHON) its venv module" \
			"(Debian: python3-venv)?" >&2; exit 1; }

demo: install
	@$(RUN) optkeeper demo

down: install
	@$(RUN) optkeeper down

# the warehouse as a reader, by the psql that comes with the embedded PostgreSQL:
# make psql SQL="select * from marts.renewal_due"; AS=analyst opens it as an analyst
psql: install
	@$(RUN) optkeeper psql $(if $(filter-out default,$(origin AS)),--as $(AS)) $(if $(SQL),--command "$(SQL)")

# what each mart is for and what its columns mean, on one page: open it in a browser
docs: install
	@$(RUN) optkeeper docs

# a real installation, by the compose file: docs/installation.md
up: secrets
	@docker compose up --detach --build --wait

# the secrets of the compose file, those that there are none of yet
secrets:
	@sh plugins/optkeeper/installation/secrets.sh

# what the installation holds, into a new folder below backups/
backup:
	@sh plugins/optkeeper/installation/backup.sh

# make restore FROM=backups/2026-11-28T093000Z; then every source is pulled again
restore: secrets
	@sh plugins/optkeeper/installation/restore.sh "$(FROM)"

# the compose file built, started, run and disturbed, in a good quarter of an hour; says so where no engine can be had
compose-test:
	@.ci/compose

compose-exercise: install
	@$(RUN) python -m tests.compose.exercise

# the values for Kubernetes rendered with the official chart, where there are a helm and the chart
helm-check:
	@.ci/helm

# what each stage costs for SIZE contacts, or the seal of LEAVES, written to docs/benchmarks.md; 20,000 take some six minutes
bench: install
	@$(RUN) python -m tests.bench --size $(or $(SIZE),100000) $(if $(LEAVES),--leaves $(LEAVES))

test: install
	@$(RUN) pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

lint: install
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) python .ci/lint_sql.py

# the seed by which the models read countries, as Python reads them
country-names: install
	@$(RUN) python -m optkeeper.landing.countries > dbt_project/seeds/country_names.csv

# the page that says where each rule is decided
rules: install
	@$(RUN) python -m optkeeper.rules_page > docs/rules.md

# the dossier that the privacy officer's page shows
specimen: install
	@$(RUN) python -m tests.proof.test_pdf

# fails on anything that dbt calls deprecated
parse: install
	@mkdir -p .optkeeper
	@OPTKEEPER_DB_HOST=localhost $(RUN) dbt parse --no-partial-parse --show-all-deprecations --project-dir dbt_project \
		--profiles-dir dbt_project --target-path .optkeeper/parse --log-path .optkeeper/parse > .optkeeper/parse.log \
		|| { cat .optkeeper/parse.log; exit 1; }
	@! grep -i deprecat .optkeeper/parse.log
