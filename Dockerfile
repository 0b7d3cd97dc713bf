# One image for all of Airflow's parts, from the lock.
ARG BASE_IMAGE=python:3.12-slim-bookworm
FROM ${BASE_IMAGE}

ENV PYTHONUNBUFFERED=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/venv PATH=/opt/venv/bin:$PATH
RUN useradd --create-home --uid 50000 optkeeper && mkdir -p /opt/optkeeper /var/lib/optkeeper \
    && chown optkeeper /opt/optkeeper /var/lib/optkeeper /opt
RUN pip install --no-cache-dir uv
USER optkeeper
WORKDIR /opt/optkeeper
COPY --chown=optkeeper pyproject.toml uv.lock README.md ./
RUN uv sync --frozen --no-dev --no-install-project
COPY --chown=optkeeper plugins ./plugins
COPY --chown=optkeeper dags ./dags
COPY --chown=optkeeper dbt_project ./dbt_project
COPY --chown=optkeeper expectations ./expectations
RUN uv sync --frozen --no-dev
