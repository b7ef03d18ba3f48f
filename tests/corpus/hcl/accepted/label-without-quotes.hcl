path secret.a-b { capabilities = ["read"] }
