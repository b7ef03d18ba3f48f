# For people who use chatwoot, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/chatwoot" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
