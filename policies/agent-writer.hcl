# For the agent that writes the settings of the platform's applications. It cannot delete: after a write
# the previous version still exists, but a deletion needs a person. It has no access to the secrets of
# the MCP servers and of deployments.

path "smarteros/metadata/app/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/app/*" {
  capabilities = ["create", "read", "update", "patch"]
}
