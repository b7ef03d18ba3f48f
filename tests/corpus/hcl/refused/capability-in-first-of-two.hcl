path "a" { capabilities = ["nope"] capabilities = ["read"] }
