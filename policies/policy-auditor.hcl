# For auditing what the platform grants: reads policies, and who has which.
# Changes nothing, and reads no secret. Give it to people other than the operators, and to the
# job that runs `policies plan --detailed-exitcode`.

path "sys/policies/acl" {
  capabilities = ["list"]
}

path "sys/policies/acl/+" {
  capabilities = ["read"]
}

# Where secrets are, how people log in, and whether it is written down. Vault counts the list of
# audit devices among what needs `sudo`, to read it too.
path "sys/mounts" {
  capabilities = ["read"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

# Who has which policy: roles, tokens' roles, entities and groups.
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
