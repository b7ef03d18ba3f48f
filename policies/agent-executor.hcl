# For the agent that carries things out: reads what the MCP servers need to be called, and the key
# for deployments. It changes none of them: the user of a key should not be able to set it.

# The MCP servers, behind the route of that name.
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
