path "a" { capabilities = ["Read"] }
