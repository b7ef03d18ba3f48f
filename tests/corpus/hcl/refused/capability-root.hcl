path "a" { capabilities = ["root"] }
