# For people who use bot, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/bot" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
