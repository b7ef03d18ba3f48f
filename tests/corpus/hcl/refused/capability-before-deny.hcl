path "a" { capabilities = ["nope", "deny"] }
