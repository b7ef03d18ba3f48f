# Creates the files that OpenBao needs at its first start. Existing files are kept, so the script can
# run again at any time. Set ROOT to use another directory than `/`.
set -eu
umask 077
root=${ROOT:-}
keys=$root/keys

# Writes the output of the command $1 to the file $2, unless it exists. The file is never incomplete.
make() {
	[ -s "$2" ] && return
	$1 >"$2.new"
	mv "$2.new" "$2"
}
bytes() { head -c 32 /dev/urandom; }
text() { bytes | od -A n -t x1 | tr -d ' \n'; }
sealing_key() { bytes | base64; }

# The key that seals the sessions of people. All replicas of the validator need the same file.
make sealing_key "$keys/validator/sealing-keys"
chmod 0440 "$keys/validator/sealing-keys"

# HashiCorp Vault creates its own keys, and `bootstrap` (65532) stores them.
if [ "${SEAL:-static}" = vault ]; then
	# The validator starts with an empty secret id and waits for a valid one.
	[ -e "$keys/validator/secret-id" ] || : >"$keys/validator/secret-id"
	# `bootstrap` finds the sealing key here, and creates no other.
	[ -s "$root/credentials/sealing-keys" ] ||
		cp "$keys/validator/sealing-keys" "$root/credentials/sealing-keys"
	chmod 0600 "$root/credentials/sealing-keys"
	chown 65532:65532 "$root/credentials/sealing-keys"
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

# OpenBao (100:1000) reads the seal's key and the secret ids. The validator, the operator's commands and
# the key rotation (65532) read one secret id each, and the validator also its sealing key.
chmod 0400 "$keys/seal/key"
chmod 0440 "$keys/validator/secret-id" "$keys/administrator/secret-id" "$keys/rotator/secret-id"
chmod 0750 "$keys/seal" "$keys/validator" "$keys/administrator" "$keys/rotator" "$root/run/validator"
if [ "$(id -u)" = 0 ]; then
	chown -R 100:1000 "$keys/seal" "$root/openbao/file" "$root/openbao/logs"
	chown -R 100:65532 "$keys/validator" "$keys/administrator" "$keys/rotator"
	chown 65532:65532 "$root/credentials" "$root/run/validator"
fi
