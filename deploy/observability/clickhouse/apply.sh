# Applies the schema to the server `clickhouse`, as the user `schema`.
set -eu
CLICKHOUSE_PASSWORD=$(cat /keys/schema-password)
export CLICKHOUSE_PASSWORD
for file in schema.sql views.sql; do
	clickhouse client --host clickhouse --user schema --queries-file "/schema/$file"
done
