#!/bin/sh
# Makes each secret of the compose file that there is none of yet; what exists is left as it is.
# The folder is its owner's alone; the files in it can be read by whoever gets them mounted, whatever their user is there.
set -eu
umask 077
folder=${1:-secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

keep() {  # keep NAME: writes what comes in, unless there is such a secret
    if [ -s "$folder/$1" ]; then
        cat > /dev/null
    else
        cat > "$folder/.$1.new"
        mv "$folder/.$1.new" "$folder/$1"
        echo "optkeeper: made $folder/$1"
    fi
    chmod 0444 "$folder/$1"
}

random() {  # random OCTETS
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

for name in \
    airflow_admin_password airflow_api_secret airflow_database_password airflow_jwt_secret analyst_password \
    database_owner_password marketing_password pipeline_password privacy_officer_password redis_password
do
    random 24 | keep "$name"
done
random 32 | keep evidence_key  # signs the heads of the log of evidence; lost, it is lost for good
head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' | keep airflow_fernet_key
keep connections.yaml <<'EXAMPLE'
# Airflow connections to sources, SMTP and storage, by id. They can also be made in the UI (Admin, Connections).
# optkeeper_crm: {conn_type: http, password: a private app token}
# optkeeper_smtp: {conn_type: smtp, host: mail.example, extra: {from_email: optkeeper@example.nl, alerts_to: privacy@example.nl}}
{}
EXAMPLE
