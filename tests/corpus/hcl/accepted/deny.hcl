path "a" { capabilities = ["deny"] }
