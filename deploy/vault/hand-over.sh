# Writes the secret ids of the validator, the administrator and the key rotation to their volumes. The
# one of the validator is from `bootstrap`; the script creates the other two. It can run again at any
# time. Set ROOT to use another directory than `/`, and VAULT to use another command than `vault`.
set -eu
umask 077
root=${ROOT:-}
vault=${VAULT:-vault}
VAULT_TOKEN=$(cat "$root/credentials/root-token")
export VAULT_TOKEN

$vault write auth/approle/role/validator/role-id role_id=validator >/dev/null
cp -f "$root/credentials/validator-secret-id" "$root/keys/validator/secret-id"

$vault policy write administrator - >/dev/null <<'POLICY'
path "*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
POLICY
$vault write auth/approle/role/administrator token_policies=administrator token_ttl=15m \
	token_max_ttl=1h >/dev/null
$vault write auth/approle/role/key-rotator token_policies=key-rotator token_ttl=1h \
	token_max_ttl=24h >/dev/null

# Creates a secret id of the role $1 in the directory $2, unless it has one.
hand_over() {
	$vault write "auth/approle/role/$1/role-id" "role_id=$1" >/dev/null
	[ -s "$root/keys/$2/secret-id" ] ||
		$vault write -f -field=secret_id "auth/approle/role/$1/secret-id" \
			>"$root/keys/$2/secret-id"
}
hand_over administrator administrator
hand_over key-rotator rotator

for folder in validator administrator rotator; do
	chmod 0440 "$root/keys/$folder/secret-id"
	[ "$(id -u)" != 0 ] || chown 100:65532 "$root/keys/$folder/secret-id"
done
