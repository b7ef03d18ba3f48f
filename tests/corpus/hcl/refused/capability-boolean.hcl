path "a" { capabilities = [true] }
