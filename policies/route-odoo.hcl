# For people and services that use only the application odoo.
# `make route-policies` generates this file from deploy/caddy/Caddyfile.

path "route/odoo" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
