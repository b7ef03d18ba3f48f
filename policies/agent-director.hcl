# For the agent that directs the others. It lists all secrets of the platform, and reads those of the
# MCP servers and the applications. It cannot change anything, or read the deployment key. Of the MCP
# servers it lists and reads everything, and calls no tool.
#
# `smarteros` is the platform's KV version 2 mount, separate from the mount of the tenants' secrets.

path "smarteros/metadata/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/mcp/*" {
  capabilities = ["read"]
}

path "smarteros/data/app/*" {
  capabilities = ["read"]
}

# The validator checks MCP requests on route/mcp/METHOD, and on route/mcp/METHOD/NAME if the method has a
# name. A tool is called with `update` on route/mcp/tools/call/TOOL. Without `read` on tools/list and
# server/discover, clients fail.
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
