# For people who use all applications of the platform. The validator checks that the caller has the
# capability for the request's method on route/APPLICATION. These paths exist in policies only; nothing is
# mounted there. For one application, use route-APPLICATION.hcl. For read-only access, write a policy
# with `read`.

path "route/+" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
