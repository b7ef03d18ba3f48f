# For every service and person of a tenant: reads that tenant's secrets, no other's.
#
# The tenant is the `tenant` in the metadata of the caller's entity. Vault fills it in
# at each request, so one policy serves all tenants, and whoever has no such metadata
# gets nothing. A token's own metadata is not asked: its holder could have written it.

path "secret/data/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["read"]
}

path "secret/metadata/tenants/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["read", "list"]
}
