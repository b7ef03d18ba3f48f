# For the people who run the platform: loads policies and manages tenants, which is their keys,
# their identities and their AppRoles. Reads no secret, and neither encrypts nor decrypts.
#
# What this does not prevent, and no policy can:
# - Who writes policies decides what every token may do, and who makes AppRoles decides which
#   policies a token has. The two together reach whatever there is, by way of a policy and a role
#   made for it. Nor does it take that much: who writes entities and their aliases decides the tenant of every caller.
# - Who sets passwords can log in as anybody with an account, an administrator's too, and who gives
#   accounts their policies can give any policy there is. `denied_parameters` would not prevent that:
#   policies are lists, which it compares as a whole. So keep administrators out of userpass/, or
#   have another method for them.
# - Who makes secret ids can use one, and be a tenant's service for that long. That they come
#   wrapped alone means that the service notices, since its own then does not unwrap.
# - Who may revoke tokens by their accessors can end anybody's, and who writes accounts can lock their
#   owners out.
# - Who may delete a tenant's key can make all of its secrets unreadable for ever.
# Each of these is in Vault's audit log, and `policies plan` shows a policy that was changed. So
# give this to few, for a short time (a token of an hour), and `policy-auditor` to other people.

# Policies: lint, plan, apply.
path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/+" {
  capabilities = ["create", "read", "update", "delete"]
}

# Every token has it, and no command changes it.
path "sys/policies/acl/default" {
  capabilities = ["read"]
}

# `policies test` on this Vault: callers that are asked about and gone a moment later.
path "auth/token/roles/validator-test-*" {
  capabilities = ["create", "update", "delete"]
}

path "auth/token/create/validator-test-*" {
  capabilities = ["create", "update"]
}

path "sys/capabilities" {
  capabilities = ["update"]
}

# `explain`: about a token that the operator was given, and can use as well.
path "auth/token/lookup" {
  capabilities = ["create", "update"]
}

# Groups: those that members are in, for `tenants show`, and that policies name in templates, for
# `explain`; and groups without policies that stand in for them, for `policies test`.
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

# What is mounted, and the accessors that aliases need.
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

# Tenants' keys: make, rotate, configure, delete. A key that could be exported would be a secret
# that can be read.
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

# How often each tenant's key is to be rotated. No secret is kept there.
path "secret/metadata/tenant-settings" {
  capabilities = ["list"]
}

path "secret/metadata/tenant-settings/+" {
  capabilities = ["delete"]
}

path "secret/data/tenant-settings/+" {
  capabilities = ["create", "read", "update"]
}

# Whom tokens belong to, and of which tenant they are. Policies come from roles alone.
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

# Which entities are members of which tenant, for lists: no secret, and it grants nothing.
path "secret/metadata/tenant-members/*" {
  capabilities = ["list", "delete"]
}

path "secret/data/tenant-members/*" {
  capabilities = ["create", "read", "update"]
}

# What people log in with: accounts of tenants' members.
path "auth/userpass/users" {
  capabilities = ["list"]
}

path "auth/userpass/users/+" {
  capabilities = ["create", "read", "update", "delete"]
}

# What tenants' services log in with.
path "auth/approle/role" {
  capabilities = ["list"]
}

path "auth/approle/role/+" {
  capabilities = ["create", "read", "update", "delete"]
}

path "auth/approle/role/+/role-id" {
  capabilities = ["read"]
}

# Only wrapped: a secret id that was seen on the way can be told from one that was not.
path "auth/approle/role/+/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}

# Whether there are any, and by which accessors they go.
path "auth/approle/role/+/secret-id/" {
  capabilities = ["list"]
}

# Withdraw what was handed out.
path "auth/approle/role/+/secret-id-accessor/destroy" {
  capabilities = ["create", "update"]
}

path "auth/token/revoke-accessor" {
  capabilities = ["create", "update"]
}
