# For every service and person of a tenant: that tenant's secrets, and no other's.
#
# The tenant is the `tenant` in the metadata of the caller's entity. Vault fills it in
# at each request, so one policy serves all tenants, and a caller without such metadata
# gets nothing. A token's own metadata is not used: its holder could have written it.
#
# For those who may read and not write, leave out `create` and `update` on secret/data,
# secret/delete, secret/undelete, and transit/encrypt.

# The secrets, each encrypted as a whole.
path "secret/data/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["create", "read", "update"]
}

# Their names and versions.
path "secret/metadata/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["read", "list"]
}

# The same, many at once: OpenBao's alone, and without it a list takes a call for each secret.
path "secret/detailed-metadata/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["list"]
}

# Deletes a version so that it can be brought back; to destroy one takes an operator.
path "secret/delete/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["update"]
}

path "secret/undelete/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["update"]
}

# Whether the tenant's key binds a secret to its place. The key itself is never shown.
path "transit/keys/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["read"]
}

# `create` would let transit make a key where there is none, and one that binds nothing.
path "transit/encrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}

path "transit/decrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}
