# For the agent that directs the others. It lists all secrets of the platform, and reads those of the
# MCP servers and the applications. It cannot change anything, or read the deployment key.
#
# `smarteros` is the platform's KV version 2 mount, separate from the mount of the tenants' secrets.

path "smarteros/metadata/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/mcp/*" {
  capabilities = ["read"]
}

path "smarteros/data/app/*" {
  capabilities = ["read"]
}
