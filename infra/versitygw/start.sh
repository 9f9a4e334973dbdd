#!/bin/sh
# Starts versitygw with three users. The script writes their secrets from the environment to a file in memory, because
# every user of the machine can read a command line.
set -eu
umask 077

users=${USERS_DIR:-/users}
data=${DATA_DIR:-/data}
mkdir -p "$data/buckets" "$data/sidecar"

account() {
  printf '"%s":{"access":"%s","secret":"%s","role":"user"}' "$1" "$1" "$2"
}
printf '{"accessAccounts":{%s,%s,%s}}' \
  "$(account "$S3_MANAGE_KEY" "$S3_MANAGE_SECRET")" \
  "$(account "$S3_UPLOAD_KEY" "$S3_UPLOAD_SECRET")" \
  "$(account "$S3_DOWNLOAD_KEY" "$S3_DOWNLOAD_SECRET")" >"$users/users.json"
unset S3_MANAGE_SECRET S3_UPLOAD_SECRET S3_DOWNLOAD_SECRET

# Quiet: no line per request. Sidecar: not every file system has extended attributes.
exec versitygw --quiet --keep-alive --port "${LISTEN:-:9000}" --health /health --iam-dir "$users" \
  posix --sidecar "$data/sidecar" "$data/buckets"
