# For people and services that use only the application n8n.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/n8n" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
