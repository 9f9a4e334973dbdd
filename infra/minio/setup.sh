#!/bin/sh
# Creates the bucket, three policies and three users. Safe to repeat. mc reads secrets from standard input. The script uses
# only mc and the shell: the image has no sed and no grep.
set -eu

scratch=${SCRATCH_DIR:-/tmp}
policies=${POLICIES_DIR:-/minio/policies}

# Prints policy $1 for the bucket.
policy_of() {
  while IFS= read -r line || [ -n "$line" ]; do
    while :; do
      case $line in *BUCKET*) line=${line%%BUCKET*}$S3_BUCKET${line#*BUCKET} ;; *) break ;; esac
    done
    printf '%s\n' "$line"
  done <"$policies/$1.json"
}

make_user() {
  policy_of "$1" >"$scratch/$1.json"
  mc admin policy create root "$1" "$scratch/$1.json"
  printf '%s\n%s\n' "$2" "$3" | mc admin user add root >/dev/null
  # mc fails when the policy is attached already.
  said=$(mc --json admin policy attach root "$1" --user "$2" 2>&1) && return
  case $said in *AlreadyApplied*) ;; *) printf '%s\n' "$said" >&2; exit 1 ;; esac
}

mc mb --ignore-existing "root/$S3_BUCKET"
make_user manage "$S3_MANAGE_KEY" "$S3_MANAGE_SECRET"
make_user upload "$S3_UPLOAD_KEY" "$S3_UPLOAD_SECRET"
make_user download "$S3_DOWNLOAD_KEY" "$S3_DOWNLOAD_SECRET"
