# For the agent that directs the others: sees what there is and reads what the MCP servers take
# to do their work, and changes nothing. It has no access to the key for deployments.
#
# `smarteros` is the platform's own KV version 2 mount, apart from the tenants'.

path "smarteros/metadata/*" {
  capabilities = ["list", "read"]
}

path "smarteros/data/mcp/*" {
  capabilities = ["read"]
}

path "smarteros/data/app/*" {
  capabilities = ["read"]
}
