# For the agent that executes tasks. It reads the credentials of the MCP servers and the deployment key.
# It cannot change them: the user of a key must not be able to replace it.

# The MCP servers as a whole, for clients that do not say in the headers which tool they call: those of
# revisions before 2026-07-28. With this rule, every tool can be called.
path "route/mcp" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}

# All methods and tools, for clients of revision 2026-07-28. Calls of tools need `update`, all other
# methods `read`.
path "route/mcp/*" {
  capabilities = ["read", "update"]
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
