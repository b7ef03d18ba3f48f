# What `bootstrap` has written, to those whom it is for: the validator's secret id and an
# administrator's, each into a volume of its own. May run again and again. ROOT is for another place
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
$vault write auth/approle/role/administrator/role-id role_id=administrator >/dev/null
[ -s "$root/keys/administrator/secret-id" ] ||
	$vault write -f -field=secret_id auth/approle/role/administrator/secret-id \
		>"$root/keys/administrator/secret-id"

chmod 0440 "$root/keys/validator/secret-id" "$root/keys/administrator/secret-id"
if [ "$(id -u)" = 0 ]; then
	chown 100:65532 "$root/keys/validator/secret-id" "$root/keys/administrator/secret-id"
fi
