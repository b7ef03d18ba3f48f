# Creates the passwords of the observability stack. Existing ones are kept, so the script can run again at
# any time. Set ROOT to use another directory than `/`.
set -eu
umask 077
keys=${ROOT:-}/keys

# Writes a random password to the file $1, unless it exists. The file is never incomplete.
make() {
	[ -s "$1" ] && return
	head -c 32 /dev/urandom | od -A n -t x1 | tr -d ' \n' >"$1.new"
	mv "$1.new" "$1"
}
hash() { sha256sum <"$1" | cut -d ' ' -f 1; }

make "$keys/clickhouse/schema-password"
make "$keys/collector/clickhouse-password"
make "$keys/grafana/clickhouse-password"
make "$keys/grafana/admin-password"

# ClickHouse gets the hashes of the passwords of its users.
cat >"$keys/clickhouse/passwords.xml.new" <<END
<clickhouse>
    <schema_hash>$(hash "$keys/clickhouse/schema-password")</schema_hash>
    <collector_hash>$(hash "$keys/collector/clickhouse-password")</collector_hash>
    <grafana_hash>$(hash "$keys/grafana/clickhouse-password")</grafana_hash>
</clickhouse>
END
mv "$keys/clickhouse/passwords.xml.new" "$keys/clickhouse/passwords.xml"

chmod 0400 "$keys"/*/*
chmod 0700 "$keys/clickhouse" "$keys/collector" "$keys/grafana"
# ClickHouse, the Collector and Grafana run as these users in their images.
if [ "$(id -u)" = 0 ]; then
	chown -R 101:101 "$keys/clickhouse"
	chown -R 10001:10001 "$keys/collector"
	chown -R 472:0 "$keys/grafana"
fi
