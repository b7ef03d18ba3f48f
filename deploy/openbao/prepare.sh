# Makes what has to be there before OpenBao starts for the first time. What is there already stays
# as it is, so it may run again and again. ROOT is for another place than a container's `/`.
set -eu
umask 077
root=${ROOT:-}
keys=$root/keys

# $2 is either whole or not there.
make() {
	[ -s "$2" ] && return
	$1 >"$2.new"
	mv "$2.new" "$2"
}
bytes() { head -c 32 /dev/urandom; }
text() { bytes | od -A n -t x1 | tr -d ' \n'; }

# HashiCorp Vault makes its own keys, and `bootstrap` (65532) writes them down.
if [ "${SEAL:-static}" = vault ]; then
	# The validator starts with an empty one, and waits for a better.
	[ -e "$keys/validator/secret-id" ] || : >"$keys/validator/secret-id"
	chown -R 100:1000 "$root/vault/file" "$root/vault/logs"
	chown 65532:65532 "$root/credentials" "$root/run/validator"
	chown -R 100:65532 "$keys/validator" "$keys/administrator" "$keys/rotator"
	chmod 0750 "$keys/validator" "$keys/administrator" "$keys/rotator" "$root/run/validator"
	exit 0
fi

make bytes "$keys/seal/key"
make text "$keys/validator/secret-id"
make text "$keys/administrator/secret-id"
make text "$keys/rotator/secret-id"

# OpenBao (100:1000) reads all four; the validator, the operator's command and the rotation of keys
# (65532) one each.
chmod 0400 "$keys/seal/key"
chmod 0440 "$keys/validator/secret-id" "$keys/administrator/secret-id" "$keys/rotator/secret-id"
chmod 0750 "$keys/seal" "$keys/validator" "$keys/administrator" "$keys/rotator" "$root/run/validator"
if [ "$(id -u)" = 0 ]; then
	chown -R 100:1000 "$keys/seal" "$root/openbao/file" "$root/openbao/logs"
	chown -R 100:65532 "$keys/validator" "$keys/administrator" "$keys/rotator"
	chown 65532:65532 "$root/credentials" "$root/run/validator"
fi
