path = { capabilities = ["read"] }
