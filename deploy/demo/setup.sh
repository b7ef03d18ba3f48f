# Sets up the demo's OpenBao, which keeps its data in memory, and prints example commands. Set LOGIN
# and POLICIES to use other directories than those of the container.
set -eu
login=${LOGIN:-/login}
policies=${POLICIES:-/policies}

if bao secrets list | grep -q ^transit/; then
	echo "The demo is already set up: the first run printed the token."
	exit 0
fi
bao secrets enable transit >/dev/null
bao auth enable approle >/dev/null
for policy in validator tenant crm-agent; do
	bao policy write "$policy" "$policies/$policy.hcl" >/dev/null
done
bao write -f transit/keys/tenant-demo derived=true >/dev/null

# The validator's role.
bao write auth/approle/role/validator token_policies=validator token_no_default_policy=true \
	token_period=1h >/dev/null
bao write auth/approle/role/validator/role-id role_id=validator >/dev/null
rm -f "$login/secret-id"
bao write -f -field=secret_id auth/approle/role/validator/secret-id >"$login/secret-id"
chmod 0444 "$login/secret-id"

# A service of the tenant. The metadata of its entity names the tenant.
bao write auth/approle/role/demo-crm token_policies=tenant,crm-agent token_ttl=8h >/dev/null
bao write auth/approle/role/demo-crm/role-id role_id=demo-crm >/dev/null
entity=$(bao write -field=id identity/entity name=demo-crm metadata=tenant=demo)
accessor=$(bao read -field=accessor sys/auth/approle)
bao write identity/entity-alias name=demo-crm canonical_id="$entity" \
	mount_accessor="$accessor" >/dev/null
secret=$(bao write -f -field=secret_id auth/approle/role/demo-crm/secret-id)
token=$(bao write -field=token auth/approle/login role_id=demo-crm secret_id="$secret")

cat <<LINES

The demo's tenant is \`demo\`. Its service has this token, which is valid until the demo stops:

  TOKEN=$token

200  curl -H "Authorization: Bearer \$TOKEN" http://demo.crm.localhost:8088/
403  curl -H "Authorization: Bearer \$TOKEN" http://other.crm.localhost:8088/
401  curl http://demo.crm.localhost:8088/
200  curl -H "Authorization: Bearer \$TOKEN" http://api.localhost:8088/v1/tenants/demo/secrets/greeting
LINES
