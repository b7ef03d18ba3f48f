# For operators of the platform: manages policies and tenants, with their keys, identities and AppRoles.
# Cannot read, encrypt or decrypt secrets.
#
# Limitations, which no policy can prevent:
# - An operator can write a policy and create an AppRole with it, and so get access to everything. An
#   operator can also change the tenant of every caller, by writing entities and their aliases.
# - An operator can set passwords and so log in to any account in userpass/, including an administrator's.
#   An operator can also give any policy to an account: `denied_parameters` cannot prevent this, because
#   it compares lists of policies as a whole. So use another auth method for administrators.
# - An operator can create and use a secret id, and so act as a tenant's service. Secret ids are always
#   response-wrapped, so the service notices: it cannot unwrap a secret id that was unwrapped before.
# - An operator can revoke any token by its accessor, and can lock people out of their accounts.
# - An operator can delete a tenant's key, which makes all secrets of the tenant unreadable for ever.
# Vault's audit log records all of these, and `policies plan` shows changed policies. So give this policy
# to few people, for a short time (tokens with a TTL of one hour), and `policy-auditor` to other people.

# For `policies`: lint, plan, apply.
path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/+" {
  capabilities = ["create", "read", "update", "delete"]
}

# The default policy of all tokens. No command changes it.
path "sys/policies/acl/default" {
  capabilities = ["read"]
}

# For `policies test` on this Vault: temporary tokens, whose capabilities are tested.
path "auth/token/roles/validator-test-*" {
  capabilities = ["create", "update", "delete"]
}

path "auth/token/create/validator-test-*" {
  capabilities = ["create", "update"]
}

path "sys/capabilities" {
  capabilities = ["update"]
}

# For `explain`: look up a token that the operator has.
path "auth/token/lookup" {
  capabilities = ["create", "update"]
}

# Groups. `tenants show` reads the groups of members, and `explain` the groups in policy templates.
# `policies test` creates temporary groups without policies.
path "identity/group/id/+" {
  capabilities = ["read"]
}

path "identity/group/name/+" {
  capabilities = ["read"]
}

path "identity/group/name/validator-test-*" {
  capabilities      = ["create", "read", "update", "delete"]
  denied_parameters = {
    "policies" = []
  }
}

# The mounts, and the accessors that aliases need.
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

# Tenants' keys: create, rotate, configure, delete. Keys must not be exportable, because an exported key
# reveals the tenant's secrets.
path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/tenant-*" {
  capabilities      = ["create", "read", "update", "delete"]
  denied_parameters = {
    "exportable"             = []
    "allow_plaintext_backup" = []
  }
}

# The rotation interval of each tenant's key. Contains no secrets.
path "secret/metadata/tenant-settings" {
  capabilities = ["list"]
}

path "secret/metadata/tenant-settings/+" {
  capabilities = ["delete"]
}

path "secret/data/tenant-settings/+" {
  capabilities = ["create", "read", "update"]
}

# Entities, whose metadata contains the tenant. They must not have policies of their own.
path "identity/entity" {
  capabilities      = ["create", "update"]
  denied_parameters = {
    "policies" = []
  }
}

path "identity/entity/id" {
  capabilities = ["list"]
}

path "identity/entity/id/+" {
  capabilities = ["read"]
}

path "identity/entity/name" {
  capabilities = ["list"]
}

path "identity/entity/name/+" {
  capabilities      = ["create", "read", "update", "delete"]
  denied_parameters = {
    "policies" = []
  }
}

path "identity/lookup/entity" {
  capabilities = ["create", "update"]
}

path "identity/entity-alias" {
  capabilities = ["create", "update"]
}

path "identity/entity-alias/id/+" {
  capabilities = ["read", "update", "delete"]
}

# The index of the members of each tenant, for lists. Contains no secrets, and grants no access.
path "secret/metadata/tenant-members/*" {
  capabilities = ["list", "delete"]
}

path "secret/data/tenant-members/*" {
  capabilities = ["create", "read", "update"]
}

# The accounts of tenants' members.
path "auth/userpass/users" {
  capabilities = ["list"]
}

path "auth/userpass/users/+" {
  capabilities = ["create", "read", "update", "delete"]
}

# The AppRoles of tenants' services.
path "auth/approle/role" {
  capabilities = ["list"]
}

path "auth/approle/role/+" {
  capabilities = ["create", "read", "update", "delete"]
}

path "auth/approle/role/+/role-id" {
  capabilities = ["read"]
}

# Only response-wrapped, so that the recipient can detect interception.
path "auth/approle/role/+/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}

# List the accessors of secret ids.
path "auth/approle/role/+/secret-id/" {
  capabilities = ["list"]
}

# Destroy secret ids, and revoke tokens.
path "auth/approle/role/+/secret-id-accessor/destroy" {
  capabilities = ["create", "update"]
}

path "auth/token/revoke-accessor" {
  capabilities = ["create", "update"]
}
