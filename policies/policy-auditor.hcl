# For audits of access: reads policies, and the roles, entities and groups that have them. Cannot change
# anything or read secrets. Give it to other people than the operators, and to the job that runs
# `policies plan --detailed-exitcode`.

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/+" {
  capabilities = ["read"]
}

# Mounts, auth methods and audit devices. Vault requires `sudo` even to read the list of audit devices.
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

# The AppRoles, token roles, entities and groups that have policies.
path "auth/approle/role" {
  capabilities = ["list"]
}

path "auth/approle/role/+" {
  capabilities = ["read"]
}

path "auth/token/roles" {
  capabilities = ["list"]
}

path "auth/token/roles/+" {
  capabilities = ["read"]
}

path "identity/entity/id" {
  capabilities = ["list"]
}

path "identity/entity/id/+" {
  capabilities = ["read"]
}

path "identity/group/id" {
  capabilities = ["list"]
}

path "identity/group/id/+" {
  capabilities = ["read"]
}
