# For people and services that use only the application ai.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/ai" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
