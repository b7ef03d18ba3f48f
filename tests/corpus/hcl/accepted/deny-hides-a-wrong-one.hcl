path "a" { capabilities = ["deny", "nope"] }
