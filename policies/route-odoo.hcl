# For people who use odoo, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/odoo" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
