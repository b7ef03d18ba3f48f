# For MCP providers that keep something of their own encrypted: each with its own transit key,
# which never leaves Vault.
#
# The provider is the `provider` in the metadata of the caller's entity, filled in by Vault at each
# request. With `update` alone no caller creates a key by encrypting under a name that was mistyped: an
# operator makes it.

path "transit/encrypt/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

path "transit/decrypt/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

# Brings what was encrypted with an old version of the key to the new one, unseen.
path "transit/rewrap/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

path "transit/keys/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["read"]
}
