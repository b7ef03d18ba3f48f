path "a" { capabilities = ["read",] }
