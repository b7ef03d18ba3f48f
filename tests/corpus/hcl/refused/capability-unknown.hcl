path "a" { capabilities = ["reed"] }
