# For people who use mcp, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/mcp" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
