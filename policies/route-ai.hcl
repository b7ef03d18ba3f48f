# For people who use ai, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/ai" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
