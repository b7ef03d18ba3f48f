# For the agent that writes: keeps the settings of the platform's applications. It does not delete,
# since a new version leaves the old one to go back to, and a deletion asks for a person. What the
# MCP servers and deployments use is not its business.

path "smarteros/metadata/app/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/app/*" {
  capabilities = ["create", "read", "update", "patch"]
}
