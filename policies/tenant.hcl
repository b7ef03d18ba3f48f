# For the services and people of a tenant: access to the secrets of that tenant only.
#
# The tenant is `tenant` in the metadata of the caller's entity. Vault resolves the template on each
# request, so all tenants share this policy, and a caller without that metadata has no access. The
# metadata of the token is not used, because the holder of a token can choose the metadata of a child
# token.
#
# For read-only access, write a policy without `create` and `update` on secret/data, and without
# secret/delete, secret/undelete and transit/encrypt.

# The encrypted secrets.
path "secret/data/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["create", "read", "update"]
}

# The names and versions of secrets.
path "secret/metadata/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["read", "list"]
}

# The same for many secrets in one request. Only OpenBao has this path; without it, a list takes one
# request per secret.
path "secret/detailed-metadata/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["list"]
}

# Deletes and undeletes versions. To destroy versions, a token needs version-destroyer.hcl.
path "secret/delete/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["update"]
}

path "secret/undelete/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["update"]
}

# The properties of the tenant's key: whether it derives keys from a context, which binds a ciphertext to
# its path. This does not reveal the key.
path "transit/keys/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["read"]
}

# With `create`, encryption would create a missing key, and without key derivation.
path "transit/encrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}

path "transit/decrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}
