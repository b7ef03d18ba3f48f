# For people who work with all of the platform's applications. Caddy asks whether Vault grants a
# caller route/APPLICATION for the method of the request; there is nothing at these paths.
# For one application there is route-APPLICATION.hcl; for looking only, write a policy with `read`.

path "route/+" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
