#!/bin/sh
# Starts a streaming replica: copies the primary when its own volume is empty, then follows it.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # A copy that was cut short is no database: it is made aside and renamed.
  aside="$PGDATA.new"
  rm -rf "$aside" "$PGDATA"
  mkdir -p "$(dirname "$PGDATA")"
  export PGPASSWORD="$REPLICATION_PASSWORD"
  until pg_basebackup --host="$PRIMARY_HOST" --username=replicator --pgdata="$aside" --wal-method=stream \
    --slot="$REPLICATION_SLOT" --checkpoint=fast --write-recovery-conf; do
    rm -rf "$aside"
    sleep 1
  done
  chmod 0700 "$aside"
  mv "$aside" "$PGDATA"
  chown -R postgres:postgres "$(dirname "$PGDATA")"
fi
exec docker-entrypoint.sh "$@"
