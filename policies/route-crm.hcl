# For people and services that use only the application crm.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/crm" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
