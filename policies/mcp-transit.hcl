# For MCP providers that encrypt their own data, each with its own transit key, which never leaves Vault.
#
# The provider is `provider` in the metadata of the caller's entity; Vault resolves the template on each
# request. `update` without `create` prevents that encryption under a mistyped name creates a key:
# operators create the keys.

path "transit/encrypt/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

path "transit/decrypt/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

# Re-encrypts ciphertexts with the latest version of the key, without revealing the plaintext.
path "transit/rewrap/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["update"]
}

path "transit/keys/mcp-{{identity.entity.metadata.provider}}" {
  capabilities = ["read"]
}
