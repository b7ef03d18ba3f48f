# For people and services that use only the application bot.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/bot" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
