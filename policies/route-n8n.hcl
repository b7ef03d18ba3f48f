# For people who use n8n, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/n8n" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
