#!/bin/sh
# Writes what an installation holds into a new folder below backups/: the warehouse and Airflow's metadata, each as it
# stood at one moment, and the lists and pages of the volume `state`. It may run while tasks run. Secrets are not in it.
set -eu
umask 077
folder=${1:-backups}/$(date -u +%Y-%m-%dT%H%M%SZ)
mkdir -p "$folder.new"

for database in warehouse airflow; do
    docker compose exec -T postgres pg_dump --host /var/run/postgresql --username optkeeper --format custom "$database" \
        > "$folder.new/$database.dump"
    docker compose exec -T postgres pg_restore --list < "$folder.new/$database.dump" > /dev/null
done
docker compose exec -T tidy tar --create --gzip --directory /var/lib/optkeeper --exclude ./airflow . > "$folder.new/state.tar.gz"
(cd "$folder.new" && sha256sum -- * > SHA256SUMS)
mv "$folder.new" "$folder"
echo "optkeeper: the backup stands in $folder; keep a copy of it, and of secrets/, elsewhere"
