# For people who use all applications of the platform. The validator checks that the caller has the
# capability for the request's method on route/APPLICATION. These paths exist in policies only; nothing is
# mounted there. For one application, use route-APPLICATION.hcl. For read-only access, write a policy
# with `read`.

path "route/+" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}

# The same for MCP servers, for clients of revision 2026-07-28, whose method and tool the validator checks
# on route/APPLICATION/METHOD and route/APPLICATION/METHOD/NAME. The methods are listed one by one:
# `route/+/*` would also grant all paths of applications whose guard checks them (acl_uri). Calls of tools
# need `update`.
path "route/+/server/discover" {
  capabilities = ["read"]
}

path "route/+/tools/list" {
  capabilities = ["read"]
}

path "route/+/tools/call/*" {
  capabilities = ["update"]
}

path "route/+/prompts/*" {
  capabilities = ["read"]
}

path "route/+/resources/*" {
  capabilities = ["read"]
}

path "route/+/completion/complete" {
  capabilities = ["read"]
}

path "route/+/subscriptions/listen" {
  capabilities = ["read"]
}

path "route/+/notifications/*" {
  capabilities = ["read"]
}

path "route/+/tasks/*" {
  capabilities = ["read"]
}
