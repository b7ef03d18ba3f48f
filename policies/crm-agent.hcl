# For those who work in their tenant's CRM. The CRM's route requires this policy or
# crm-admin by name; what it grants is the CRM's own secret.

path "secret/data/tenants/{{identity.entity.metadata.tenant}}/crm" {
  capabilities = ["read"]
}
