# For those who work in their tenant's CRM. The CRM's route requires this policy or
# crm-admin by name; what it grants is to read the CRM's own secret.

# Of all rules that match a path Vault heeds only the most specific. The `+` makes this one
# less so than those of tenant.hcl, which would else lose their `create` and `update` here.
path "secret/data/+/{{identity.entity.metadata.tenant}}/crm" {
  capabilities = ["read"]
}

path "transit/keys/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["read"]
}

path "transit/decrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}
