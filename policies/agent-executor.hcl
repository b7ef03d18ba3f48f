# For the agent that executes tasks. It reads the credentials of the MCP servers and the deployment key.
# It cannot change them: the user of a key must not be able to replace it.

# The route to the MCP servers.
path "route/mcp" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}

path "smarteros/metadata/mcp/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/mcp/*" {
  capabilities = ["read"]
}

path "smarteros/data/ssh/deploy" {
  capabilities = ["read"]
}
