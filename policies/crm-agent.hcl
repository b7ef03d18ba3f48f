# For users of their tenant's CRM. The CRM's route requires one of the policies crm-agent, crm-admin and
# route-crm by name. This policy grants read access to the secret of the CRM.

# Of all rules that match a path, Vault uses only the most specific one. Because of the `+`, this rule
# is less specific than that of tenant.hcl, so it does not remove that rule's `create` and `update`.
path "secret/data/+/{{identity.entity.metadata.tenant}}/crm" {
  capabilities = ["read"]
}

path "transit/keys/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["read"]
}

path "transit/decrypt/tenant-{{identity.entity.metadata.tenant}}" {
  capabilities = ["update"]
}
