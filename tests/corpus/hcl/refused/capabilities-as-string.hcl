path "a" { capabilities = "read" }
