# Creates the AppRole `key-rotator`, with which `tenants rotate --due` logs in, and writes a secret id
# to a file with mode 0600. Needs an administrator's token. Set VAULT to use another command than
# `vault`. Each run creates a new secret id.
#
#   VAULT_ADDR=… VAULT_TOKEN=… sh role.sh /etc/vault-auth-validator/key-rotator-secret-id
set -eu
umask 077
file=$1
vault=${VAULT:-vault}

$vault policy read key-rotator >/dev/null
$vault write auth/approle/role/key-rotator token_policies=key-rotator token_ttl=1h \
	token_max_ttl=24h >/dev/null
$vault write auth/approle/role/key-rotator/role-id role_id=key-rotator >/dev/null
$vault write -f -field=secret_id auth/approle/role/key-rotator/secret-id >"$file.new"
mv "$file.new" "$file"
