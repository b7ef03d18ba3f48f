# For people and services that use only the application chatwoot.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/chatwoot" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
