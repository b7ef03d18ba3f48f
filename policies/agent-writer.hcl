# For the agent that writes the settings of the platform's applications. It cannot delete: after a write
# the previous version still exists, but a deletion needs a person. It has no access to the secrets of
# the MCP servers and of deployments. Of the MCP servers it lists and reads everything, and calls only the
# tools that are named at the end.

path "smarteros/metadata/app/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/app/*" {
  capabilities = ["create", "read", "update", "patch"]
}

# The validator checks MCP requests on route/mcp/METHOD, and on route/mcp/METHOD/NAME if the method has a
# name. Without `read` on tools/list and server/discover, clients fail.
path "route/mcp/server/discover" {
  capabilities = ["read"]
}

path "route/mcp/tools/list" {
  capabilities = ["read"]
}

path "route/mcp/prompts/*" {
  capabilities = ["read"]
}

path "route/mcp/resources/*" {
  capabilities = ["read"]
}

path "route/mcp/completion/complete" {
  capabilities = ["read"]
}

path "route/mcp/subscriptions/listen" {
  capabilities = ["read"]
}

path "route/mcp/notifications/*" {
  capabilities = ["read"]
}

# The tools for writing. These names are examples: replace them by those of your MCP servers' tools. A
# tool needs `update`. There is no rule for route/mcp itself, which grants access to clients that do not
# say which tool they call: they could call all of them.
path "route/mcp/tools/call/update_setting" {
  capabilities = ["update"]
}

path "route/mcp/tools/call/write_*" {
  capabilities = ["update"]
}
