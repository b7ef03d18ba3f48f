# For people and services that use only the application mcp.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/mcp" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}

# The methods and tools of MCP servers, for clients that name them in the headers.
path "route/mcp/*" {
  capabilities = ["read", "update"]
}
