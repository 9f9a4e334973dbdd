#!/bin/sh
# The bucket, and a policy and a user per purpose. Safe to repeat. Secrets go in by standard input.
set -eu

mc mb --ignore-existing "root/$S3_BUCKET"

make_user() {
  sed "s/BUCKET/$S3_BUCKET/g" "/minio/policies/$1.json" >"/tmp/$1.json"
  mc admin policy create root "$1" "/tmp/$1.json"
  printf '%s\n%s\n' "$1" "$2" | mc admin user add root >/dev/null
  # Says no when it is attached already; then it is seen to be so.
  mc admin policy attach root "$1" --user "$1" || mc admin user info root "$1" | grep -q "$1"
}

make_user manage "$S3_MANAGE_SECRET"
make_user upload "$S3_UPLOAD_SECRET"
make_user download "$S3_DOWNLOAD_SECRET"
