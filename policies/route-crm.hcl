# For people who use crm, and no other application.
# `make route-policies` writes this file from deploy/caddy/Caddyfile.

path "route/crm" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
