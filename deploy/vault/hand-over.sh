# Copies what `bootstrap` has written to its consumers: the secret ids of the validator, of an
# administrator and of the rotation of keys, each into a volume of its own. May run again and again. ROOT is for another place
# than a container's `/`, VAULT for another command than `vault`.
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

# $1 is a role, and $2 the folder of its secret id.
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
