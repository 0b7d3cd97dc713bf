#!/bin/sh
# Puts a backup in place of what the installation holds, or into empty volumes, and pulls every source again. Until all have
# been pulled, the gate lets nothing pass and analysts and marketing read no decisions: who has opted out since the backup
# is not known before.
set -eu
folder=${1:?usage: make restore FROM=backups/...}
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)

docker compose down
docker compose up --detach --wait postgres redis
docker compose exec -T redis sh -c 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli flushall' > /dev/null
docker compose run --rm -T prepare  # the logins, which a backup names and does not hold
for database in warehouse airflow; do
    docker compose exec -T postgres psql --host /var/run/postgresql --username optkeeper --dbname postgres --quiet \
        --command "drop database if exists $database with (force)"
    docker compose exec -T postgres pg_restore --host /var/run/postgresql --username optkeeper --dbname postgres --create \
        --exit-on-error < "$folder/$database.dump"
done
docker compose run --rm -T prepare  # what has come to the schema since
docker compose run --rm -T prepare optkeeper restored
docker compose run --rm -T --no-deps tidy tar --extract --gzip --directory /var/lib/optkeeper < "$folder/state.tar.gz"
docker compose run --rm -T --no-deps tidy optkeeper evidence restored
docker compose up --detach --wait
for dag in pull_crm pull_email_platform pull_vendor_files pull_canonical_feed; do
    docker compose exec -T scheduler airflow dags trigger "$dag" > /dev/null
done
echo "optkeeper: restored from $folder; every source is pulled again, and decide_and_deliver follows (/optkeeper/today)"
